package transports

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"tidings/protocol"
)

// upgrade has the handshake checked and makes the answer, which k writes first of all. It returns the status of the
// answer; if that is not 101, nothing has been answered yet.
func upgrade(w http.ResponseWriter, r *http.Request, k *socket) (status int) {
	up := &upgradeWriter{ResponseWriter: w, socket: k}
	if key, ok := usualHandshake(r); ok {
		up.accept(key)
	} else {
		websocket.Accept(up, r, acceptOptions) // fails always: see Hijack
	}
	return up.status
}

// usualHandshake reports whether a handshake is right and of the form that nearly all have, and returns its key. The
// library decides about any other one, and takes longer.
func usualHandshake(r *http.Request) (key string, ok bool) {
	one := func(name string) string {
		if values := r.Header[name]; len(values) == 1 {
			return values[0]
		}
		return ""
	}
	connection := one("Connection")
	if r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1) || one("Sec-Websocket-Version") != "13" || !strings.EqualFold(one("Upgrade"), "websocket") ||
		!strings.EqualFold(connection, "Upgrade") && !strings.EqualFold(connection, "keep-alive, Upgrade") {
		return "", false
	}
	key = one("Sec-Websocket-Key")
	var random [18]byte // of which a key fills 16
	n, err := base64.StdEncoding.Decode(random[:], []byte(key[:min(len(key), 24)]))
	return key, len(key) == 24 && err == nil && n == 16
}

// accept answers as the library would.
func (u *upgradeWriter) accept(key string) {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // of RFC 6455
	sum := sha1.Sum([]byte(key + guid))
	header := u.Header()
	header["Upgrade"], header["Connection"] = []string{"websocket"}, []string{"Upgrade"}
	header["Sec-Websocket-Accept"] = []string{base64.StdEncoding.EncodeToString(sum[:])}
	u.WriteHeader(http.StatusSwitchingProtocols)
	u.Hijack()
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
	if raw := restingUnder(u.ResponseWriter); raw != nil {
		u.taken, raw.held = true, true
		u.socket.answer(u.Header(), raw.conn.pass(u.socket))
		return nil, nil, errTaken
	}
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		u.status = http.StatusNotImplemented
		return nil, nil, err
	}
	u.taken = true
	u.socket.conn, _ = bare(conn)
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	u.socket.answer(u.Header(), bytes.Clone(early))
	return nil, nil, errTaken
}

// answer has the socket begin with the answer to its handshake, and with what the client sent behind that.
func (k *socket) answer(header http.Header, early []byte) {
	k.aside = append(make([]byte, 0, 256), "HTTP/1.1 101 Switching Protocols\r\n"...)
	k.aside = append(appendHeader(k.aside, header), "\r\n"...)
	if len(early) > 0 {
		k.machine = machineFor(k)
		k.machine.early = early
	}
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
