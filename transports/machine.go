package transports

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"tidings/protocol"
)

// machine is a Conn of the library over a wire that goes from socket to socket: where the system tells when something is there to be
// read, only sockets that are being read have one. It is given on only between two messages, with nothing in its buffer. The library
// reads on after a wire that found nothing: epoll_linux_test.go pins the version.
type machine struct {
	ws       *websocket.Conn
	buffered *bufio.Reader // the library's
	socket   *socket       // nil while it is idle
	early    []byte        // of the client, read before the upgrade was done
	readErr  error         // what Read gave last
	between  bool          // no message is under way
	timed    bool          // the socket's conn has a read deadline
}

// machineFor gives a socket a machine.
func machineFor(k *socket) *machine {
	m, ok := k.h.machines.Get().(*machine)
	if !ok {
		m = newMachine()
	}
	m.socket = k
	return m
}

// Buffers of one machine, in bytes. A control frame has at most 127 bytes, so each that the library writes is one Write.
const (
	readBuffer  = 128 // what is longer goes past it, to the message's own
	writeBuffer = 144
)

// newMachine lets the library make a Conn the only way that it does, by a handshake.
func newMachine() *machine {
	m := &machine{}
	ws, err := websocket.Accept(&rehearsal{header: http.Header{}, machine: m}, &http.Request{
		Method: http.MethodGet, ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Connection":            {"Upgrade"},
			"Upgrade":               {"websocket"},
			"Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key":     {"AAAAAAAAAAAAAAAAAAAAAA=="},
		},
	}, acceptOptions)
	if err != nil {
		panic(err) // the handshake is ours
	}
	ws.SetReadLimit(protocol.MaxMessageBytes)
	m.ws = ws
	m.buffered.Reset((*wire)(m)) // without the reader that the library puts between, for which an EOF is the last word
	return m
}

// rehearsal is the server's side of the handshake that nobody hears.
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

// release gives the machine on.
func (m *machine) release() {
	h := m.socket.h
	m.socket.machine, m.socket = nil, nil
	m.readErr, m.between = nil, false
	h.machines.Put(m)
}

// limitTime gives the message under way assemblyLimit to be complete.
func (m *machine) limitTime() {
	if !m.timed {
		m.timed = true
		m.socket.conn.SetReadDeadline(time.Now().Add(assemblyLimit))
	}
}

func (m *machine) untime() {
	if m.timed {
		m.timed = false
		m.socket.conn.SetReadDeadline(time.Time{})
	}
}

// wire is the net.Conn that the library has. What it writes, pongs and close frames, goes through the stream, between two batches.
type wire machine

func (w *wire) Read(p []byte) (n int, err error) {
	k := w.socket
	if k == nil {
		return 0, io.ErrClosedPipe
	}
	switch {
	case len(w.early) > 0:
		n = copy(p, w.early)
		if w.early = w.early[n:]; len(w.early) == 0 {
			w.early = nil
		}
	case k.watched && w.between && k.intake.framing.between(): // the library has dealt with all that came, and waits for another frame
		n, err = k.tryRead(p)
	default:
		if k.watched {
			(*machine)(w).limitTime()
		}
		k.letGo()
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

// closeAs replaces a close frame of the library: its reason is a library's text, or the client's own, and goes to nobody.
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

// Close is called by the library when it gives the conn up. An idle machine that is collected has none.
func (w *wire) Close() error {
	if w.socket != nil {
		w.socket.shut()
	}
	return nil
}

// The library asks for none of these.

func (w *wire) LocalAddr() net.Addr              { return nil }
func (w *wire) RemoteAddr() net.Addr             { return nil }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
