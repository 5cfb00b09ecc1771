package model

import (
	"time"

	"tidings/core"
	"tidings/protocol"
)

// The transports.
const (
	webSocket = iota
	sse
	poll
)

var transportNames = [...]string{"websocket", "sse", "poll"}

// link is one transport of one client to one node, both ends of it. On WebSocket both directions are a stream; on SSE
// the client sends by requests; on poll both ways are requests.
type link struct {
	w        *World
	id       int // the client's number for it
	kind     int
	c        *client
	n        *node
	life     int // of the node
	down, up *pipe

	session *session
	gen     uint64
	pumping bool
	ended   bool // by the server
	heard   time.Duration

	closed bool // by the client
	cut    bool
	polls  int // requests so far, and an end
}

// window is how many writes a kernel takes before it makes the writer wait.
const window = 6

func (w *World) newLink(c *client, n *node, kind int) *link {
	c.made++
	r := newRNG(w.plan.Seed, 4, uint64(c.id), uint64(c.made))
	slow := r.between(500*time.Microsecond, 40*time.Millisecond)
	l := &link{w: w, id: c.made, kind: kind, c: c, n: n, life: n.life, heard: w.now}
	l.down = &pipe{w: w, rng: r, slow: slow}
	l.up = &pipe{w: w, rng: newRNG(r.next()), slow: slow}
	c.links = append(c.links, l)
	return l
}

// Server's end: core.Link.

// Wake reports that frames wait.
func (l *link) Wake() {
	if l.pumping || l.ended {
		return
	}
	l.pumping = true
	l.w.after(l.down.rng.between(0, time.Millisecond), func() {
		l.n.deliver(l.life, l.pump)
	})
}

func (l *link) pump() {
	l.pumping = false
	for !l.ended && l.session != nil && l.down.inflight < window {
		gen := l.gen
		if l.w.mutant(Fence) {
			gen, _ = l.session.outbox.Attached()
		}
		frames := l.session.outbox.Take(gen, nil, protocol.MaxFrames, 64<<10)
		if len(frames) == 0 {
			return
		}
		l.write(frames)
		if l.down.dead {
			return
		}
	}
}

func (l *link) write(frames []*protocol.Encoded) {
	batch := l.w.wireDown(frames)
	l.down.send(func() {
		l.c.deliver(l.c.life, func() {
			l.c.arrived(l, batch)
			l.n.deliver(l.life, func() {
				if !l.pumping {
					l.pump()
				}
			})
		})
	})
}

// End ends the link with a last frame.
func (l *link) End(last *protocol.Encoded) {
	if l.ended {
		return
	}
	if last != nil {
		l.write([]*protocol.Encoded{last})
	}
	l.ended = true
	l.down.send(func() { l.c.deliver(l.c.life, func() { l.c.lost(l) }) })
}

func (l *link) arriveUp(frames []protocol.ClientFrame) {
	l.heard = l.w.now
	if l.ended || len(frames) == 0 {
		return
	}
	if l.session == nil {
		if frames[0].Type == protocol.TypeConnect {
			l.n.connect(l, l, &frames[0])
			l.listen()
		}
		return
	}
	l.session.receive(l, frames)
}

// listen takes the link for lost when nothing comes from the client.
func (l *link) listen() {
	l.n.after(l.heard+deafAfter-l.w.now, func() {
		if l.ended || l.session == nil {
			return
		}
		if l.w.now-l.heard >= deafAfter {
			l.serverLost()
			return
		}
		l.listen()
	})
}

// serverLost is the server's notice that the link is gone.
func (l *link) serverLost() {
	if l.ended {
		return
	}
	l.ended = true
	l.down.kill()
	if l.session != nil {
		l.session.lost(l.gen)
	}
	if l.down.rng.chance(50) { // a FIN reaches the client, or does not
		l.w.after(10*time.Millisecond, func() { l.c.deliver(l.c.life, func() { l.c.lost(l) }) })
	}
}

// serverDied: the process is gone. Its kernel says so, or nobody does.
func (l *link) serverDied() {
	l.ended, l.cut = true, true
	l.down.kill()
	l.up.kill()
	if l.kind != poll && !l.closed && l.down.rng.chance(80) {
		l.w.after(l.down.slow, func() { l.c.deliver(l.c.life, func() { l.c.lost(l) }) })
	}
}

// cutOff loses what is in flight. Told says that both sides notice soon.
func (l *link) cutOff(told bool) {
	if l.cut {
		return
	}
	l.cut = true
	l.down.kill()
	l.up.kill()
	if !told || l.kind == poll {
		return
	}
	r := l.down.rng
	if r.chance(85) {
		l.w.after(r.between(time.Millisecond, time.Second), func() { l.c.deliver(l.c.life, func() { l.c.lost(l) }) })
	}
	if r.chance(70) {
		l.w.after(r.between(time.Millisecond, time.Second), func() { l.n.deliver(l.life, l.serverLost) })
	}
}

// Client's end.

// send writes frames of the client to the link.
func (l *link) send(frames []protocol.ClientFrame) {
	if l.closed {
		return
	}
	opening := frames[0].Type == protocol.TypeConnect
	switch {
	case l.kind == poll && opening:
		l.openPoll(frames[0])
	case l.kind != webSocket && !opening:
		l.c.post(frames)
	default:
		frames = l.w.wireUp(frames)
		l.up.send(func() { l.n.deliver(l.life, func() { l.arriveUp(frames) }) })
	}
}

// close is the client's: the server hears of it in order, or never.
func (l *link) close() {
	if l.closed {
		return
	}
	l.closed = true
	if l.kind == poll {
		l.polls++
		return
	}
	l.up.send(func() { l.n.deliver(l.life, l.serverLost) })
}

// pollRequest is one request of long-poll, the link under the outbox while it is held.
type pollRequest struct {
	l        *link
	number   int
	session  *session
	gen      uint64
	received uint64
	answered bool
	reply    func(func())
}

// Wake answers with what waits.
func (p *pollRequest) Wake() {
	l := p.l
	if p.answered {
		return
	}
	l.w.after(l.down.rng.between(0, time.Millisecond), func() { l.n.deliver(l.life, p.answer) })
}

func (p *pollRequest) answer() {
	l, s := p.l, p.session
	if p.answered || s == nil {
		return
	}
	if gen, attached := s.outbox.Attached(); gen != p.gen || !attached {
		return // fenced, and ended by that
	}
	p.answered = true
	batch := l.w.wireDown(s.outbox.Take(p.gen, nil, protocol.MaxFrames, protocol.RecoveryPageBytes))
	cursor := s.outbox.Sent()
	s.lost(p.gen)
	p.reply(func() { l.c.polled(l, p.number, batch, cursor) })
}

// End answers with a last frame.
func (p *pollRequest) End(last *protocol.Encoded) {
	if p.answered {
		return
	}
	p.answered = true
	batch := p.l.w.wireDown([]*protocol.Encoded{last})
	p.reply(func() {
		if p.number != p.l.polls {
			return
		}
		if last.Frame.Code == protocol.CodeSuperseded { // 409 is no frame
			p.l.superseded(p.session != nil)
			return
		}
		p.l.c.arrived(p.l, batch)
		p.l.c.lost(p.l)
	})
}

// hold is for a request that is attached by now: it waits for frames, and not for ever.
func (p *pollRequest) hold() {
	p.session, p.gen = p.l.session, p.l.gen
	p.l.n.after(pollHold, p.over)
}

// over answers with nothing if a copy of this request took over, and else with what waits.
func (p *pollRequest) over() {
	if gen, _ := p.session.outbox.Attached(); p.answered || gen == p.gen {
		p.answer()
		return
	}
	p.answered = true
	batch := p.l.w.wireDown(nil)
	p.reply(func() { p.l.c.polled(p.l, p.number, batch, p.received) })
}

// superseded is the answer to the request that the client waits for. If that carried the session, only a newer connect
// of the client may have fenced it. The link is lost, as the clients of this repository take it.
func (l *link) superseded(carried bool) {
	if carried && !l.closed && l.c.made == l.id {
		l.w.fail("I5", "unseen", "client %d: the poll that it waits for was superseded, and it has opened nothing newer", l.c.id)
	}
	l.c.lost(l)
}

func (l *link) openPoll(connect protocol.ClientFrame) {
	l.polls++
	number := l.polls
	l.c.request(l.n, l.life, func(reply func(func())) {
		p := &pollRequest{l: l, number: number, reply: reply}
		if l.n.connect(l, p, &connect); !p.answered {
			p.hold()
		}
	})
	l.pollTimeout(number)
}

// next sends the next poll.
func (l *link) next() {
	if l.closed {
		return
	}
	l.polls++
	number := l.polls
	session, received := l.c.core.Session(), l.c.core.Received()
	f := protocol.ClientFrame{Type: protocol.TypePoll, Session: session, Received: &received, Generation: l.c.core.Generation(), Attempt: uint64(number)}
	l.c.request(l.n, l.life, func(reply func(func())) {
		p := &pollRequest{l: l, number: number, received: received, reply: reply}
		refuse := func(code protocol.Code) { reply(func() { l.c.refused(l, number, code) }) }
		s := l.n.sessions[session]
		if s == nil || s.identity != l.c.name {
			refuse(protocol.CodeSessionGone)
			return
		}
		if s.link.kind != poll {
			refuse(protocol.CodeWrongTransport)
			return
		}
		if s.latest.Late(&f) && !l.w.mutant(Late) {
			l.w.Stats.Late++
			refuse(protocol.CodeSuperseded)
			return
		}
		fence := l.w.encodeFrame(disconnect(protocol.CodeSuperseded))
		if s.latest.Copies(&f) {
			fence = nil
		}
		gen, ok := s.outbox.Attach(p, received, nil, fence)
		if !ok {
			s.end(protocol.CodeSessionGone)
			refuse(protocol.CodeSessionGone)
			return
		}
		s.latest.Took(&f, gen)
		s.attached(l, gen)
		p.hold()
	})
	l.pollTimeout(number)
}

// pollTimeout: no answer came. The client polls again from where it was, or gives the link up.
func (l *link) pollTimeout(number int) {
	l.c.after(pollHold+time.Second, func() {
		if l.polls != number || l.closed {
			return
		}
		if l.c.core.Link() == l.id && l.down.rng.chance(60) {
			l.next()
			return
		}
		l.c.lost(l)
	})
}

var (
	_ core.Link = (*link)(nil)
	_ core.Link = (*pollRequest)(nil)
)
