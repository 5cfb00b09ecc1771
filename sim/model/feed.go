package model

import (
	"fmt"

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
