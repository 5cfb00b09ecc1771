package transports

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"tidings/protocol"
)

// read deals with one message of the client.
func (k *socket) read() bool {
	intro := k.opening.Load()
	if intro != nil && intro.plain != nil && !intro.waited {
		return k.connectPlain(intro)
	}
	// A context that can end would cost 11 allocations a message and close the conn; deadlines do the same on the conn.
	k.between = true
	kind, r, err := k.ws.Reader(context.Background())
	k.between = false
	if k.dry = err != nil && k.readErr == errDry; k.dry {
		k.untime()
		return true
	}
	if err != nil {
		return k.readFailed(err)
	}
	if kind != websocket.MessageText {
		return k.refuseMessage(errBinary)
	}
	m := messages.Get().(*message)
	defer m.release()
	if !k.watched {
		k.limitTime()
	}
	err = m.readFrom(r)
	k.untime()
	switch {
	case err == errTooLarge:
		return k.refuseMessage(errTooLarge)
	case err != nil:
		return k.readFailed(err)
	case k.isEnded():
		return true // the client has not read our farewell yet
	case !utf8.Valid(m.body):
		return k.refuseMessage(errBadUTF8)
	}
	return k.receive(m.body)
}

// limitTime gives the message under way assemblyLimit to be complete.
func (k *socket) limitTime() {
	if !k.timed {
		k.timed = true
		k.conn.SetReadDeadline(time.Now().Add(assemblyLimit))
	}
}

func (k *socket) untime() {
	if k.timed {
		k.timed = false
		k.conn.SetReadDeadline(time.Time{})
	}
}

func (k *socket) shallow() bool { return k.buffered.Buffered() > 0 }

func (k *socket) crashed(cause any) {
	k.fail(k.h.panicked(cause))
	k.leave()
}

var (
	errBinary   = &protocol.Error{Code: protocol.CodeUnsupportedData, Reason: "a binary message", Hint: "Send text messages."}
	errBadUTF8  = &protocol.Error{Code: protocol.CodeBadUTF8, Reason: "a text message that is not UTF-8", Hint: "Send UTF-8."}
	errProtocol = &protocol.Error{Code: protocol.CodeProtocolError, Reason: "a frame that RFC 6455 forbids", Hint: "Use a WebSocket client."}
	errFlood    = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "the client sends too much", Hint: "At most 1000 WebSocket frames and 256 KiB per second."}
	errUnending = &protocol.Error{Code: protocol.CodeTimeout, Reason: "a message was not complete after 10 s", Hint: "Send it in one go."}
)

// receive hands on one message's frames.
func (k *socket) receive(body []byte) bool {
	frames, err := protocol.DecodeClientFrames(body)
	intro, bound := k.opening.Load(), k.bound.Load()
	switch {
	case intro != nil && (intro.plain == nil || bound == nil):
		return k.introduce(intro, frames, err)
	case err != nil:
		bound.session.Fault(bound.gen, idsOf(frames), k.h.asError(err))
		return true
	case intro != nil && frames[0].Type == protocol.TypeConnect:
		return k.reconnectPlain(intro, frames)
	}
	if err := bound.session.Receive(bound.gen, frames); err != nil {
		k.fail(k.h.asError(err))
	}
	return true
}

// idsOf gives the ids of the requests among frames that were refused together.
func idsOf(frames []protocol.ClientFrame) (ids []uint64) {
	for i := range frames {
		if id := frames[i].ID; id != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// refuseMessage ends the socket for a message after which the library can read no further. What still comes is thrown away, so
// that the farewell arrives: closing a socket with unread bytes resets it.
func (k *socket) refuseMessage(err *protocol.Error) bool {
	k.fail(err)
	k.untime()
	m := messages.Get().(*message)
	defer m.release()
	for total := 0; total < bytesBurst; {
		n, err := k.conn.Read(m.body[:cap(m.body)])
		if err != nil {
			break // closed by the client, or by the wheel when the time of grace is over
		}
		total += n
	}
	k.leave()
	return false
}

// leave gives the library's and our end of the socket up.
func (k *socket) leave() {
	k.ws.CloseNow()
	k.shut()
}

// readFailed ends the reading: the client left, or broke the rules.
func (k *socket) readFailed(err error) bool {
	switch {
	case websocket.CloseStatus(err) != -1:
	case errors.Is(k.readErr, errIntake):
		return k.refuseMessage(errFlood)
	case errors.Is(k.readErr, os.ErrDeadlineExceeded):
		return k.refuseMessage(errUnending)
	case k.readErr == nil && !errors.Is(err, net.ErrClosed):
		return k.refuseMessage(errProtocol) // the library found the fault
	}
	k.lose("")
	k.leave()
	return false
}

// message is a pooled buffer for one message.
type message struct{ body []byte }

var messages = sync.Pool{New: func() any { return &message{make([]byte, 0, 1<<10)} }}

func (m *message) release() {
	m.body = m.body[:0]
	messages.Put(m)
}

// readFrom reads all of r. It fails with errTooLarge above protocol.MaxMessageBytes.
func (m *message) readFrom(r io.Reader) error {
	for {
		if len(m.body) == cap(m.body) {
			m.body = append(m.body, 0)[:len(m.body)]
		}
		n, err := r.Read(m.body[len(m.body):min(cap(m.body), protocol.MaxMessageBytes+1)])
		m.body = m.body[:len(m.body)+n]
		switch {
		case len(m.body) > protocol.MaxMessageBytes:
			return errTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// wire is the net.Conn that the library has. What it writes, pongs and close frames, goes through the stream, between two batches.
type wire socket

func (w *wire) Read(p []byte) (n int, err error) {
	k := (*socket)(w)
	switch {
	case len(k.early) > 0:
		n = copy(p, k.early)
		if k.early = k.early[n:]; len(k.early) == 0 {
			k.early = nil
		}
	case !k.watched:
		n, err = k.conn.Read(p)
	case k.between && k.intake.framing.between(): // the library has dealt with all that came, and waits for another frame
		n, err = k.tryRead(p)
	default:
		k.limitTime()
		n, err = k.conn.Read(p)
	}
	if k.readErr = err; err == errDry {
		return 0, err
	}
	now := time.Now()
	k.lastIn.Store(now.UnixNano())
	if n > 0 && !k.intake.take(p[:n], now) {
		n, err = 0, errIntake
	}
	k.readErr = err
	return n, err
}

// Write takes one control frame.
func (w *wire) Write(p []byte) (int, error) {
	k := (*socket)(w)
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

// Close is called by the library when it gives the conn up.
func (w *wire) Close() error {
	(*socket)(w).shut()
	return nil
}

func (w *wire) LocalAddr() net.Addr                { return w.conn.LocalAddr() }
func (w *wire) RemoteAddr() net.Addr               { return w.conn.RemoteAddr() }
func (w *wire) SetDeadline(t time.Time) error      { return w.conn.SetDeadline(t) }
func (w *wire) SetReadDeadline(t time.Time) error  { return w.conn.SetReadDeadline(t) }
func (w *wire) SetWriteDeadline(t time.Time) error { return nil }
