package actors

import "tidings/protocol"

// Bounds of one connection's calls.
const (
	maxCalls     = 32                       // without an answer
	maxMade      = 64                       // remembered, so that one which is repeated is not made twice
	maxMadeBytes = protocol.MaxPayloadBytes // of answers of them
)

// calls are those that a connection made lately.
type calls struct {
	running int
	made    []*madeCall // that have a key, the oldest first
	bytes   int         // of their answers
}

// madeCall is a call that was made.
type madeCall struct {
	key    string
	id     uint64 // of the request that is answered: the last one of the same key
	over   bool
	answer []byte
	fault  *protocol.Error
}

// find returns the call of a key; nil if there is none.
func (l *calls) find(key string) *madeCall {
	if key == "" {
		return nil
	}
	for _, c := range l.made {
		if c.key == key {
			return c
		}
	}
	return nil
}

func (l *calls) add(c *madeCall) {
	l.running++
	if c.key != "" {
		l.made = append(l.made, c)
		l.trim()
	}
}

// finished keeps the answer of a call for as long as it is remembered.
func (l *calls) finished(c *madeCall, answer []byte, fault *protocol.Error) {
	c.over, c.answer, c.fault = true, answer, fault
	if c.fault != nil && c.fault.Code.Row().Retry { // it may be repeated, and then it shall be made
		l.forget(c)
		return
	}
	if l.find(c.key) == c {
		l.bytes += len(c.answer)
		l.trim()
	}
}

// trim forgets the oldest calls that are over, if they are too many or their answers too long.
func (l *calls) trim() {
	for i := 0; i < len(l.made) && (len(l.made) > maxMade || l.bytes > maxMadeBytes); {
		if c := l.made[i]; c.over {
			l.bytes -= len(c.answer)
			l.made = append(l.made[:i], l.made[i+1:]...)
			continue
		}
		i++
	}
}

func (l *calls) forget(gone *madeCall) {
	for i, c := range l.made {
		if c == gone {
			l.made = append(l.made[:i], l.made[i+1:]...)
			return
		}
	}
}

var errCalls = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "32 calls of this connection wait for their answers", Hint: "Call again when one of them has been answered."}
