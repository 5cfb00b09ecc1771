package model

import (
	"fmt"
	"slices"

	"tidings/core"
	"tidings/protocol"
)

// session is a connection actor: it outlives its links.
type session struct {
	n        *node
	id       string
	identity string
	outbox   *core.Outbox
	inbox    core.Inbox
	early    []body
	latest   core.Latest
	members  map[subKey]*member
	link     *link // the one that was attached last
	gen      uint64
	ended    bool
	flushing bool
	roomy    []func() // recoveries that wait for room
	parks    int
}

type subKey struct {
	ch   protocol.Channel
	room string
}

// body is one POST of /bus/send.
type body struct {
	seq    uint64
	frames []protocol.ClientFrame
	answer func(code protocol.Code) // "" is accepted
}

// connect opens or resumes a session over a link.
func (n *node) connect(l *link, under core.Link, f *protocol.ClientFrame) {
	if n.draining {
		under.End(n.w.encodeFrame(disconnect(protocol.CodeShuttingDown)))
		return
	}
	connected := func(s *session, resumed bool) func(uint64) *protocol.Encoded {
		return func(gen uint64) *protocol.Encoded {
			return n.w.encodeFrame(&protocol.ServerFrame{
				Type: protocol.TypeConnected, Session: s.id, Connection: s.id, Resumed: resumed, Generation: gen,
				Announce: &protocol.Announce{Version: protocol.Version, HeartbeatMS: heartbeat.Milliseconds(), ParkMS: n.w.plan.Park.Milliseconds()},
			})
		}
	}
	fence := n.w.encodeFrame(disconnect(protocol.CodeSuperseded))
	if s := n.sessions[f.Session]; s != nil && s.identity == l.c.name {
		if s.latest.Late(f) && !n.w.mutant(Late) {
			n.w.Stats.Late++
			under.End(fence)
			return
		}
		received := uint64(0)
		if f.Received != nil {
			received = *f.Received
		}
		if n.w.mutant(ResumeCount) {
			received = s.outbox.Sent()
		}
		if gen, ok := s.outbox.Attach(under, received, connected(s, true), fence); ok {
			s.latest.Took(f, gen)
			s.attached(l, gen)
			n.w.Stats.Resumed++
			return
		}
		s.end(protocol.CodeSessionGone)
	}
	s := &session{n: n, id: n.newSessionID(), identity: l.c.name, outbox: core.NewOutbox(true), members: map[subKey]*member{}}
	n.sessions[s.id] = s
	gen, _ := s.outbox.Attach(under, 0, connected(s, false), nil)
	s.latest.Took(&protocol.ClientFrame{Type: protocol.TypeConnect}, gen)
	s.attached(l, gen)
}

func (s *session) attached(l *link, gen uint64) {
	s.link, s.gen = l, gen
	l.session, l.gen = s, gen
	s.parks++
	s.n.w.mark("attach", gen, uint64(l.id))
	s.outbox.Flush()
}

// lost parks the session: its link is gone.
func (s *session) lost(gen uint64) {
	if s.ended || !s.outbox.Detach(gen) {
		return
	}
	s.park()
}

func (s *session) park() {
	s.parks++
	parks := s.parks
	s.n.after(s.n.w.plan.Park, func() {
		if _, attached := s.outbox.Attached(); s.parks == parks && !attached {
			s.end(protocol.CodeSessionGone)
		}
	})
}

// end ends the session for good.
func (s *session) end(code protocol.Code) {
	if s.ended {
		return
	}
	s.ended = true
	if s.n.w.verbose {
		s.n.w.log("node %d ends session %s: %s", s.n.id, s.id, code)
	}
	delete(s.n.sessions, s.id)
	s.outbox.End(s.n.w.encodeFrame(disconnect(code)))
	if code == protocol.CodeSlowConsumer {
		s.n.w.Stats.Slow++
	}
	for _, k := range sortedSubs(s.members) {
		s.members[k].leave()
	}
	s.members = nil
	for _, b := range s.early {
		b.answer(protocol.CodeSessionGone)
	}
	s.early = nil
}

func disconnect(code protocol.Code) *protocol.ServerFrame {
	d := &protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: code, Reason: string(code), Retry: code.Row().Retry}
	if code == protocol.CodeShuttingDown {
		d.AfterMS = 1000
	}
	return d
}

// send takes one sequenced body.
func (s *session) send(b body) {
	if s.link != nil && s.link.kind == webSocket {
		if _, attached := s.outbox.Attached(); attached {
			b.answer(protocol.CodeWrongTransport)
			return
		}
	}
	switch s.inbox.Turn(b.seq) {
	case core.Repeat:
		b.answer("")
	case core.Early:
		s.early = append(s.early, b)
		s.n.after(sequenceHold, func() {
			if i := slices.IndexFunc(s.early, func(e body) bool { return e.seq == b.seq }); i >= 0 {
				s.early = slices.Delete(s.early, i, i+1)
				b.answer(protocol.CodeSequenceGap)
			}
		})
	case core.Apply:
		s.inbox.Done()
		s.frames(b.frames)
		b.answer("")
		if i := slices.IndexFunc(s.early, func(e body) bool { return s.inbox.Turn(e.seq) == core.Apply }); i >= 0 && !s.ended {
			next := s.early[i]
			s.early = slices.Delete(s.early, i, i+1)
			s.send(next)
		}
	}
}

// receive takes frames of a link that carries its own upstream; those of a fenced one are refused.
func (s *session) receive(l *link, frames []protocol.ClientFrame) {
	if gen, _ := s.outbox.Attached(); gen != l.gen && !s.n.w.mutant(Fence) {
		return
	}
	s.frames(frames)
}

func (s *session) frames(frames []protocol.ClientFrame) {
	for i := range frames {
		if s.ended {
			return
		}
		s.frame(&frames[i])
	}
	if !s.ended {
		s.bounded()
		s.outbox.Flush()
	}
}

func (s *session) frame(f *protocol.ClientFrame) {
	if s.n.w.verbose {
		s.n.w.log("node %d, session %s: %s", s.n.id, s.id, clientFrame(f))
	}
	switch f.Type {
	case protocol.TypePing:
		if f.Received != nil {
			if err := s.outbox.Ack(*f.Received); err != nil {
				s.n.w.fail("I7", "inconsistent offsets", "session %s: a ping reports %d frames; only %d were written", s.id, *f.Received, s.outbox.Sent())
			}
		}
		s.push(&protocol.ServerFrame{Type: protocol.TypePong, ID: f.ID})
	case protocol.TypeSubscribe:
		s.subscribe(f)
	case protocol.TypeUnsubscribe:
		k := subKey{f.Channel, f.Room}
		m := s.members[k]
		if m == nil {
			s.push(&protocol.ServerFrame{Type: protocol.TypeError, ID: f.ID, Code: protocol.CodeNotSubscribed})
			return
		}
		delete(s.members, k)
		m.leave()
		s.push(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID})
	case protocol.TypePublish:
		s.publish(f)
	case protocol.TypeDisconnect:
		s.end(protocol.CodeSessionGone)
	}
}

func (s *session) subscribe(f *protocol.ClientFrame) {
	filter := 0
	if f.Filter != nil {
		filter = filterOf(f.Filter)
	}
	room := roomOf(filter)
	k := subKey{f.Channel, room}
	if old := s.members[k]; old != nil {
		old.leave()
	}
	c := s.n.feed(f.Channel)
	m := &member{s: s, f: c, room: room, filter: filter, id: f.ID}
	s.members[k] = m
	j := core.Join[*member]{Member: m, ID: f.ID, Since: f.Since, Group: room}
	if filter > 0 {
		j.Match = func(msg *protocol.Message) core.Scope { return scopeOf(filter, msg, !s.n.w.mutant(Before)) }
	}
	if s.n.w.mutant(CursorEpoch) && j.Since != nil && j.Since.Epoch == "" {
		b := s.n.w.broker.stream(f.Channel) // what it takes the offset for
		j.Since = &protocol.Position{Epoch: b.Top().Epoch, Offset: j.Since.Offset, Tag: s.n.w.tagAt(f.Channel, b.Top().Epoch, j.Since.Offset)}
	}
	if s.n.w.mutant(Epoch) && j.Since != nil && !c.core.Position().IsZero() {
		at := *j.Since
		at.Epoch = c.core.Position().Epoch
		j.Since = &at
	}
	m.join = j
	c.admit(j)
}

func (s *session) publish(f *protocol.ClientFrame) {
	id := f.ID
	s.n.publish(s.n.w.opOf(f.Channel, f.IdempotencyKey), func(a answer, ok bool) {
		if s.ended {
			return
		}
		if !ok {
			s.push(&protocol.ServerFrame{Type: protocol.TypeError, ID: id, Code: protocol.CodeTimeout, Retry: true})
		} else {
			s.push(&protocol.ServerFrame{Type: protocol.TypeReply, ID: id, Position: a.at})
		}
		if !s.ended {
			s.bounded()
			s.outbox.Flush()
		}
	})
}

// publish asks the broker, for a session or for the HTTP API.
func (n *node) publish(o *op, answered func(answer, bool)) {
	key, mark := o.key, fmt.Sprint(o.principal, " ", o.ch, " ", o.key)
	if n.w.mutant(Idempotency) { // the node remembers keys, beside the step that numbers
		if a := n.keys[mark]; a != nil {
			answered(*a, true)
			return
		}
		key = ""
	}
	if n.w.mutant(AckAfter) {
		at := protocol.Position{}
		if f := n.feeds[o.ch]; f != nil {
			at = f.core.Position()
		}
		at.Offset++
		answered(answer{at: at}, true)
		answered = func(answer, bool) {}
	}
	n.call(func(b *broker) (any, bool) { return b.publish(o, key), true }, func(a any, ok bool) {
		if !ok {
			answered(answer{}, false)
			return
		}
		got := a.(answer)
		if n.w.mutant(Idempotency) {
			n.keys[mark] = &got
		}
		answered(got, true)
	})
}

func (s *session) push(f *protocol.ServerFrame) {
	if !s.outbox.Push(s.n.w.encodeFrame(f)) {
		s.n.after(0, func() { s.end(protocol.CodeSlowConsumer) })
	}
}

// whenRoomy calls next once the outbox has room for a page. Several recoveries may wait; each has its turn.
func (s *session) whenRoomy(next func()) {
	s.roomy = append(s.roomy, next)
	if len(s.roomy) > 1 {
		return
	}
	s.outbox.WhenSpace(func() {
		s.n.after(0, func() {
			all := s.roomy
			s.roomy = nil
			for _, next := range all {
				next()
			}
		})
	})
}

// bounded checks I7.
func (s *session) bounded() {
	frames, bytes := s.outbox.Waiting()
	w := s.n.w
	w.Stats.MaxWaiting = max(w.Stats.MaxWaiting, frames)
	if frames > protocol.MaxOutboxFrames+16 || bytes > protocol.MaxOutboxBytes+protocol.MaxPayloadBytes {
		w.fail("I7", "unbounded", "session %s holds %d frames and %d bytes", s.id, frames, bytes)
	}
}
