package actors

import (
	"fmt"
	"runtime/debug"
	"tidings/actors/fanout"
	"tidings/core"
	"tidings/protocol"
)

// port is what the feed asks of its channel's actor. All that a member hears goes through its lane, in the order of
// these calls.
type port struct{ *channel }

var _ core.FeedPort[*subscription] = port{}

type feedJoin = core.Join[*subscription]

func (p port) Read(ticket uint64, after protocol.Position) { p.read(ticket, after) }

func (p port) Subscribed(j *feedJoin, at protocol.Position, recovered bool) {
	w := p.pending[j.Member]
	w.at = at
	if w.moved {
		p.toldOfMove(j.Member, at)
	}
	if w.answered {
		return
	}
	w.answered = true
	j.Member.from.Store(at.Offset)
	p.settled(w)
	if !recovered {
		p.counted(j.Member) // before it hears that it is subscribed: whoever publishes then is told of it
	}
	f := &protocol.ServerFrame{ID: j.Member.id, Channel: p.entry.name, Room: j.Member.room, Position: at, Recovered: recovered}
	p.lane(j.Member).Push(j.Member, protocol.SubscribedFrame(j.Member.conn.fleeting(), f))
	if recovered {
		p.bus.tally.recoveries.add(j.Member.conn.kind())
		w.recovered = &at
	}
}

func (p port) Refused(j *feedJoin) { p.turnAway(p.pending[j.Member]) }

func (p port) Replay(j *feedJoin, messages []core.Replayed, prev uint64, more bool) {
	frames := make([]*protocol.Encoded, len(messages))
	size, hears := 0, j.Member.hearing()
	for i, m := range messages {
		size += m.Size()
		if j.Member.conn.goesBy(m.Exclude.Connection) {
			frames[i] = protocol.PositionFrame(p.entry.name, hears.name(), m.Position())
			p.bus.tally.excluded.Add(1)
		} else {
			frames[i] = frameOf(m.Message, hears, m.Scope, prev)
		}
		prev = m.Offset
		p.pending[j.Member].at = m.Position()
	}
	j.Member.conn.replayed.Add(int64(size))
	p.bus.tally.replayed.Add(fanout.Messages(frames))
	p.lane(j.Member).Replay(j.Member, frames, j.Member.incarnation, more)
}

func (p port) Gap(j *feedJoin, g core.Gap, answering bool) {
	w := p.pending[j.Member]
	w.at = g.From
	id := j.Member.id
	if !answering || w.answered {
		id = 0
	}
	p.bus.tally.gaps.add(g.Reason, 1)
	p.note(j, Record{What: RecordGap, Code: string(g.Reason), Epoch: g.From.Epoch, Last: g.Last.Offset, From: g.From.Offset})
	j.Member.from.Store(g.From.Offset)
	p.lane(j.Member).Push(j.Member, gapFrame(p.entry.name, j.Member.room, id, g))
}

func (p port) Position(j *feedJoin, at protocol.Position) {
	p.pending[j.Member].at = at
	p.lane(j.Member).Push(j.Member, protocol.PositionFrame(p.entry.name, j.Member.room, at))
}

func (p port) Enter(j *feedJoin) {
	sub := j.Member
	w := p.pending[sub]
	delete(p.pending, sub)
	if w.recovered != nil {
		p.note(j, Record{What: RecordRecovered, Epoch: w.recovered.Epoch, From: w.recovered.Offset, To: w.at.Offset})
	}
	p.counted(sub)
	var of *fanout.Group
	if sub.group != nil {
		of = &sub.group.fan
	}
	p.lane(sub).Enter(sub, of, w.Since != nil || w.moved)
	if sub.audience != 0 {
		p.beginWatch(sub)
	}
}

// counted counts a member that hears messages from now on.
func (p port) counted(sub *subscription) {
	if !sub.live {
		sub.live = true
		p.entry.counts(sub, 1)
	}
}

func (p port) Live(m *protocol.Message, hits []core.Hit) {
	but := p.bus.exceptions(m)
	var whole *protocol.Encoded
	var parts []fanout.Selected
	for _, h := range hits {
		if h.Group == "" {
			whole = frameOf(m, nil, h.Scope, h.Prev)
			continue
		}
		g := p.groups[h.Group]
		s := fanout.Selected{Group: &g.fan, Frame: frameOf(m, g.hearing, h.Scope, h.Prev)}
		if but != nil && !m.Volatile {
			s.Instead = protocol.PositionFrame(p.entry.name, g.room, m.Position())
		}
		parts = append(parts, s)
	}
	p.bus.tally.matches.Add(uint64(len(parts)))
	for i, l := range p.lanes {
		if l != nil {
			l.Message(whole, parts, but[i])
		}
	}
}

func (p port) GapAll(g core.Gap) {
	p.bus.tally.gaps.add(g.Reason, uint64(p.entry.live.Load()))
	p.bus.chronicle.ofChannel(Record{What: RecordGap, Channel: p.entry.name, Code: string(g.Reason), Epoch: g.From.Epoch, Last: g.Last.Offset, From: g.From.Offset})
	p.all(gapFrame(p.entry.name, "", 0, g))
	if len(p.groups) > 0 {
		parts := make([]fanout.Selected, 0, len(p.groups))
		for _, group := range p.groups {
			parts = append(parts, fanout.Selected{Group: &group.fan, Frame: gapFrame(p.entry.name, group.room, 0, g)})
		}
		p.choose(parts)
	}
}

func (p port) PositionAll(groups []string, at protocol.Position) {
	parts := make([]fanout.Selected, 0, len(groups))
	for _, key := range groups {
		g := p.groups[key]
		parts = append(parts, fanout.Selected{Group: &g.fan, Frame: protocol.PositionFrame(p.entry.name, g.room, at)})
	}
	p.choose(parts)
	p.feed.Paced = true
	p.bus.alarms.Set(&p.pace, pacedFor)
}

// note keeps for a member's connection what happened to it in this channel.
func (p port) note(j *feedJoin, r Record) {
	r.Channel = p.entry.name
	p.bus.chronicle.ofConnection(j.Member.conn.id, r)
}

// all hands a frame to all live members that hear everything.
func (p port) all(frame *protocol.Encoded) {
	for _, l := range p.lanes {
		if l != nil {
			l.Deliver(frame)
		}
	}
}

// choose hands frames to the live members of groups.
func (p port) choose(parts []fanout.Selected) {
	for _, l := range p.lanes {
		if l != nil {
			l.Select(parts)
		}
	}
}

// exceptions returns who of this node shall not get m, by their shards' indexes; nil if nobody is here, as for most
// messages.
func (b *Bus) exceptions(m *protocol.Message) map[int]*fanout.Exception {
	if m.Exclude.Connection == "" {
		return nil
	}
	var list map[int]*fanout.Exception
	for _, c := range b.named(m.Exclude.Connection) {
		x := list[c.shard.Index()]
		if x == nil {
			x = &fanout.Exception{}
			if !m.Volatile {
				x.Frame = protocol.PositionFrame(m.Channel, "", m.Position())
			}
			if list == nil {
				list = map[int]*fanout.Exception{}
			}
			list[c.shard.Index()] = x
		}
		x.Outboxes = append(x.Outboxes, c.out)
	}
	return list
}

func gapFrame(ch protocol.Channel, room string, id uint64, g core.Gap) *protocol.Encoded {
	f := &protocol.ServerFrame{Type: protocol.TypeGap, ID: id, Channel: ch, Room: room, Reason: string(g.Reason), From: &g.From}
	if !g.Last.IsZero() {
		f.Last = &g.Last
	}
	return protocol.Encode(f)
}

// frameOf returns the frame of a message for those who hear h, given what the message is to them and up to where they
// were told: the message's own, shared by all, if it says the same.
func frameOf(m *protocol.Message, h *hearing, s core.Scope, prev uint64) *protocol.Encoded {
	m = h.shown(m, s)
	v := protocol.View{Room: h.name(), Prev: prev, Out: s == core.Out || h == nil && m.View().Out}
	if v.Room == "" && v.Out == m.View().Out && (m.Volatile || v.Prev == m.Prev) {
		return m.Encoded()
	}
	e := protocol.NewEncoded(protocol.AppendMessage(nil, m, v), protocol.TypeMessage)
	e.Message = m
	return e
}

// deliveries is what the shards ask of the node.
type deliveries struct{ bus *Bus }

var _ fanout.Port[*subscription] = deliveries{}

// Overflowed implements fanout.Port.
func (d deliveries) Overflowed(sub *subscription) { sub.conn.overflowed() }

// Broken implements fanout.Port.
func (d deliveries) Broken(sub *subscription) { sub.conn.fail() }

// Failed implements fanout.Port.
func (d deliveries) Failed(what string, reason any) {
	d.bus.tally.failures.Add(1)
	d.bus.log.Error(what, "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
}

// Live implements fanout.Port.
func (d deliveries) Live(sub *subscription) { sub.tell(joined{sub: sub}) }

// Next implements fanout.Port.
func (d deliveries) Next(sub *subscription, asker uint32) {
	sub.conn.whenSpace(sub.entry.pid, nextPage{sub: sub, incarnation: asker})
}

// Withdraw implements fanout.Port.
func (d deliveries) Withdraw(sub *subscription) {
	sub.conn.withdraw(func(ch protocol.Channel) bool { return ch == sub.channel })
}

// toldOfMove informs a member that it goes on from a position with something else to hear.
func (p port) toldOfMove(sub *subscription, at protocol.Position) {
	p.bus.tally.gaps.add(protocol.GapRulesChanged, 1)
	p.bus.chronicle.ofConnection(sub.conn.id, Record{
		Channel: p.entry.name, What: RecordGap, Code: string(protocol.GapRulesChanged), Epoch: at.Epoch, Last: sub.from.Load(), From: at.Offset,
	})
	sub.from.Store(at.Offset)
	p.lane(sub).Push(sub, gapFrame(p.entry.name, sub.room, 0, core.Gap{Reason: protocol.GapRulesChanged, From: at}))
}
