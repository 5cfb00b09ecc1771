package model

import (
	"fmt"
	"slices"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// node is a server process: a shell around core.Feed, core.Outbox and core.Inbox, as actors is. What it does in one step an actor does in one
// message.
type node struct {
	process
	id       int
	rng      *rng
	stream   stream
	feeds    map[protocol.Channel]*feed
	sessions map[string]*session
	made     int
	draining bool
	keys     map[string]*answer // of mutant 13 only
}

// Times of a model run, shorter than a server's so that a run of half a minute meets each of them often.
const (
	checkEvery   = 2 * time.Second
	tickEvery    = time.Second
	heartbeat    = 3 * time.Second
	pongDeadline = time.Second
	deafAfter    = (heartbeat + pongDeadline) * 11 / 10
	pollHold     = 2 * time.Second
	rpcTimeout   = time.Second
	sequenceHold = time.Second
	idleFeed     = 2 * time.Second
)

func (w *World) newNode(id int) *node {
	n := &node{process: process{w: w}, id: id, rng: newRNG(w.plan.Seed, 2, uint64(id))}
	n.boot()
	return n
}

func (n *node) boot() {
	n.up = true
	n.feeds, n.sessions, n.keys = map[protocol.Channel]*feed{}, map[string]*session{}, map[string]*answer{}
	n.draining = false
	n.stream = stream{n: n}
	n.after(0, n.tick)
}

func (n *node) tick() {
	for _, ch := range n.w.channels {
		if f := n.feeds[ch]; f != nil && f.confirmed {
			f.step(f.core.Tick)
		}
	}
	n.after(n.rng.around(tickEvery), n.tick)
}

// feed is a channel actor.
type feed struct {
	n         *node
	ch        protocol.Channel
	core      *core.Feed[*member]
	confirmed bool
	gone      bool
	early     []core.Join[*member] // before the broker confirmed
	rooms     map[string][]*member // live
	later     []func()             // what must not be called from within core.Feed
	deep      bool
	idle      int
	checks    int // since the healing
}

// member is one subscription of one session.
type member struct {
	s       *session
	f       *feed
	room    string
	filter  int
	id      uint64
	left    bool
	told    protocol.Position // what was last written, for the check of the server's own output
	started bool
}

func (n *node) feed(ch protocol.Channel) *feed {
	f := n.feeds[ch]
	if f == nil {
		f = &feed{n: n, ch: ch, rooms: map[string][]*member{}}
		f.core = core.NewFeed[*member](f)
		f.core.Omit = n.w.omit
		n.feeds[ch] = f
		f.register()
	}
	return f
}

// register subscribes at the broker, and starts the feed when that is confirmed.
func (f *feed) register() {
	if f.n.w.mutant(Register) { // reads history before it is registered
		f.confirmed = true
		f.step(f.core.Start)
		f.n.stream.subscribe(f.ch, func(bool) {})
		f.start()
		return
	}
	f.n.stream.subscribe(f.ch, func(ok bool) {
		if f.gone {
			return
		}
		if !ok {
			early := f.early
			f.drop()
			for _, j := range early {
				f.refuse(&j)
			}
			return
		}
		f.confirmed = true
		f.step(f.core.Start)
		f.start()
	})
}

func (f *feed) start() {
	early := f.early
	f.early = nil
	for _, j := range early {
		if !j.Member.left {
			f.step(func() { f.core.Join(j) })
		}
	}
	f.n.after(f.n.rng.around(checkEvery), f.check)
}

func (f *feed) check() {
	if f.gone {
		return
	}
	if !f.n.w.mutant(PositionCheck) {
		f.step(f.core.Check)
	}
	f.retire()
	f.n.after(f.n.rng.around(checkEvery), f.check)
}

// retire forgets a channel that nobody asked for lately.
func (f *feed) retire() {
	if f.core.Members() > 0 || len(f.early) > 0 {
		f.idle = 0
		return
	}
	if f.idle++; f.idle > 1 {
		f.n.stream.unsubscribe(f.ch)
		f.drop()
	}
}

func (f *feed) drop() {
	f.gone = true
	if f.n.feeds[f.ch] == f {
		delete(f.n.feeds, f.ch)
	}
}

// step runs one call of the core, then what the core's calls left for later.
func (f *feed) step(do func()) {
	if f.deep || f.gone {
		panic("the feed is called from within, or after its end")
	}
	f.deep = true
	do()
	f.deep = false
	later := f.later
	f.later = nil
	for _, l := range later {
		l()
	}
}

// FeedPort.

func (f *feed) Read(ticket uint64, after protocol.Position) {
	f.n.call(func(b *broker) (any, bool) {
		return b.after(f.ch, after), true
	}, func(a any, ok bool) {
		if f.gone {
			return
		}
		if f.n.w.verbose {
			f.n.w.log("node %d reads %s after %s: %v, %s", f.n.id, f.ch, after, ok, describe(a))
		}
		if !ok {
			f.step(func() { f.core.ReadFailed(ticket) })
			return
		}
		f.step(func() { f.core.HistoryRead(ticket, a.(core.Page)) })
	})
}

func (f *feed) Subscribed(j *core.Join[*member], at protocol.Position, recovered bool) {
	m := j.Member
	m.told, m.started = at, true
	if f.n.w.mutant(CursorEpoch) && at.Offset == 0 {
		at.Epoch = ""
	}
	f.push(m, &protocol.ServerFrame{Type: protocol.TypeSubscribed, ID: j.ID, Channel: f.ch, Room: j.Room, Position: at, Recovered: recovered})
}

func (f *feed) Refused(j *core.Join[*member]) { f.later = append(f.later, func() { f.refuse(j) }) }

func (f *feed) refuse(j *core.Join[*member]) {
	m := j.Member
	if m.left {
		return
	}
	m.left = true
	delete(m.s.members, subKey{f.ch, m.room})
	m.s.push(&protocol.ServerFrame{Type: protocol.TypeError, ID: j.ID, Code: protocol.CodeBrokerUnavailable, Retry: true})
	m.s.outbox.Flush()
}

func (f *feed) Replay(j *core.Join[*member], messages []*protocol.Message, prev uint64, more bool) {
	m := j.Member
	for _, msg := range messages {
		if j.Room == "" {
			prev = msg.Prev
		}
		m.message(msg, prev)
		f.deliver(m, f.n.w.encode(msg, j.Room, prev))
		prev = msg.Offset
	}
	if more {
		f.later = append(f.later, func() {
			m.s.whenRoomy(func() {
				if !m.left && !f.gone {
					f.step(func() { f.core.Continue(m) })
				}
			})
		})
	}
}

func (f *feed) Gap(j *core.Join[*member], g core.Gap, answering bool) {
	f.gap(j.Member, g, j.ID, answering)
}

func (f *feed) gap(m *member, g core.Gap, id uint64, answering bool) {
	m.told = g.From
	e := &protocol.ServerFrame{Type: protocol.TypeGap, Channel: f.ch, Room: m.room, Reason: string(g.Reason), From: &g.From}
	if !g.Last.IsZero() {
		e.Last = &g.Last
	}
	if answering {
		e.ID = id
	}
	f.push(m, e)
}

func (f *feed) Position(j *core.Join[*member], at protocol.Position) { f.position(j.Member, at) }

func (f *feed) position(m *member, at protocol.Position) {
	if at.Epoch != m.told.Epoch || at.Offset < m.told.Offset {
		f.n.w.wire("nonmonotonic", "node %d moves %s of %s from %s to %s", f.n.id, f.ch, m.s.id, m.told, at)
	}
	m.told = at
	f.push(m, &protocol.ServerFrame{Type: protocol.TypePosition, Channel: f.ch, Room: m.room, Position: at})
}

func (f *feed) Enter(j *core.Join[*member]) { f.rooms[j.Room] = append(f.rooms[j.Room], j.Member) }

func (f *feed) Live(room string, msg *protocol.Message, prev uint64) {
	members := f.rooms[room]
	if len(members) == 0 {
		return
	}
	e := f.n.w.encode(msg, room, prev)
	for _, m := range members {
		m.message(msg, prev)
		f.deliver(m, e)
	}
}

func (f *feed) GapAll(room string, g core.Gap) {
	for _, m := range f.rooms[room] {
		f.gap(m, g, 0, false)
	}
}

func (f *feed) PositionAll(room string, at protocol.Position) {
	for _, m := range f.rooms[room] {
		f.position(m, at)
	}
}

// message checks the server's own output: what one member is sent must follow, whatever its client would make of it.
func (m *member) message(msg *protocol.Message, prev uint64) {
	w := m.f.n.w
	if msg.Volatile {
		return
	}
	switch {
	case !m.started:
		w.wire("nonmonotonic", "node %d sends %s before it answered the subscribe", m.f.n.id, msg.Position())
	case msg.Epoch != m.told.Epoch:
		w.wire("skip", "node %d goes from %s to %s without a gap", m.f.n.id, m.told, msg.Position())
	case msg.Offset <= m.told.Offset:
		w.wire("duplicate", "node %d sends %s after %s", m.f.n.id, msg.Position(), m.told)
	case prev > m.told.Offset:
		w.wire("skip", "node %d sends %s with prev %d after %s", m.f.n.id, msg.Position(), prev, m.told)
	}
	m.told = msg.Position()
}

func (f *feed) push(m *member, frame *protocol.ServerFrame) { f.deliver(m, f.n.w.encodeFrame(frame)) }

func (f *feed) deliver(m *member, e *protocol.Encoded) {
	if m.left {
		return
	}
	s := m.s
	if !s.outbox.Push(e) {
		f.later = append(f.later, func() { s.end(protocol.CodeSlowConsumer) })
		return
	}
	if !s.flushing {
		s.flushing = true
		f.later = append(f.later, func() {
			s.flushing = false
			s.bounded()
			s.outbox.Flush()
		})
	}
}

// leave takes a member out of its feed, wherever it stands.
func (m *member) leave() {
	if m.left {
		return
	}
	m.left = true
	f := m.f
	if f.gone {
		return
	}
	if i := slices.IndexFunc(f.early, func(j core.Join[*member]) bool { return j.Member == m }); i >= 0 {
		f.early = slices.Delete(f.early, i, i+1)
		return
	}
	f.step(func() { f.core.Leave(m, m.room) })
	if i := slices.Index(f.rooms[m.room], m); i >= 0 {
		f.rooms[m.room] = slices.Delete(f.rooms[m.room], i, i+1)
	}
}

func (n *node) crash(down time.Duration) {
	n.die()
	n.stream.close()
	for _, l := range n.w.links(func(l *link) bool { return l.n == n }) {
		l.serverDied()
	}
	n.w.after(down, func() {
		if !n.up {
			n.boot()
		}
	})
}

func (n *node) pause(d time.Duration) { n.frozen = max(n.frozen, n.w.now+d) }

// drain tells all clients to come back, to another node if there is one.
func (n *node) drain(d time.Duration) {
	n.draining = true
	for _, id := range sortedKeys(n.sessions) {
		n.sessions[id].end(protocol.CodeShuttingDown)
	}
	n.after(d, func() { n.draining = false })
}

// call is a request to the broker and its answer: two legs, each of which may fail.
func (n *node) call(ask func(*broker) (any, bool), answered func(any, bool)) {
	life, done := n.life, false
	finish := func(a any, ok bool) {
		n.deliver(life, func() {
			if !done {
				done = true
				answered(a, ok)
			}
		})
	}
	n.w.after(rpcTimeout, func() { finish(nil, false) })
	if n.stream.lost() {
		return
	}
	b := n.w.broker
	n.w.after(n.rpcDelay(), func() {
		if !b.up {
			return
		}
		a, ok := ask(b)
		if n.stream.lost() {
			return
		}
		n.w.after(n.rpcDelay(), func() { finish(a, ok) })
	})
}

func (n *node) rpcDelay() time.Duration {
	if n.rng.chance(3) {
		return n.rng.between(0, 400*time.Millisecond)
	}
	return n.rng.between(200*time.Microsecond, 15*time.Millisecond)
}

func (n *node) newSessionID() string {
	n.made++
	return fmt.Sprintf("s%d.%d.%d", n.id, n.life, n.made)
}

func describe(a any) string {
	p, _ := a.(core.Page)
	return fmt.Sprintf("%d messages, top %s %s", len(p.Messages), p.Top, p.Lost)
}
