package actors

import "tidings/protocol"

var withdrawnFrame = protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeWithdrawn})

// withdraw takes what waits of hidden channels out of the outbox, also what was written and may have to be written
// again. The count of frames stays as it is. The answer to a subscribe stays: it was allowed when it was given, and
// shows no message.
func (c *Connection) withdraw(hidden func(protocol.Channel) bool) {
	c.out.Replace(func(e *protocol.Encoded) (with *protocol.Encoded) {
		defer func() {
			if with != e {
				c.bus.tally.withdrawn.Add(1)
			}
		}()
		if m := e.Message; m != nil {
			if hidden(m.Channel) {
				return withdrawnFrame
			}
			return e
		}
		f := e.Frame
		switch {
		case f == nil:
		case f.Type == protocol.TypeReply:
			if len(f.Messages) > 0 && hidden(f.Messages[0].Channel) || f.Count != nil && hidden(f.Channel) {
				return protocol.ErrorFrame(f.ID, errWithdrawn)
			}
		case f.Channel == "" || f.Type == protocol.TypeUnsubscribed || f.Type == protocol.TypeSubscribed || !hidden(f.Channel):
		default:
			return withdrawnFrame
		}
		return e
	})
}

var errWithdrawn = &protocol.Error{Code: protocol.CodeForbidden, Reason: "this channel is not allowed any more", Hint: "Ask the operator."}
