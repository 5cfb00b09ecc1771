package actors

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"tidings/access"
	"tidings/protocol"
	"time"
)

// onCall handles a call of the client's.
func (s *session) onCall(f *protocol.ClientFrame) {
	if f.Method == methodReply {
		s.onReplyCall(f)
		return
	}
	if f.Method == methodDocument {
		s.onDocumentCall(f)
		return
	}
	answer := s.bus.hooks.Calls[f.Method]
	if answer == nil {
		answer = s.bus.hooks.Call
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
	b, self, by := s.bus, s.self, s.caller()
	call := Call{Method: f.Method, Data: f.Data, Key: f.IdempotencyKey}
	b.asking.Run(func() {
		data, fault := b.answerTo(answer, by, call)
		b.send(self, called{call: c, data: data, fault: fault})
	})
}

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

func (s *session) onCalled(m called) {
	s.calls.running--
	if s.state == sessionEnded {
		return
	}
	s.calls.finished(m.call, m.data, m.fault)
	s.answerCall(m.call)
	if m.call.key == "" {
		m.call.answer = nil
	}
	s.flush()
}

func (s *session) answerCall(c *madeCall) {
	if c.fault != nil {
		s.refuse(c.fault, c.id)
		return
	}
	s.push(protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: c.id, Data: c.answer}))
}

// How long a reply channel may last.
const (
	defaultReplyTTL = time.Hour
	minReplyTTL     = time.Second
	maxReplyTTL     = 24 * time.Hour
)

// methodReply is the method of a call that opens a reply channel.
const methodReply = "reply"

// onReplyCall opens a reply channel.
func (s *session) onReplyCall(f *protocol.ClientFrame) {
	if s.bus.cfg.MaxReplies < 0 {
		s.refuse(unsupported("reply channels"), f.ID)
		return
	}
	ttl, err := readReplyTTL(f.Data)
	if err != nil {
		s.refuse(protocol.AsError(err), f.ID)
		return
	}
	if !s.mayOpenReply() {
		s.refuse(&protocol.Error{Code: protocol.CodeLimitReached, Reason: "a connection may have 32 open reply channels", Hint: "Have each job end with done or error, or ask for a shorter ttl."}, f.ID)
		return
	}
	reply := s.bus.replies.Issue(s.identity(), ttl, time.Now())
	r := s.few()
	r.replies = append(r.replies, reply.Channel)
	f.Channel, f.Data = reply.Channel, replyData(&reply)
	s.enqueue(f)
}

// mayOpenReply reports whether there may be one more reply channel, and forgets those that have ended, once they are
// too many.
func (s *session) mayOpenReply() bool {
	r := s.few()
	if len(r.replies) >= protocol.MaxReplies {
		r.replies = slices.DeleteFunc(r.replies, s.bus.replyBoxes.over)
	}
	return len(r.replies) < protocol.MaxReplies
}

// readReplyTTL reads the data of a call: {ttl?}, in milliseconds.
func readReplyTTL(data []byte) (time.Duration, error) {
	ttl := defaultReplyTTL
	if data == nil || string(data) == "null" {
		return ttl, nil
	}
	err := protocol.ReadObject(data, func(name string, value []byte) error {
		if name != "ttl" {
			return &protocol.Error{Code: protocol.CodeUnknownField, Reason: "data has a field that does not exist", Hint: `Only "ttl" does.`}
		}
		ms, err := strconv.ParseUint(string(value), 10, 32)
		if ttl = time.Duration(ms) * time.Millisecond; err != nil || ttl < minReplyTTL || ttl > maxReplyTTL {
			return &protocol.Error{Code: protocol.CodeBadRequest, Reason: `"ttl" must be an integer from 1000 to 86400000`, Hint: "It is in milliseconds; left out, it is an hour."}
		}
		return nil
	})
	return ttl, err
}

// replyData is what the client gets to know. Nothing in it needs to be escaped.
func replyData(r *access.Reply) []byte {
	query := url.Values{"to": {r.To}, "signature": {r.Signature}}
	b := append([]byte(`{"channel":"`), r.Channel...)
	b = append(append(b, `","publish":"api/reply?`...), query.Encode()...)
	b = strconv.AppendInt(append(b, `","expires":`...), r.Expires.UnixMilli(), 10)
	return append(b, '}')
}
