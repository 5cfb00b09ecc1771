package transports

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"tidings/protocol"
)

// machine is a Conn of the library, over a wire that is lent from socket to socket. On systems that report which conns
// are readable, only sockets that are being read have one. A machine is passed on only between two messages, with
// nothing in its buffer. It relies on the library reading on after a read that found nothing: epoll_linux_test.go pins
// the version.
type machine struct {
	ws       *websocket.Conn
	buffered *bufio.Reader // the library's
	socket   *socket       // nil while it is idle
	early    []byte        // read from the client before the upgrade was done
	readErr  error         // the last error of wire.Read
	between  bool          // no message is under way
	timed    bool          // the socket's conn has a read deadline
	emptied  bool          // the last read took all that was there
}

// machineFor returns a machine that reads for k.
func machineFor(k *socket) *machine {
	m, ok := k.h.machines.Get().(*machine)
	if !ok {
		m = newMachine()
	}
	m.socket = k
	return m
}

// acceptOptions of the library.
var acceptOptions = &websocket.AcceptOptions{
	InsecureSkipVerify: true, // gate has checked the origin, more strictly
	CompressionMode:    websocket.CompressionDisabled,
}

// Buffers of one machine, in bytes. A control frame has at most 127 bytes, so each that the library writes is one
// Write.
const (
	readBuffer  = 128 // longer reads bypass it, into the message's own buffer
	writeBuffer = 144
)

// newMachine has the library make a Conn in its only way, by a handshake.
func newMachine() *machine {
	m := &machine{}
	options := *acceptOptions
	options.OnPongReceived = m.ponged
	ws, err := websocket.Accept(&rehearsal{header: http.Header{}, machine: m}, &http.Request{
		Method: http.MethodGet, ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Connection":            {"Upgrade"},
			"Upgrade":               {"websocket"},
			"Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key":     {"AAAAAAAAAAAAAAAAAAAAAA=="},
		},
	}, &options)
	if err != nil {
		panic(err) // the handshake is ours
	}
	ws.SetReadLimit(maxSpeechBytes + 1) // readFrom and framing have the limit of each socket
	m.ws = ws
	m.buffered.Reset((*wire)(m)) // without the library's own reader between, which would read no more after an EOF
	return m
}

// ponged passes a pong to a talk that waits for it.
func (m *machine) ponged(_ context.Context, carried []byte) {
	k := m.socket
	if k.speech == nil {
		return
	}
	if t, ok := k.speech.talk.(Ponged); ok && t.Pong(carried) {
		k.speech.goOn.Store(true)
		k.Wake()
	}
}

// rehearsal is the server's side of a handshake that no client sees.
type rehearsal struct {
	header  http.Header
	machine *machine
}

func (h *rehearsal) Header() http.Header         { return h.header }
func (h *rehearsal) Write(p []byte) (int, error) { return len(p), nil }
func (h *rehearsal) WriteHeader(int)             {}

func (h *rehearsal) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	wire := (*wire)(h.machine)
	h.machine.buffered = bufio.NewReaderSize(wire, readBuffer)
	return wire, bufio.NewReadWriter(h.machine.buffered, bufio.NewWriterSize(wire, writeBuffer)), nil
}

// release frees the machine for another socket.
func (m *machine) release() {
	h := m.socket.h
	m.socket.machine, m.socket = nil, nil
	m.readErr, m.between, m.emptied = nil, false, false
	h.machines.Put(m)
}

// limitTime sets the deadline, assemblyLimit from now, by which the message under way must be complete.
func (m *machine) limitTime() {
	if !m.timed {
		m.timed = true
		m.socket.conn.SetReadDeadline(time.Now().Add(assemblyLimit))
	}
}

// untime removes that deadline.
func (m *machine) untime() {
	if m.timed {
		m.timed = false
		m.socket.conn.SetReadDeadline(time.Time{})
	}
}

// wire is the net.Conn that the library reads and writes. Its writes, pongs and close frames, go out through the
// stream, between two batches.
type wire machine

func (w *wire) Read(p []byte) (n int, err error) {
	k := w.socket
	if k == nil {
		return 0, io.ErrClosedPipe
	}
	if bad := k.intake.framing.bad; bad != nil { // the library would wait for the bytes
		w.readErr = bad
		return 0, bad
	}
	switch {
	case len(w.early) > 0:
		n = copy(p, w.early)
		if w.early, w.emptied = w.early[n:], false; len(w.early) == 0 {
			w.early = nil
		}
	case k.watched && w.between && k.intake.framing.between(): // the library has dealt with all that came, and waits for another frame
		n, err = k.tryRead(p)
		w.emptied = n < len(p)
	default:
		w.emptied = false
		if k.watched {
			(*machine)(w).limitTime()
		}
		k.startWriting()
		n, err = k.conn.Read(p)
	}
	if w.readErr = err; err == errDry {
		return 0, err
	}
	now := time.Now()
	k.lastIn.Store(now.UnixNano())
	if n > 0 && !k.intake.take(p[:n], now) {
		n, err = 0, errIntake
	}
	w.readErr = err
	return n, err
}

// Write takes one control frame.
func (w *wire) Write(p []byte) (int, error) {
	k := w.socket
	if len(p) > 0 && p[0]&0x0f == opClose {
		k.closeAs(p)
	} else {
		k.put(p)
	}
	return len(p), nil
}

// closeAs replaces a close frame of the library, whose reason is the library's text or the client's own.
func (k *socket) closeAs(p []byte) {
	number := closeNormal
	if len(p) >= 4 {
		number = int(binary.BigEndian.Uint16(p[2:]))
	}
	switch {
	case number == protocol.CodeProtocolError.Row().Close && len(p) > 4:
		k.fail(errProtocol)
	case number == protocol.CodeTooLarge.Row().Close && len(p) > 4:
		k.fail(errTooLarge)
	default:
		k.finish(appendClose(nil, number, ""))
	}
}

// Close is called by the library when it abandons the conn. An idle machine has no conn when it is collected.
func (w *wire) Close() error {
	if w.socket != nil {
		w.socket.shut()
	}
	return nil
}

// The library uses none of these.

func (w *wire) LocalAddr() net.Addr              { return nil }
func (w *wire) RemoteAddr() net.Addr             { return nil }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
