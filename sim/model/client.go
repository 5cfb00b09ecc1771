package model

import (
	"fmt"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// client is an application with its client library: a shell around core.Client, as client and clientjs are.
type client struct {
	process
	id     int
	name   string // its identity
	rng    *rng
	core   *core.Client
	made   int
	links  []*link
	home   *node
	kind   int
	retry  int // n of the reconnect time
	opened int // counts attempts to open

	waiting   bool
	offlineTo time.Duration
	network   int // counts up when what is in flight is lost
	stalledTo time.Duration
	lossy     chance
	final     protocol.Code

	sent, heard time.Duration
	seq         uint64
	posts       []*posting
	inCallback  *Step
	watches     map[*core.Subscription]*watch
	retrying    bool
	trace       *Trace
}

func (w *World) newClient(id int) *client {
	c := &client{process: process{w: w, up: true}, id: id, name: fmt.Sprint("c", id), rng: newRNG(w.plan.Seed, 5, uint64(id)), watches: map[*core.Subscription]*watch{}}
	c.kind = c.rng.below(3)
	c.core = core.NewClient(c)
	c.core.Omit = w.omit
	c.after(c.rng.between(0, 300*time.Millisecond), func() { c.open(c.kind, nil) })
	return c
}

// What the application does.

func (c *client) subscribe(ch protocol.Channel, filter int) {
	for _, s := range c.core.Subscriptions() {
		if s.Channel == ch && filterOf(s.Filter) == filter {
			return
		}
	}
	if c.trace != nil {
		c.trace.input(TraceStep{Op: "subscribe", Sub: len(c.trace.subs) + 1, Channel: string(ch), Filter: filterText(filter)})
	}
	s := c.core.Subscribe(ch, filterText(filter), protocol.Position{})
	if c.trace != nil {
		c.trace.subs = append(c.trace.subs, s)
	}
	c.watches[s] = c.w.newWatch(c.id, ch, filter, protocol.Position{})
	c.w.mark("subscribe", uint64(c.id), uint64(filter))
	if c.w.verbose {
		c.w.log("client %d subscribes to %s, filter %d", c.id, ch, filter)
	}
}

func (c *client) unsubscribe(nth int) {
	subs := c.core.Subscriptions()
	if len(subs) == 0 {
		return
	}
	s := subs[nth%len(subs)]
	if c.w.verbose {
		c.w.log("client %d unsubscribes from %s %s", c.id, s.Channel, s.Filter)
	}
	if c.trace != nil {
		c.trace.input(TraceStep{Op: "unsubscribe", Sub: c.trace.number(s)})
	}
	c.core.Unsubscribe(s)
	delete(c.watches, s)
}

func (c *client) publish(o *op) {
	f := protocol.ClientFrame{Type: protocol.TypePublish, Channel: o.ch, Data: o.data, IdempotencyKey: o.key}
	if c.trace != nil {
		f.ID = 1 // any
		c.trace.input(TraceStep{Op: "request", Request: len(c.trace.requests) + 1, Frame: clientFrames([]protocol.ClientFrame{f})[0]})
	}
	f.ID = 0
	r := c.core.Request(f)
	if c.trace != nil {
		c.trace.requests = append(c.trace.requests, r)
	}
}

func (c *client) goodbye() {
	if c.trace != nil {
		c.trace.input(TraceStep{Op: "goodbye"})
	}
	c.core.Goodbye()
	c.renew(false)
	for _, l := range c.links {
		l.close()
	}
	c.reconnect(false)
}

// reload begins again with another client object, from the cursors that the old one had stored.
func (c *client) reload() {
	old := c.core.Subscriptions()
	for _, l := range c.links {
		l.close()
	}
	c.die()
	c.up, c.waiting, c.retrying, c.inCallback = true, false, false, nil
	c.renew(false)
	c.core = core.NewClient(c)
	c.core.Omit = c.w.omit
	c.watches = map[*core.Subscription]*watch{}
	for _, s := range old {
		filter := filterOf(s.Filter)
		again := c.core.Subscribe(s.Channel, s.Filter, s.Cursor())
		c.watches[again] = c.w.newWatch(c.id, s.Channel, filter, s.Cursor())
	}
	c.reconnect(false)
}

// Connection manager.

// open opens a transport, to the node where the session is or to another.
func (c *client) open(kind int, n *node) {
	if c.final != "" {
		return
	}
	if n == nil {
		n = c.home
		if n == nil || c.rng.chance(25) {
			n = c.w.nodes[c.rng.below(len(c.w.nodes))]
		}
	}
	c.opened++
	attempt := c.opened
	if l := c.opening(); l != nil { // one attempt at a time
		c.cutLink(l)
	}
	l := c.w.newLink(c, n, kind)
	if c.w.verbose {
		c.w.log("client %d opens %s as link %d to node %d, received %d", c.id, transportNames[kind], l.id, n.id, c.core.Received())
	}
	if c.w.now < c.offlineTo || !n.up {
		c.after(c.rng.between(time.Millisecond, 50*time.Millisecond), func() {
			if c.opened == attempt {
				c.lost(l)
			}
		})
		l.cut = true
		l.down.kill()
		l.up.kill()
	}
	if c.w.now < c.stalledTo {
		l.up.stall(c.stalledTo - c.w.now)
	}
	if c.trace != nil {
		c.trace.input(TraceStep{Op: "open", Link: l.id})
	}
	c.core.Open(l.id, "")
	c.sent = c.w.now
	c.after(2*time.Second, func() {
		if c.opened == attempt && c.core.Link() != l.id && !l.closed {
			c.lost(l)
		}
	})
}

// lost takes a link for lost.
func (c *client) lost(l *link) {
	c.cutLink(l)
	if c.core.Link() == 0 && c.final == "" && c.opening() == nil {
		c.reconnect(false)
	}
}

func (c *client) cutLink(l *link) {
	if l.closed {
		return
	}
	l.close()
	if c.w.verbose {
		c.w.log("client %d takes link %d for lost", c.id, l.id)
	}
	if c.trace != nil {
		c.trace.input(TraceStep{Op: "lost", Link: l.id})
	}
	c.core.Lost(l.id)
}

// opening is the youngest link that is not closed and does not carry the session yet.
func (c *client) opening() *link {
	if len(c.links) == 0 {
		return nil
	}
	if l := c.links[len(c.links)-1]; !l.closed && c.core.Link() != l.id {
		return l
	}
	return nil
}

func (c *client) reconnect(now bool) {
	if c.waiting && !now {
		return
	}
	c.waiting = true
	limit := min(2*time.Second, 100*time.Millisecond<<min(c.retry, 6))
	c.retry++
	if now {
		limit = time.Millisecond
	}
	attempt := c.opened
	c.after(c.rng.between(0, limit), func() {
		c.waiting = false
		if c.opened != attempt || c.core.Link() != 0 {
			return
		}
		if c.rng.chance(30) {
			c.kind = c.rng.below(3)
		}
		c.open(c.kind, nil)
	})
}

// beat keeps the heartbeat of the link that carries the session.
func (c *client) beat(l *link) {
	if c.core.Link() != l.id || l.closed {
		return
	}
	if c.w.now-c.sent >= heartbeat {
		c.ping(l, pongDeadline)
	}
	c.after(c.rng.around(heartbeat/4), func() { c.beat(l) })
}

func (c *client) ping(l *link, deadline time.Duration) {
	at := c.w.now
	if c.trace != nil {
		c.trace.input(TraceStep{Op: "ping"})
	}
	c.core.Ping()
	c.after(deadline, func() {
		if c.heard < at && c.core.Link() == l.id {
			c.lost(l)
		}
	})
}

// arrived takes what a link brings.
func (c *client) arrived(l *link, batch *batch) {
	frames := batch.frames()
	if c.core.Link() == l.id {
		c.heard = c.w.now // a zombie proves nothing
	}
	for _, f := range frames {
		if c.w.verbose {
			c.w.log("client %d, link %d: %s", c.id, l.id, serverFrame(f))
		}
		number := l.id
		if c.w.mutant(Fence) && protocol.Counted(f.Type) {
			number = c.core.Link()
		}
		if f.Type == protocol.TypeConnected && c.opening() == l {
			c.renew(f.Resumed && f.Session == c.core.Session())
		}
		if c.trace != nil {
			c.trace.input(TraceStep{Op: "frame", Link: number, Frame: wireServer(f)})
		}
		c.core.Frame(number, f)
	}
}

// link is the one that carries the session.
func (c *client) link() *link {
	for _, l := range c.links {
		if l.id == c.core.Link() {
			return l
		}
	}
	return nil
}

// heal makes the client's network whole and tells the client so.
func (c *client) heal() {
	c.offlineTo, c.stalledTo, c.lossy = 0, 0, chance{}
	c.frozen = 0
	c.wake(c.life)
	if c.core.Link() == 0 {
		c.reconnect(true)
	}
}
