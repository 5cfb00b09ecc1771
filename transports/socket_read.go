package transports

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"unicode/utf8"

	"github.com/coder/websocket"

	"tidings/protocol"
)

// read deals with one message of the client.
func (k *socket) read() bool {
	if k.dry, k.short = k.fresh(), false; k.dry {
		k.startWriting()
		return true
	}
	more := k.readMessage()
	if k.short = more && k.emptied(); k.short {
		k.machine.release()
	}
	if k.dry || k.short || !more {
		k.startWriting()
	}
	return more
}

// emptied reports whether the message that was read was all that there was. To look for more would cost more than the
// reading of a short one: the library makes errors of it.
func (k *socket) emptied() bool {
	w := k.machine
	return w != nil && w.emptied && len(w.early) == 0 && w.buffered.Buffered() == 0 && k.intake.framing.between()
}

// fresh reports whether this is the first reading of a socket that sent nothing with its handshake. To look for more
// would cost a third of a message: the system reports what comes, also what came before the conn was added.
func (k *socket) fresh() bool {
	first := !k.begun
	k.begun = true
	intro := k.opening.Load()
	return first && k.watched && k.machine == nil && (intro == nil || !intro.unasked())
}

func (k *socket) readMessage() bool {
	intro := k.opening.Load()
	if intro != nil && intro.unasked() && !intro.waited {
		return k.connectUnasked(intro)
	}
	if k.machine == nil {
		k.machine = machineFor(k)
	}
	// A context that can end would cost 11 allocations a message and close the conn. Deadlines on the conn do the same.
	w := k.machine
	w.between = true
	kind, r, err := w.ws.Reader(context.Background())
	if k.dry = err != nil && w.readErr == errDry; k.dry {
		w.untime()
		w.release()
		return true
	}
	if err != nil {
		return k.readFailed(err)
	}
	w.between = false
	if kind != websocket.MessageText {
		return k.refuseMessage(errBinary)
	}
	m := messages.Get().(*message)
	defer m.release()
	if !k.watched {
		w.limitTime()
	}
	err = m.readFrom(r, k.intake.framing.limit())
	w.untime()
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

func (k *socket) shallow() bool { return k.machine != nil && k.machine.buffered.Buffered() > 0 }

func (k *socket) crashed(cause any) {
	k.startWriting()
	k.fail(k.h.panicked(cause))
	k.abandon()
}

var (
	errBinary   = &protocol.Error{Code: protocol.CodeUnsupportedData, Reason: "a binary message", Hint: "Send text messages."}
	errBadUTF8  = &protocol.Error{Code: protocol.CodeBadUTF8, Reason: "a text message that is not UTF-8", Hint: "Send UTF-8."}
	errFlood    = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "the client sends too much", Hint: "At most 1000 WebSocket frames and 256 KiB per second."}
	errUnending = &protocol.Error{Code: protocol.CodeTimeout, Reason: "a message was not complete after 10 s", Hint: "Send it in one go."}
)

// receive passes the frames of one message to the session.
func (k *socket) receive(body []byte) bool {
	if k.speech != nil {
		return k.hear(body)
	}
	frames, err := protocol.DecodeClientFrames(body)
	intro, bound := k.opening.Load(), k.bound.Load()
	switch {
	case intro != nil && (intro.plain == nil || bound == nil):
		return k.introduce(intro, frames, err)
	case err != nil:
		bound.session.Fault(bound.gen, protocol.RequestIDs(frames), k.h.asError(err))
		return true
	case intro != nil && frames[0].Type == protocol.TypeConnect:
		return k.reconnectPlain(intro, frames)
	}
	if err := bound.session.Receive(bound.gen, frames); err != nil {
		k.fail(k.h.asError(err))
	}
	return true
}

// hear passes a message of a client of a gateway to its talk.
func (k *socket) hear(body []byte) bool {
	intro, bound := k.opening.Load(), k.bound.Load()
	if bound == nil && (intro == nil || intro.unasked()) {
		return true // the session could not be opened, and the farewell is on its way
	}
	p := k.speech
	p.heard.Add(1)
	heard := p.talk.Hear(body)
	if len(heard.Back) > 0 {
		k.answerBack(heard.Back)
	}
	if heard.Malformed != nil {
		p.malformed.Add(1)
	}
	switch {
	case bound == nil && heard.Malformed != nil:
		k.failFor(&intro.peer, heard.Malformed)
		return true
	case bound == nil && len(heard.Frames) > 0:
		return k.connect(intro, &heard.Frames[0], heard.Frames[1:])
	case heard.Malformed != nil:
		bound.session.Fault(bound.gen, nil, heard.Malformed)
	}
	if len(heard.Frames) > 0 {
		k.Send(heard.Frames)
	}
	return true
}

// refuseMessage ends the socket because of a message after which the library can read no further. What still comes is
// thrown away, so that the farewell arrives: closing a socket with unread bytes resets it.
func (k *socket) refuseMessage(fault *protocol.Error) bool {
	k.fail(fault)
	k.startWriting()
	k.machine.untime()
	m := messages.Get().(*message)
	defer m.release()
	for total := 0; total < bytesBurst; {
		n, err := k.conn.Read(m.body[:cap(m.body)])
		if err != nil {
			break // closed by the client, or by the wheel when the time of grace is over
		}
		total += n
	}
	k.abandon()
	return false
}

// abandon closes the library's and our end of the socket.
func (k *socket) abandon() {
	if k.machine != nil {
		k.machine.ws.CloseNow()
		k.machine = nil
	}
	k.shut()
}

// readFailed ends the reading: the client left, or broke the rules.
func (k *socket) readFailed(err error) bool {
	switch {
	case websocket.CloseStatus(err) != -1:
	case k.intake.framing.bad != nil:
		return k.refuseMessage(k.intake.framing.bad)
	case errors.Is(k.machine.readErr, errIntake):
		return k.refuseMessage(errFlood)
	case errors.Is(k.machine.readErr, os.ErrDeadlineExceeded):
		return k.refuseMessage(errUnending)
	case k.machine.readErr == nil && !errors.Is(err, net.ErrClosed):
		return k.refuseMessage(errProtocol) // the library found the fault
	case k.machine.between && k.intake.framing.between():
		k.machine.release() // the client left between two frames, so the machine can serve another socket
	}
	k.lose("")
	k.abandon()
	return false
}

// message is a pooled buffer for one message.
type message struct{ body []byte }

var messages = sync.Pool{New: func() any { return &message{make([]byte, 0, 1<<10)} }}

func (m *message) release() {
	if cap(m.body) > keepBytes {
		return
	}
	m.body = m.body[:0]
	messages.Put(m)
}

// readFrom reads all of r. It fails with errTooLarge above limit bytes.
func (m *message) readFrom(r io.Reader, limit int) error {
	for {
		if len(m.body) == cap(m.body) {
			m.body = append(m.body, 0)[:len(m.body)]
		}
		n, err := r.Read(m.body[len(m.body):min(cap(m.body), limit+1)])
		m.body = m.body[:len(m.body)+n]
		switch {
		case len(m.body) > limit:
			return errTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
