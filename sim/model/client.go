package model

import (
	"fmt"
	"slices"
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
	c.heard = c.w.now
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

// Upstream of SSE and poll.

type posting struct {
	seq    uint64
	frames []protocol.ClientFrame
	tries  int
	flying bool
}

// renew is for a new link. On a resumed session a body without an answer is sent again with its number, but empty: the machine says what still
// matters again, and the old body, should it arrive late, finds its number taken. A new session counts from 1.
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

// link is the one that carries the session.
func (c *client) link() *link {
	for _, l := range c.links {
		if l.id == c.core.Link() {
			return l
		}
	}
	return nil
}

// ClientPort.

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

// callback lets the application do something from within a callback.
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

func (c *client) Other(*protocol.ServerFrame) {}

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

// heal makes the client's network whole and tells the client so.
func (c *client) heal() {
	c.offlineTo, c.stalledTo, c.lossy = 0, 0, chance{}
	c.frozen = 0
	c.wake(c.life)
	if c.core.Link() == 0 {
		c.reconnect(true)
	}
}
