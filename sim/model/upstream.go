package model

import (
	"slices"
	"time"

	"tidings/protocol"
)

type posting struct {
	seq    uint64
	frames []protocol.ClientFrame
	tries  int
	flying bool
}

// renew is for a new link. On a resumed session a body without an answer is sent again with its number, but empty: the
// machine says what still matters again, and the old body, should it arrive late, finds its number taken. A new session
// counts from 1.
func (c *client) renew(resumed bool) {
	if !resumed {
		c.seq, c.posts = 0, nil
	}
	for _, p := range c.posts {
		p.frames, p.flying = nil, false
		p.tries++
	}
	if c.w.mutant(NumberUsedUp) && len(c.posts) > 0 {
		c.seq, c.posts = c.posts[0].seq-1, nil // the number is given to other frames
	}
}

func (c *client) post(frames []protocol.ClientFrame) {
	c.seq++
	c.posts = append(c.posts, &posting{seq: c.seq, frames: c.w.wireUp(slices.Clone(frames))})
	c.pump()
}

// pump sends what waits, two bodies at once: they may overtake each other.
func (c *client) pump() {
	for i := 0; i < len(c.posts) && i < 2; i++ {
		if p := c.posts[i]; !p.flying {
			c.tryPost(p)
		}
	}
}

func (c *client) tryPost(p *posting) {
	l := c.link()
	if l == nil || l.kind == webSocket {
		return
	}
	p.tries++
	p.flying = true
	try, session, frames := p.tries, c.core.Session(), p.frames
	c.request(l.n, l.life, func(reply func(func())) {
		s := l.n.sessions[session]
		if s == nil || s.identity != c.name {
			reply(func() { c.posted(p, try, protocol.CodeSessionGone) })
			return
		}
		if s.link != nil {
			s.link.heard = c.w.now
		}
		s.send(body{p.seq, frames, func(code protocol.Code) { reply(func() { c.posted(p, try, code) }) }})
	})
	c.after(1500*time.Millisecond, func() {
		if p.tries == try && p.flying && slices.Contains(c.posts, p) {
			c.tryPost(p)
		}
	})
}

func (c *client) posted(p *posting, try int, code protocol.Code) {
	i := slices.Index(c.posts, p)
	if i < 0 || p.tries != try {
		return
	}
	if code != "" {
		if l := c.link(); l != nil && l.kind != webSocket {
			c.lost(l)
		}
		return
	}
	c.posts = slices.Delete(c.posts, i, i+1)
	c.pump()
}

// request is one HTTP request and its answer, each of which may be lost, and may overtake others.
func (c *client) request(n *node, life int, handle func(reply func(do func()))) {
	network, age := c.network, c.life
	leg := func(do func()) {
		d := c.rng.between(time.Millisecond, 40*time.Millisecond)
		if c.rng.chance(3) && c.w.now < c.w.plan.Horizon {
			d += c.rng.between(0, 2*time.Second) // some proxy held it
		}
		var arrive func()
		arrive = func() {
			switch {
			case c.network != network || c.w.now < c.offlineTo:
			case c.w.now < c.stalledTo:
				c.w.at(c.stalledTo, arrive)
			default:
				do()
			}
		}
		if !c.lossy.hits(c.w, c.rng) {
			c.w.after(d, arrive)
		}
	}
	ask := func() {
		n.deliver(life, func() {
			handle(func(do func()) { leg(func() { c.deliver(age, do) }) })
		})
	}
	leg(ask)
	if c.lossy.hits(c.w, c.rng) && c.rng.chance(30) {
		leg(ask) // a proxy repeats it
	}
}

func (c *client) polled(l *link, number int, batch *batch, cursor uint64) {
	if l.polls != number || l.closed {
		return
	}
	c.arrived(l, batch)
	if c.core.Link() != l.id || l.closed {
		return
	}
	if c.core.Received() != cursor && !c.w.mutant(Fence) {
		c.w.fail("I2", "inconsistent offsets", "client %d: a poll's cursor is %d, it has received %d", c.id, cursor, c.core.Received())
	}
	l.next()
}

func (c *client) refused(l *link, number int, code protocol.Code) {
	if l.polls == number && !l.closed {
		c.lost(l)
	}
}
