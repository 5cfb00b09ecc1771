package actors

import (
	"context"
	"tidings/protocol"
	"time"
)

// Send takes one numbered body of POST /bus/send, once, when its turn has come; a body that was taken before gets the
// same answer again. It waits protocol.SequenceHold for a predecessor, then it fails with CodeSequenceGap. It fails
// with CodeBadCursor if more is said to be received than was sent, with CodeWrongTransport if the connection is on
// WebSocket, with CodeRateLimited, with CodeTimeout when ctx ends, and with CodeSessionGone after the connection's end.
func (c *Connection) Send(ctx context.Context, s *protocol.Send) error {
	if c.kind() == webSocketKind {
		return &protocol.Error{Code: protocol.CodeWrongTransport, Reason: "the session is on WebSocket, which carries frames upstream itself", Hint: "Send the frames over the WebSocket."}
	}
	if c.ended.Load() {
		return c.gone()
	}
	if s.Received != nil {
		if err := c.out.Ack(*s.Received); err != nil {
			return err
		}
	}
	order := made(&c.order)
	var hold *time.Timer
	for {
		wait, err := order.turn(s.Seq, func() error { return c.apply(s) })
		if wait == nil {
			return err
		}
		if hold == nil {
			hold = time.NewTimer(protocol.SequenceHold)
			defer hold.Stop()
		}
		err = nil
		select {
		case <-wait.turn:
		case <-hold.C:
			err = errSequence
		case <-ctx.Done():
			err = errTimeout
		}
		order.leave(wait)
		if err != nil {
			return err
		}
	}
}

// apply hands the frames of a body to the actor.
func (c *Connection) apply(s *protocol.Send) error {
	switch {
	case s.Refused != nil:
		c.Fault(anyGeneration, protocol.RequestIDs(s.Frames), s.Refused)
	case len(s.Frames) > 0:
		return c.Receive(anyGeneration, s.Frames)
	}
	return nil
}
