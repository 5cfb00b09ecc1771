package transports

import (
	"bufio"
	"bytes"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"tidings/protocol"
)

// Buffers of one WebSocket, in bytes. A control frame has at most 127 bytes, so each that the library writes is one Write.
const (
	readBuffer  = 128 // what is longer goes past it, to the message's own
	writeBuffer = 144
)

// upgrade lets the library do the handshake and puts wire under it.
func upgrade(w http.ResponseWriter, r *http.Request, k *socket) (*websocket.Conn, *upgradeWriter, error) {
	up := &upgradeWriter{ResponseWriter: w, socket: k}
	ws, err := websocket.Accept(up, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // gate has checked the origin, more strictly
		CompressionMode:    websocket.CompressionDisabled,
	})
	return ws, up, err
}

// upgradeWriter gives the library our conn and small buffers, so that net/http's may be freed, and keeps the library's own error
// texts from the client.
type upgradeWriter struct {
	http.ResponseWriter
	socket   *socket
	status   int
	hijacked bool
}

func (u *upgradeWriter) WriteHeader(status int) {
	u.status = status
	if status == http.StatusSwitchingProtocols {
		u.ResponseWriter.WriteHeader(status)
	}
}

func (u *upgradeWriter) Write(p []byte) (int, error) {
	if u.status >= http.StatusBadRequest {
		return len(p), nil
	}
	return u.ResponseWriter.Write(p)
}

// WriteHeaderNow is asked for by the library where gin stands below, which would write the header too late.
func (u *upgradeWriter) WriteHeaderNow() {
	if now, ok := u.ResponseWriter.(interface{ WriteHeaderNow() }); ok && u.status == http.StatusSwitchingProtocols {
		now.WriteHeaderNow()
	}
}

func (u *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.hijacked = true
	u.socket.conn = conn
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n)
		u.socket.early = bytes.Clone(early)
	}
	wire := (*wire)(u.socket)
	u.socket.buffered = bufio.NewReaderSize(wire, readBuffer)
	return wire, bufio.NewReadWriter(u.socket.buffered, bufio.NewWriterSize(wire, writeBuffer)), nil
}

// handshakeError says in our words why the library refused the request.
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
