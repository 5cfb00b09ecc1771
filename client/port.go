package client

import (
	"time"

	"tidings/core"
	"tidings/protocol"
)

// port is what the protocol's state machine asks of the client. All of it runs on the loop.
type port struct{ c *Client }

var _ core.ClientPort = port{}

func (p port) Send(link int, frames ...protocol.ClientFrame) {
	c := p.c
	to := c.carrier(link)
	if to == nil {
		return
	}
	now := time.Now()
	c.lastSent = now
	for i := range frames {
		if frames[i].Type == protocol.TypePing && c.timers.pong.IsZero() {
			c.timers.pong = now.Add(protocol.PongDeadline)
		}
		if frames[i].ID != 0 && to == c.current {
			c.expect(now.Add(askAfter))
		}
	}
	to.link.send(frames...)
}

func (p port) Message(s *core.Subscription, m *protocol.Message) {
	t := p.c.topics[keyOf(s)]
	if t == nil || t.sub != s {
		return
	}
	listeners, out := t.listeners, messageOf(m, s.Cursor().Epoch)
	p.c.unsteady = time.Now()
	p.c.enqueue(func() {
		for _, l := range listeners {
			l.call(func() { l.onMessage(out) }, out.Position)
		}
	})
}

func (p port) Gap(s *core.Subscription, g core.Gap) {
	t := p.c.topics[keyOf(s)]
	if t == nil || t.sub != s {
		return
	}
	for _, l := range t.listeners {
		out := Gap{Channel: string(s.Channel), Reason: g.Reason, Last: g.Last, From: g.From}
		if l.behind { // one gap for both
			l.behind, out.Last = false, l.since
		}
		p.c.enqueue(func() { l.call(func() { l.gap(out) }, out.From) })
	}
}

func (s *Subscription) gap(g Gap) {
	if s.onGap != nil {
		s.onGap(g)
		return
	}
	s.client.cfg.Logger.Warn("tidings: messages may be missing; give OnGap and refetch",
		"channel", g.Channel, "reason", g.Reason, "last", g.Last, "from", g.From)
}

func (p port) Subscribed(s *core.Subscription, recovered bool) {
	p.c.refused = 0
	t := p.c.topics[keyOf(s)]
	if t == nil || t.sub != s {
		return
	}
	t.live = true
	for _, l := range t.listeners {
		p.c.tellSubscribed(l, s.Cursor(), recovered)
	}
}

func (p port) Ended(s *core.Subscription, fault *protocol.Error) {
	t := p.c.topics[keyOf(s)]
	if t == nil || t.sub != s {
		return
	}
	watchers, rest := t.watchers()
	wasLive := t.live
	t.live = false
	if s.Ended() != nil && (wasLive || len(watchers) == 0 || len(rest) == 0) {
		for _, l := range t.listeners {
			p.c.tellPause(l, fault)
		}
		return
	}
	p.c.machine.Unsubscribe(s) // else it is asked for again, with those who watch
	delete(p.c.topics, keyOf(s))
	if len(watchers) == 0 {
		watchers, rest = t.listeners, nil
	}
	for _, l := range watchers {
		p.c.tellEnd(l, fault)
	}
	if len(rest) > 0 { // it may have been because of the others
		p.c.topics[keyOf(s)] = &topic{listeners: rest, sub: p.c.machine.SubscribeTo(core.Interest{Channel: s.Channel, Filter: s.Filter, Scope: s.Scope}, s.Cursor())}
	}
}

func (p port) Answered(r *core.Request, reply *protocol.ServerFrame, fault *protocol.Error) {
	w := p.c.calls[r]
	if w == nil {
		if fault != nil && r.Frame.Type == protocol.TypePresence {
			p.c.unwatched(r.Frame.Channel, r.Frame.Room, fault)
		}
		return // an unsubscribe, or watching
	}
	delete(p.c.calls, r)
	if fault != nil {
		w.fail(fault)
		return
	}
	w.reply = reply
	close(w.answered)
}

func (p port) Connected(_ int, resumed bool) { p.c.connected(resumed) }

func (p port) Disconnected(link int, f *protocol.ServerFrame) {
	if from := p.c.carrier(link); from != nil {
		p.c.disconnected(from, f)
	}
}

func (p port) News(s *core.Subscription, f *protocol.ServerFrame) {
	t := p.c.topics[keyOf(s)]
	if t != nil && t.sub == s && t.users() != "" && t.present.Take(f) { // another filter of the same room may have asked
		p.c.tellPresence(t, t.listeners...)
	}
}

func (p port) Other(f *protocol.ServerFrame) {
	if f.Type == protocol.TypeError {
		p.c.cfg.Logger.Warn("tidings: the server did not take a frame", "code", f.Code, "message", f.Message, "hint", f.Hint)
	}
}

func (p port) Stuck(*core.Subscription) { p.c.stuck = true }

func (p port) AskLater(tries int) {
	c := p.c
	if c.timers.again.IsZero() {
		top := min(askAgainMax, askAgainBase<<min(tries, 8))
		c.timers.again = time.Now().Add(top/2 + time.Duration(c.cfg.Random()*float64(top)/2))
	}
}

func (p port) RetryLater() {
	c := p.c
	if !c.timers.retry.IsZero() {
		return
	}
	top := min(backoffMax, retryBase<<min(max(c.refused, c.machine.Holes()-2), 5))
	c.refused++
	c.timers.retry = time.Now().Add(top/2 + time.Duration(c.cfg.Random()*float64(top)/2))
}
