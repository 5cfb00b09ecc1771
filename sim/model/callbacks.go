package model

import (
	"slices"
	"time"

	"tidings/core"
	"tidings/protocol"
)

var _ core.ClientPort = (*client)(nil)

func (c *client) Send(number int, frames ...protocol.ClientFrame) {
	if c.trace != nil {
		c.trace.Send(number, frames...)
	}
	c.sent = c.w.now
	if c.w.verbose {
		for i := range frames {
			c.w.log("client %d sends on link %d: %s", c.id, number, clientFrame(&frames[i]))
		}
	}
	if c.w.mutant(CursorEpoch) { // offset and epoch are kept apart, and the epoch got lost
		frames = slices.Clone(frames)
		for i, f := range frames {
			if f.Since != nil {
				frames[i].Since = &protocol.Position{Offset: f.Since.Offset}
			}
		}
	}
	for _, l := range c.links {
		if l.id == number {
			l.send(frames)
		}
	}
}

func (c *client) Message(s *core.Subscription, m *protocol.Message) {
	c.w.mark("message", uint64(c.id), m.Offset)
	if c.trace != nil {
		c.trace.Message(s, m)
	}
	if t := c.watches[s]; t != nil {
		t.message(m, s.Cursor().Epoch)
	} else {
		c.w.fail("I3", "duplicate", "client %d: %s after the unsubscribe", c.id, m.ID)
	}
	c.callback()
}

// callback makes the application do something from within a callback.
func (c *client) callback() {
	do := c.inCallback
	if do == nil {
		return
	}
	c.inCallback = nil
	if do.N == 3 {
		c.unsubscribe(do.To)
	} else {
		c.subscribe(c.w.channel(do.To), do.N)
	}
}

func (c *client) Gap(s *core.Subscription, g core.Gap) {
	c.w.mark("gap", uint64(c.id), g.From.Offset)
	if c.trace != nil {
		c.trace.Gap(s, g)
	}
	if c.w.verbose {
		c.w.log("client %d is told a gap (%s) from %s to %s", c.id, g.Reason, g.Last, g.From)
	}
	if t := c.watches[s]; t != nil {
		t.gap(g)
	}
	c.callback()
}

func (c *client) Subscribed(s *core.Subscription, recovered bool) {
	c.w.mark("subscribed", uint64(c.id), s.Cursor().Offset)
	if c.trace != nil {
		c.trace.Subscribed(s, recovered)
	}
	if t := c.watches[s]; t != nil {
		t.subscribed(s.Cursor())
	}
}

func (c *client) Ended(s *core.Subscription, err *protocol.Error) {
	if c.trace != nil {
		c.trace.Ended(s, err)
	}
	c.w.fail("I5", "unseen", "client %d: its subscription to %s was ended: %v", c.id, s.Channel, err)
	delete(c.watches, s)
}

func (c *client) Answered(r *core.Request, reply *protocol.ServerFrame, err *protocol.Error) {
	if c.trace != nil {
		c.trace.Answered(r, reply, err)
	}
	if r.Frame.Type != protocol.TypePublish {
		return
	}
	o := c.w.opOf(r.Frame.Channel, r.Frame.IdempotencyKey)
	switch {
	case err == nil:
		c.w.ledger.acknowledged(o, reply.Position)
	case err.Code.Row().Retry:
		c.after(c.rng.between(0, time.Second), func() { c.publish(o) })
	}
}

func (c *client) Connected(number int, resumed bool) {
	if c.trace != nil {
		c.trace.Connected(number, resumed)
	}
	c.w.mark("connected", uint64(c.id), uint64(number))
	c.waiting, c.retry = false, 0
	for _, l := range c.links {
		if l.id == number {
			c.home, c.kind = l.n, l.kind
			c.after(c.rng.around(heartbeat/4), func() { c.beat(l) })
			continue
		}
		l.close()
	}
	c.pump()
	c.links = slices.DeleteFunc(c.links, func(l *link) bool { return l.id != number && l.closed && l.down.inflight == 0 && l.up.inflight == 0 })
}

func (c *client) Disconnected(number int, d *protocol.ServerFrame) {
	if c.trace != nil {
		c.trace.Disconnected(number, d)
	}
	for _, l := range c.links {
		if l.id == number {
			l.close()
		}
	}
	if d.Code == protocol.CodeSuperseded && c.made > 1 {
		// By a link of our own: the next one, or one that was given up and reached the server late.
		if c.core.Link() == 0 && c.opening() == nil {
			c.w.Stats.Superseded++
			c.reconnect(false)
		}
		return
	}
	if !d.Retry {
		c.final = d.Code
		c.w.fail("I5", "unseen", "client %d is closed for good: %s", c.id, d.Code)
		return
	}
	if c.core.Link() == 0 && c.opening() == nil {
		c.reconnect(false)
	}
}

func (c *client) News(*core.Subscription, *protocol.ServerFrame) {}

func (c *client) Other(*protocol.ServerFrame) {}

func (c *client) Stuck(*core.Subscription) {}

// AskLater is not called: a world has no rules.
func (c *client) AskLater(tries int) {
	c.w.fail("I5", "unseen", "client %d is forbidden something, after %d tries", c.id, tries)
}

func (c *client) RetryLater() {
	if c.trace != nil {
		c.trace.RetryLater()
	}
	if c.retrying {
		return
	}
	c.retrying = true
	c.after(c.rng.between(100*time.Millisecond, time.Second), func() {
		c.retrying = false
		if c.trace != nil {
			c.trace.input(TraceStep{Op: "retry"})
		}
		c.core.Retry()
	})
}
