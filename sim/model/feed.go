package model

import (
	"fmt"
	"maps"
	"slices"

	"tidings/core"
	"tidings/protocol"
)

var _ core.FeedPort[*member] = (*feed)(nil)

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
}

func (n *node) feed(ch protocol.Channel) *feed {
	f := n.feeds[ch]
	if f == nil {
		f = &feed{n: n, ch: ch, rooms: map[string][]*member{}}
		f.core = core.NewFeed[*member](f, &rooms{})
		f.core.Omit, f.core.Quiet = n.w.omit, quietMessages
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

// quietMessages is how many messages a group lets pass before it is told the position.
const quietMessages = 8

// fail is a failure of the channel's actor: it starts again with a new feed, and its members join again from where they
// stand.
func (f *feed) fail() {
	at := f.core.Position()
	var live []*member
	for _, room := range slices.Sorted(maps.Keys(f.rooms)) {
		live = append(live, f.rooms[room]...)
	}
	f.drop()
	f.n.stream.unsubscribe(f.ch)
	next := f.n.feed(f.ch)
	for _, id := range sortedKeys(f.n.sessions) {
		s := f.n.sessions[id]
		for _, k := range sortedSubs(s.members) {
			if m := s.members[k]; m.f == f {
				next.again(m, at, slices.Contains(live, m))
			}
		}
		if !s.ended {
			s.outbox.Flush()
		}
	}
}

// again takes in a member of a feed that failed. All that concerns it up to at was handed on if it was live.
func (f *feed) again(m *member, at protocol.Position, live bool) {
	m.f, m.group = f, 0
	if m.started {
		if live && at != m.told {
			f.position(m, at)
		}
		since := m.told
		m.join.Since = &since
	}
	if f.n.w.mutant(Rejoin) {
		m.join.Group, m.join.Match = "", nil
	}
	f.admit(m.join)
}

// admit has a member join as soon as the broker has confirmed.
func (f *feed) admit(j core.Join[*member]) {
	j.Member.outside = false
	if !f.confirmed {
		f.early = append(f.early, j)
		return
	}
	f.step(func() { f.core.Join(j) })
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
	f.quiet()
	later := f.later
	f.later = nil
	for _, l := range later {
		l()
	}
}

// quiet checks that no member falls behind in silence.
func (f *feed) quiet() {
	at := f.core.Position()
	for room, members := range f.rooms {
		for _, m := range members {
			if room != "" && m.told.Epoch == at.Epoch && at.Offset > m.told.Offset+quietMessages {
				f.n.w.wire("unseen", "node %d is at %s, and its room %q was told up to %s", f.n.id, at, room, m.told)
				return
			}
		}
	}
}

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
	if m.started { // after a failure: it was told before
		return
	}
	m.told, m.started = at, true
	if f.n.w.mutant(CursorEpoch) && at.Offset == 0 {
		at.Epoch = ""
	}
	f.push(m, &protocol.ServerFrame{Type: protocol.TypeSubscribed, ID: j.ID, Channel: f.ch, Room: m.room, Position: at, Recovered: recovered})
}

func (f *feed) Refused(j *core.Join[*member]) { f.later = append(f.later, func() { f.refuse(j) }) }

func (f *feed) refuse(j *core.Join[*member]) {
	m := j.Member
	if m.left {
		return
	}
	if m.started { // after a failure: it waits for the broker
		m.outside = true
		f.n.after(f.n.rng.around(checkEvery), func() {
			if !m.left && m.f == f {
				m.f = f.n.feed(f.ch)
				m.f.admit(*j)
			}
		})
		return
	}
	m.left = true
	delete(m.s.members, subKey{f.ch, m.room})
	m.s.push(&protocol.ServerFrame{Type: protocol.TypeError, ID: j.ID, Code: protocol.CodeBrokerUnavailable, Retry: true})
	m.s.outbox.Flush()
}

func (f *feed) Replay(j *core.Join[*member], messages []core.Replayed, prev uint64, more bool) {
	m := j.Member
	for _, msg := range messages {
		if j.Group == "" {
			prev = msg.Prev
		}
		m.message(msg.Message, j.Group, msg.Scope, prev)
		f.deliver(m, f.n.w.encode(msg.Message, protocol.View{Room: j.Group, Prev: prev, Out: outOf(msg.Message, j.Group, msg.Scope)}))
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
	m.told, m.group = g.From, g.From.Offset
	e := &protocol.ServerFrame{Type: protocol.TypeGap, Channel: f.ch, Room: m.room, Reason: string(g.Reason), From: &g.From}
	if !g.Last.IsZero() {
		e.Last = &g.Last
	}
	if answering && !m.started {
		e.ID = id
	}
	f.push(m, e)
}

func (f *feed) Position(j *core.Join[*member], at protocol.Position) { f.position(j.Member, at) }

func (f *feed) position(m *member, at protocol.Position) { f.positionOf(m, m.room, at) }

func (f *feed) positionOf(m *member, room string, at protocol.Position) {
	if at.Epoch != m.told.Epoch || at.Offset < m.told.Offset {
		f.n.w.wire("nonmonotonic", "node %d moves %s of %s from %s to %s", f.n.id, f.ch, m.s.id, m.told, at)
	}
	m.told = at
	f.push(m, &protocol.ServerFrame{Type: protocol.TypePosition, Channel: f.ch, Room: room, Position: at})
}

func (f *feed) Enter(j *core.Join[*member]) {
	j.Member.group = 0
	f.rooms[j.Group] = append(f.rooms[j.Group], j.Member)
}

func (f *feed) Live(msg *protocol.Message, hits []core.Hit) {
	for _, h := range hits {
		e := f.n.w.encode(msg, protocol.View{Room: h.Group, Prev: h.Prev, Out: outOf(msg, h.Group, h.Scope)})
		for _, m := range f.members(h.Group, GroupAlone) {
			m.live(msg, h)
			f.deliver(m, e)
		}
	}
}

// outOf returns whether a frame says that its document is out.
func outOf(msg *protocol.Message, room string, s core.Scope) bool {
	if room == "" {
		return msg.View().Out
	}
	return s == core.Out
}

// members returns the live members of a room; in the mutant, those of all.
func (f *feed) members(room string, mutant Mechanism) []*member {
	if !f.n.w.mutant(mutant) {
		return f.rooms[room]
	}
	var all []*member
	for _, room := range slices.Sorted(maps.Keys(f.rooms)) {
		all = append(all, f.rooms[room]...)
	}
	return all
}

func (f *feed) GapAll(g core.Gap) {
	for _, room := range slices.Sorted(maps.Keys(f.rooms)) {
		for _, m := range f.rooms[room] {
			f.gap(m, g, 0, false)
		}
	}
}

func (f *feed) PositionAll(rooms []string, at protocol.Position) {
	for _, room := range rooms {
		for _, m := range f.members(room, GroupPosition) {
			if room != m.room {
				f.n.w.wire("foreign", "node %d tells a member of %q the position of %q", f.n.id, m.room, room)
			}
			m.group = at.Offset
			f.positionOf(m, room, at)
		}
	}
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

func describe(a any) string {
	p, _ := a.(core.Page)
	return fmt.Sprintf("%d messages, top %s %s", len(p.Messages), p.Top, p.Lost)
}
