package actors

import (
	"context"

	"tidings/protocol"
)

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
	err    *protocol.Error
}

// onCall handles a call of the client's.
func (s *session) onCall(f *protocol.ClientFrame) {
	if f.Method == methodReply {
		s.onReplyCall(f)
		return
	}
	answer := s.bus.cfg.Hooks.Calls[f.Method]
	if answer == nil {
		answer = s.bus.cfg.Hooks.Call
	}
	if answer == nil {
		s.refuse(unsupported("call of this method"), f.ID)
		return
	}
	if s.calls == nil {
		s.calls = &calls{}
	}
	if c := s.calls.find(f.IdempotencyKey); c != nil {
		if c.id = f.ID; c.over {
			s.answerCall(c)
		}
		return
	}
	if s.calls.running >= maxCalls {
		s.refuse(errCalls, f.ID)
		return
	}
	c := &madeCall{key: f.IdempotencyKey, id: f.ID}
	s.calls.add(c)
	b, self, by := s.bus, s.self, s.conn.caller()
	call := Call{Method: f.Method, Data: f.Data, Key: f.IdempotencyKey}
	b.asking.Run(func() {
		data, err := b.answerTo(answer, by, call)
		b.send(self, Called{Call: c, Data: data, Err: err})
	})
}

var errCalls = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "32 calls of this connection wait for their answers", Hint: "Call again when one of them has been answered."}

func (b *Bus) answerTo(answer CallFunc, by Caller, call Call) (data []byte, fault *protocol.Error) {
	fault = b.hook(b.ctx, "call", func(ctx context.Context) (err error) {
		data, err = answer(ctx, by, call)
		return err
	})
	if fault != nil {
		return nil, fault
	}
	if data == nil {
		return []byte("null"), nil
	}
	data, err := protocol.CompactJSON(data)
	if err != nil {
		b.log.Warn("a call's answer cannot be sent", "method", call.Method, "error", err)
		return nil, errAnswer
	}
	return data, nil
}

var errAnswer = &protocol.Error{Code: protocol.CodeInternal, Reason: "the application gave an answer that cannot be sent", Hint: "It must be one JSON value of at most 64 KiB; the server's log says more."}

func (s *session) onCalled(m Called) {
	s.calls.running--
	if s.state == ended {
		return
	}
	s.calls.finished(m)
	s.answerCall(m.Call)
	if m.Call.key == "" {
		m.Call.answer = nil
	}
	s.conn.out.Flush()
}

func (s *session) answerCall(c *madeCall) {
	if c.err != nil {
		s.refuse(c.err, c.id)
		return
	}
	s.push(protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: c.id, Data: c.answer}))
}

// find gives the call of a key; nil where there is none.
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
func (l *calls) finished(m Called) {
	c := m.Call
	c.over, c.answer, c.err = true, m.Data, m.Err
	if c.err != nil && c.err.Code.Row().Retry { // it may be repeated, and then it shall be made
		l.forget(c)
		return
	}
	if l.find(c.key) == c {
		l.bytes += len(c.answer)
		l.trim()
	}
}

// trim forgets the oldest calls that are over, where they are too many or their answers too long.
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
