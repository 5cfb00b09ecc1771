package transports

import "tidings/protocol"

// Asker is a Talk that asks its session for more than a message of the client says at once: one that has something to
// do when an answer has come.
type Asker interface {
	// Open is called once, before all else.
	Open(line Line)
}

// Line is what a Talk can do of its own accord, from any goroutine and in any of its methods.
type Line interface {
	// Send passes frames to the session, as Heard.Frames are. They are thrown away while there is no session.
	Send(frames []protocol.ClientFrame)
	// Fail ends the connection. What it still says is Farewell's.
	Fail(fault *protocol.Error)
}

var _ Line = (*socket)(nil)

// Send implements Line.
func (k *socket) Send(frames []protocol.ClientFrame) {
	bound := k.bound.Load()
	if bound == nil {
		return
	}
	if err := bound.session.Receive(bound.gen, frames); err != nil {
		k.fail(k.h.asError(err))
	}
}

// Fail implements Line.
func (k *socket) Fail(fault *protocol.Error) { k.fail(fault) }
