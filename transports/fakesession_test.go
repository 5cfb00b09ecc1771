package transports

import (
	"context"
	"slices"
	"sync"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// fakeSession is one connection of a fakeBus.
type fakeSession struct {
	bus    *fakeBus
	id     string
	token  string
	plain  bool
	outbox *core.Outbox

	mu        sync.Mutex // guards all below
	transport string
	parked    *time.Timer
	latest    core.Latest
	inbox     core.Inbox
	told      chan struct{} // closed and replaced when a body was applied
	errors    []time.Time
	faults    []*protocol.Error
	lost      []protocol.Code
	received  []protocol.ClientFrame
	over      bool
}

func (s *fakeSession) Outbox() *core.Outbox { return s.outbox }

// push puts a frame into the outbox; the lock of the bus may be taken.
func (s *fakeSession) push(e *protocol.Encoded) {
	if !s.outbox.Push(e) {
		go s.end(goodbye(protocol.CodeSlowConsumer, "messages come faster than they are read"))
	}
}

// Recovered is at once: subscribe recovers in one step.
func (s *fakeSession) Recovered() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func (s *fakeSession) flush() { s.outbox.Flush() }

func (s *fakeSession) say(f *protocol.ServerFrame) {
	s.push(protocol.Encode(f))
	s.flush()
}

func (s *fakeSession) connected(resumed bool) func(uint64) *protocol.Encoded {
	return func(gen uint64) *protocol.Encoded {
		a := protocol.DefaultAnnounce()
		return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeConnected, Session: s.id, Connection: "c" + s.id,
			Resumed: resumed, Generation: gen, Announce: &a})
	}
}

func (s *fakeSession) attached(transport string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transport = transport
	if s.parked != nil {
		s.parked.Stop()
		s.parked = nil
	}
}

func (s *fakeSession) Poll(link core.Link, poll *protocol.ClientFrame) (uint64, error) {
	s.mu.Lock()
	transport, late, copies, received := s.transport, s.latest.Late(poll), s.latest.Copies(poll), *poll.Received
	s.mu.Unlock()
	if late {
		return 0, &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a newer poll came before this one", Hint: "Do nothing."}
	}
	if transport != protocol.Poll { // a late poll of before the change of transport
		return 0, &protocol.Error{Code: protocol.CodeWrongTransport, Reason: "the session is not on long-polling", Hint: "Connect."}
	}
	end := fence
	if copies {
		end = nil
	}
	gen, ok := s.outbox.Attach(link, received, nil, end)
	if !ok {
		return 0, &protocol.Error{Code: protocol.CodeBadCursor, Reason: "not a count of this session", Hint: "Send the last answer's."}
	}
	s.attached(protocol.Poll)
	s.mu.Lock()
	s.latest.Took(poll, gen)
	s.mu.Unlock()
	return gen, nil
}

func (s *fakeSession) Receive(gen uint64, frames []protocol.ClientFrame) error {
	if now, _ := s.outbox.Attached(); now != gen {
		return nil
	}
	if gen > 1 {
		frames = slices.DeleteFunc(slices.Clone(frames), func(f protocol.ClientFrame) bool { return f.Anew })
	}
	return s.apply(frames)
}

func (s *fakeSession) apply(frames []protocol.ClientFrame) error {
	for i := range frames {
		s.mu.Lock()
		s.received = append(s.received, frames[i])
		s.mu.Unlock()
		s.frame(&frames[i])
	}
	return nil
}

func (s *fakeSession) frame(f *protocol.ClientFrame) {
	switch f.Type {
	case protocol.TypeSubscribe:
		s.subscribe(f)
	case protocol.TypeUnsubscribe:
		s.bus.mu.Lock()
		delete(s.bus.channel(f.Channel).members, s)
		s.bus.mu.Unlock()
		s.say(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID})
	case protocol.TypePublish:
		s.say(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Position: s.bus.publish(f.Channel, string(f.Data))})
	case protocol.TypePing:
		if f.Received != nil && s.outbox.Ack(*f.Received) != nil {
			s.fault(f.ID, protocol.CodeBadCursor)
			return
		}
		s.say(&protocol.ServerFrame{Type: protocol.TypePong, ID: f.ID})
	case protocol.TypeDisconnect:
		s.end(nil)
	case protocol.TypeConnect:
		s.fault(0, protocol.CodeAlreadyConnected)
	default:
		s.fault(f.ID, protocol.CodeUnsupported)
	}
}

// subscribe answers and recovers, in one step.
func (s *fakeSession) subscribe(f *protocol.ClientFrame) {
	b := s.bus
	if f.Channel == "panic" {
		panic("as the test wants it")
	}
	if f.Channel == "unanswered" {
		return
	}
	if f.Channel == "forbidden" {
		s.fault(f.ID, protocol.CodeForbidden)
		return
	}
	b.mu.Lock()
	ch := b.channel(f.Channel)
	ch.members[s] = true
	at, recovered := ch.top(), false
	var missed []*protocol.Message
	if f.Since != nil {
		var reason protocol.GapReason
		missed, reason = ch.after(*f.Since)
		if recovered = reason == ""; recovered {
			at = *f.Since
		} else {
			from := at
			s.push(protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeGap, ID: f.ID, Channel: f.Channel, Reason: string(reason), Last: f.Since, From: &from}))
		}
	}
	s.push(protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeSubscribed, ID: f.ID, Channel: f.Channel, Position: at, Recovered: recovered}))
	for _, m := range missed {
		s.push(m.Encoded())
	}
	b.mu.Unlock()
	s.flush()
}

// fault answers with an error, and ends the connection that makes too many.
func (s *fakeSession) fault(id uint64, code protocol.Code) {
	s.say(&protocol.ServerFrame{Type: protocol.TypeError, ID: id, Code: code, Message: "as the test wants it", Hint: "None.", Retry: code.Row().Retry})
	now := time.Now()
	s.mu.Lock()
	s.errors = append(s.errors, now)
	recent := 0
	for _, t := range s.errors {
		if now.Sub(t) < protocol.ErrorWindow {
			recent++
		}
	}
	s.mu.Unlock()
	if recent > protocol.MaxErrors {
		s.end(goodbye(protocol.CodeTooManyErrors, "more than 20 errors in 10 s"))
	}
}

func (s *fakeSession) Fault(gen uint64, ids []uint64, fault *protocol.Error) {
	s.mu.Lock()
	s.faults = append(s.faults, fault)
	s.mu.Unlock()
	if len(ids) == 0 {
		ids = []uint64{0}
	}
	for _, id := range ids {
		s.fault(id, fault.Code)
	}
}

func (s *fakeSession) Send(ctx context.Context, send *protocol.Send) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.transport == protocol.WebSocket {
		return &protocol.Error{Code: protocol.CodeWrongTransport, Reason: "the session has a WebSocket", Hint: "Send there."}
	}
	deadline := time.After(protocol.SequenceHold)
	for {
		switch s.inbox.Turn(send.Seq) {
		case core.Repeat:
			return nil
		case core.Apply:
			s.inbox.Done()
			close(s.told)
			s.told = make(chan struct{})
			s.mu.Unlock()
			var err error
			if send.Refused != nil {
				s.Fault(0, protocol.RequestIDs(send.Frames), send.Refused)
			} else {
				err = s.apply(send.Frames)
			}
			if send.Received != nil && err == nil {
				err = s.outbox.Ack(*send.Received)
			}
			s.mu.Lock()
			return err
		}
		told := s.told
		s.mu.Unlock()
		var err error
		select {
		case <-told:
		case <-deadline:
			err = &protocol.Error{Code: protocol.CodeSequenceGap, Reason: "the bodies before this one did not arrive", Hint: "Send them."}
		case <-ctx.Done():
			err = ctx.Err()
		}
		s.mu.Lock()
		if err != nil {
			return err
		}
	}
}

func (s *fakeSession) Lost(gen uint64, code protocol.Code) {
	s.mu.Lock()
	s.lost = append(s.lost, code)
	s.mu.Unlock()
	if !s.outbox.Detach(gen) {
		return
	}
	if s.plain {
		s.end(nil)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.parked = time.AfterFunc(s.bus.park, func() { s.end(nil) })
	}
}

// end forgets the session and ends its link.
func (s *fakeSession) end(last *protocol.Encoded) {
	s.mu.Lock()
	s.over = true
	if s.parked != nil {
		s.parked.Stop()
	}
	s.mu.Unlock()
	b := s.bus
	b.mu.Lock()
	delete(b.sessions, s.id)
	for _, ch := range b.channels {
		delete(ch.members, s)
	}
	b.mu.Unlock()
	s.outbox.End(last)
}

// losses is why the session's links were lost, in order.
func (s *fakeSession) losses() []protocol.Code {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]protocol.Code(nil), s.lost...)
}

func (s *fakeSession) faultCodes() (codes []protocol.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		codes = append(codes, f.Code)
	}
	return codes
}
