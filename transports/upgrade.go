package transports

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"tidings/internal/guard"
	"tidings/protocol"
)

// acceptOptions of the library.
var acceptOptions = &websocket.AcceptOptions{
	InsecureSkipVerify: true, // gate has checked the origin, more strictly
	CompressionMode:    websocket.CompressionDisabled,
}

// upgrade has the library check the handshake and make the answer, which k writes first of all. It returns the status
// of the answer; if that is not 101, nothing has been answered yet.
func upgrade(w http.ResponseWriter, r *http.Request, k *socket) (status int) {
	up := &upgradeWriter{ResponseWriter: w, socket: k}
	websocket.Accept(up, r, acceptOptions) // fails always: see Hijack
	return up.status
}

// upgradeWriter takes the conn instead of the library, and keeps the library's own error texts from the client.
type upgradeWriter struct {
	http.ResponseWriter
	socket *socket
	status int
	taken  bool
}

func (u *upgradeWriter) WriteHeader(status int) {
	if u.taken {
		return
	}
	u.status = status
	if _, late := u.ResponseWriter.(interface{ WriteHeaderNow() }); late && status == http.StatusSwitchingProtocols {
		u.ResponseWriter.WriteHeader(status) // gin notes it, for the log
	}
}

func (u *upgradeWriter) Write(p []byte) (int, error) { return len(p), nil }

var errTaken = errors.New("transports: the conn was taken")

// Hijack keeps the conn for us. A Conn of the library costs 1.6 KB while it is idle, so the sockets that are being read
// share some (machine). The answer is not written here, so that it leaves together with the answers to the first
// frames.
func (u *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		u.status = http.StatusNotImplemented
		return nil, nil, err
	}
	u.taken = true
	u.socket.conn, _ = guard.Unwrap(conn)
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n)
		u.socket.machine = machineFor(u.socket)
		u.socket.machine.early = bytes.Clone(early)
	}
	u.socket.aside = switchingHead(u.Header())
	return nil, nil, errTaken
}

func switchingHead(header http.Header) []byte {
	b := bytes.NewBuffer(make([]byte, 0, 256))
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	header.Write(b)
	b.WriteString("\r\n")
	return b.Bytes()
}

// handshakeError returns in our words why the library refused the request, and the status to answer with.
func handshakeError(status int) (*protocol.Error, int) {
	switch status {
	case http.StatusMethodNotAllowed:
		return &protocol.Error{Code: protocol.CodeMethodNotAllowed, Reason: "a WebSocket is opened with GET", Hint: "Use a WebSocket client."}, status
	case http.StatusUpgradeRequired:
		return &protocol.Error{Code: protocol.CodeProtocolError, Reason: "this URL speaks WebSocket only", Hint: "Use a WebSocket client, or /bus/sse or /bus/poll; a proxy between may have to pass Upgrade on."}, status
	case http.StatusBadRequest:
		return &protocol.Error{Code: protocol.CodeProtocolError, Reason: "the WebSocket handshake is malformed", Hint: "See RFC 6455 section 4; Sec-WebSocket-Version is 13."}, status
	}
	return &protocol.Error{Code: protocol.CodeUnsupported, Reason: "WebSocket needs a HTTP/1.1 connection of its own", Hint: "Connect with HTTP/1.1."}, http.StatusNotImplemented
}
