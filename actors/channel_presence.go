package actors

import (
	"context"
	"strings"
	"sync/atomic"
	"tidings/actors/fanout"
	"tidings/actors/ground"
	"tidings/broker"
	"tidings/core"
	"tidings/internal/patience"
	"tidings/protocol"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// presence is who is in one channel, or in one of its rooms: it says to the broker who is there on this node, and tells
// those who watch on this node what the broker says of all nodes. It belongs to the channel's actor, and is made if the
// rules keep presence. Of a room it is there as long as anybody is in the room.
type presence struct {
	*presenceState
	ch     *channel
	name   protocol.Channel // by which the broker knows it
	herald *core.Herald     // nil if nobody watches
	sink   *membersSink     // nil if the broker was not asked for changes
	listed bool             // the broker has confirmed that it brings them

	notNow  time.Duration // no call before: one has failed
	saidAt  time.Duration // when the broker was last told something
	checkAt time.Duration // when to ask the broker next whether a change was lost
	lost    uint64        // of the herald, as counted
	due     time.Duration // when the alarm rings; 0 if it is not set
	alarm   ground.Alarm
}

// sayEvery is how often the broker hears of a channel from this node. A change after a pause is said at once.
const sayEvery = 50 * time.Millisecond

// A room has a presence of its own: the connections that subscribed with the same filter, whatever the scope. Each
// counts, also of one user, as a client of Kuzzle counts them.

// partyPrefix begins the names by which the broker knows who is in a room. Nobody can subscribe to them.
const partyPrefix = "$room/"

// partyOf is the name by which the broker knows who is in a room of ch, or, without a room, in ch.
func partyOf(ch protocol.Channel, room string) protocol.Channel {
	filter, _, _ := strings.Cut(room, ".") // what follows is the scope
	if filter == "" {
		return ch
	}
	return protocol.Channel(partyPrefix + filter)
}

// party is the filter of a subscription's room, of which it hears who comes and goes; "" for the channel.
func (sub *subscription) party() string {
	filter, _, _ := strings.Cut(sub.room, ".")
	return filter
}

// presence returns the presence of a filter's room, or, if that is "", of the channel. It is made if there is none.
func (ch *channel) presence(filter string) *presence {
	p := ch.presenceOf(filter)
	if p != nil {
		return p
	}
	state := &ch.presenceState
	if filter != "" {
		if state = ch.rooms[filter]; state == nil {
			state = &presenceState{filter: filter}
			if ch.rooms == nil {
				ch.rooms = map[string]*presenceState{}
			}
			ch.rooms[filter] = state
		}
	}
	if state.attendance == nil {
		state.attendance = core.NewAttendance()
	}
	p = &presence{
		presenceState: state, ch: ch, name: partyOf(ch.entry.name, filter),
		saidAt: -sayEvery, alarm: ground.Alarm{To: ch.self, Message: presenceDue{filter: filter}},
	}
	if filter == "" {
		ch.crowd = p
		return p
	}
	if ch.crowds == nil {
		ch.crowds = map[string]*presence{}
	}
	ch.crowds[filter] = p
	return p
}

// presenceOf is presence, nil if there is none.
func (ch *channel) presenceOf(filter string) *presence {
	if filter == "" {
		return ch.crowd
	}
	return ch.crowds[filter]
}

// forgetPresence forgets the presence of a room in which nobody is.
func (ch *channel) forgetPresence(p *presence) {
	ch.bus.alarms.Cancel(&p.alarm)
	p.unwatch()
	delete(ch.crowds, p.filter)
	delete(ch.rooms, p.filter)
}

func (p *presence) unwatch() {
	if p.sink != nil {
		p.sink.close()
	}
	p.sink, p.listed, p.herald, p.lost = nil, false, nil, 0
}

// voice returns the watchers under the name of a room, made if there are none.
func (p *presence) voice(room string) *voice {
	for _, v := range p.voices {
		if v.room == room {
			return v
		}
	}
	v := &voice{room: room}
	if room != "" {
		v.group = &fanout.Group{}
	}
	p.voices = append(p.voices, v)
	return v
}

// told is what those who watch under a room's name have been told, in one frame.
func (p *presence) told(v *voice) *protocol.Encoded {
	if v.snapshot == nil {
		v.snapshot = newsFrame(p.ch.entry.name, v.room, p.herald.Snapshot())
	}
	return v.snapshot
}

func (p *presence) tell(now time.Duration) {
	t := &p.ch.bus.tally
	for _, n := range p.herald.Tell(now) {
		to := fanout.Everybody
		switch n.Type {
		case protocol.TypeJoined:
			to = fanout.HearsIn
			t.newsJoined.Add(1)
		case protocol.TypeLeft:
			to = fanout.HearsOut
			t.newsLeft.Add(1)
		default:
			t.newsPresence.Add(1)
			if n.Members == nil {
				t.newsUnnamed.Add(1)
			}
		}
		for _, v := range p.voices {
			v.snapshot = nil
			frame := newsFrame(p.ch.entry.name, v.room, n)
			for _, l := range p.ch.lanes {
				if l != nil {
					l.Announce(frame, v.group, to)
				}
			}
		}
	}
	t.presenceLost.Add(p.herald.Lost - p.lost)
	p.lost = p.herald.Lost
}

// membersSink takes who comes and goes in one channel, on the broker's goroutine.
type membersSink struct {
	ending
	pid         *actor.PID
	filter      string       // of the room; "" for the channel
	pending     atomic.Int32 // changes on their way to the actor
	interrupted atomic.Bool  // the actor was told
}

// maxPendingChanges bounds the changes on their way to a channel's actor. More are left out, and what is true then is
// read.
const maxPendingChanges = 64

// Changed implements broker.MembersSink.
func (s *membersSink) Changed(c core.MembersChange) {
	if s.closed.Load() {
		return
	}
	if s.pending.Add(1) > maxPendingChanges {
		s.pending.Add(-1)
		s.Interrupted()
		return
	}
	s.bus.send(s.pid, membersChanged{from: s, MembersChange: c})
}

// interrupted implements broker.MembersSink.
func (s *membersSink) Interrupted() {
	if !s.closed.Load() && s.interrupted.CompareAndSwap(false, true) {
		s.bus.send(s.pid, membersInterrupted{from: s})
	}
}

// ask begins the call of the broker that comes first: to watch, to say who is here, to read who is there, in this
// order, so that who comes first finds itself in what it is told.
func (p *presence) ask(now time.Duration) {
	if p.herald != nil && p.sink == nil {
		p.watch()
		return
	}
	if at, any := p.attendance.Due(); any && at <= now && now >= p.saidAt+sayEvery {
		if joined, left := p.attendance.Take(now); len(joined)+len(left) > 0 {
			p.saidAt = now
			p.say(joined, left)
			return
		}
	}
	switch {
	case p.herald == nil || !p.listed:
	case p.herald.MustRead():
		p.read()
	case now >= p.checkAt:
		p.check()
	}
}

func (p *presence) watch() {
	b, name := p.ch.bus, p.name
	s := &membersSink{ending: ending{bus: b}, pid: p.ch.self, filter: p.filter}
	p.sink = s
	p.call(func(ctx context.Context, keeper broker.Presence) (core.MembersPage, error) {
		stop, err := keeper.Watch(ctx, name, s)
		if err == nil {
			s.opened(stop)
		}
		return core.MembersPage{}, err
	}, func(m presenceDone) {
		switch {
		case p.sink != s: // nobody watches any more, or others do
		case m.err != nil:
			s.close()
			p.sink = nil
		default:
			p.listed = true
		}
	})
}

func (p *presence) say(joined, left []protocol.Member) {
	attendance, name, t := p.attendance, p.name, &p.ch.bus.tally
	p.call(func(ctx context.Context, keeper broker.Presence) (core.MembersPage, error) {
		return core.MembersPage{}, keeper.Attend(ctx, name, joined, left)
	}, func(m presenceDone) {
		if m.err != nil {
			attendance.Failed(joined, left)
			return
		}
		t.joined.Add(uint64(len(joined)))
		t.left.Add(uint64(len(left)))
	})
}

func (p *presence) read() {
	herald, name := p.herald, p.name
	p.call(func(ctx context.Context, keeper broker.Presence) (core.MembersPage, error) {
		return everybodyIn(ctx, keeper, name)
	}, func(m presenceDone) {
		if m.err == nil {
			herald.Read(m.page)
			p.checkAt = p.ch.bus.clock() + patience.Jittered(p.ch.bus.cfg.CheckInterval)
		}
	})
}

// check asks what the newest version is.
func (p *presence) check() {
	herald, name := p.herald, p.name
	p.checkAt = p.ch.bus.clock() + patience.Jittered(p.ch.bus.cfg.CheckInterval)
	p.call(func(ctx context.Context, keeper broker.Presence) (core.MembersPage, error) {
		return keeper.Members(ctx, name, protocol.Member{}, 0)
	}, func(m presenceDone) {
		if m.err == nil {
			herald.Check(m.page.Version)
		}
	})
}

// call calls the broker off the actor. presenceDone answers.
func (p *presence) call(fn func(context.Context, broker.Presence) (core.MembersPage, error), answer func(presenceDone)) {
	p.answer = answer
	b, self, of := p.ch.bus, p.ch.self, p.filter
	b.reads.Run(func() {
		var page core.MembersPage
		err := b.call(func(ctx context.Context) (err error) {
			page, err = fn(ctx, b.keeper())
			return err
		})
		b.send(self, presenceDone{filter: of, page: page, err: err})
	})
}

func newsFrame(ch protocol.Channel, room string, n core.News) *protocol.Encoded {
	count := uint64(n.Count)
	return protocol.Encode(&protocol.ServerFrame{Type: n.Type, Channel: ch, Room: room, Members: n.Members, Count: &count})
}
