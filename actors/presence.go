package actors

import (
	"time"

	"tidings/actors/ground"
	"tidings/core"
	"tidings/protocol"
)

// presence is who is in one channel: it says to the broker who is there on this node, and tells those who watch on this node what the broker says
// of all nodes. It belongs to the channel's actor, and is made where the rules keep presence.
type presence struct {
	ch     *channel
	herald *core.Herald // nil where nobody watches
	sink   *membersSink // nil where the broker was not asked for changes
	listed bool         // the broker has confirmed that it brings them

	notNow   time.Duration     // no call before: one has failed
	saidAt   time.Duration     // when the broker was last told something
	checkAt  time.Duration     // when to ask the broker next whether a change was lost
	lost     uint64            // of the herald, as counted
	snapshot *protocol.Encoded // what was told so far, for who begins to watch; nil where it has changed since it was made
	due      time.Duration     // when the alarm rings; 0 where it is not set
	alarm    ground.Alarm
}

// presenceState is what a channel's presence hands over to its next incarnation.
type presenceState struct {
	attendance *core.Attendance   // nil where presence was never kept
	counted    int                // of it, in Stats
	watchers   int                // live members that watch
	answer     func(PresenceDone) // to the call under way; nil for none: there is one at a time
}

// sayEvery is how often the broker hears of a channel from this node. A change after a pause is said at once.
const sayEvery = 50 * time.Millisecond

// standing is as whom a subscription counts among those who are in its channel. A connection begins as itself, and may become a user's, whose it
// stays.
type standing uint8

const (
	nobody standing = iota
	itself
	itsUser
)

// member is whom a connection stands for.
func (as standing) member(c *Connection) protocol.Member {
	if as == itsUser {
		return protocol.Member{User: c.Identity().User}
	}
	return protocol.Member{Connection: c.id}
}

// presence gives the channel's presence, made where there is none.
func (ch *channel) presence() *presence {
	if ch.crowd == nil {
		if ch.attendance == nil {
			ch.attendance = core.NewAttendance()
		}
		ch.crowd = &presence{ch: ch, saidAt: -sayEvery, alarm: ground.Alarm{To: ch.self, Message: PresenceDue{}}}
	}
	return ch.crowd
}

// startPresence goes on where a failed incarnation was: what it was about to say is not known.
func (ch *channel) startPresence() {
	if ch.attendance == nil {
		return
	}
	ch.attendance.Restate()
	p := ch.presence()
	if ch.watchers > 0 {
		p.herald = core.NewHerald()
	}
	p.step()
}

func (ch *channel) stopPresence() {
	if p := ch.crowd; p != nil {
		ch.bus.alarms.Cancel(&p.alarm)
		p.unwatch()
	}
}

// atRest tells whether nobody is in the channel as far as anybody knows.
func (s *presenceState) atRest() bool {
	return s.answer == nil && (s.attendance == nil || s.attendance.Len() == 0)
}

// attend counts a subscription as somebody, or out.
func (ch *channel) attend(sub *subscription, as standing) {
	before := sub.as
	if before == as || as != nobody && sub.stage != inside {
		return
	}
	sub.as = as
	p := ch.presence()
	if as != nobody {
		ch.attendance.Enter(as.member(sub.conn))
	}
	if before != nobody {
		ch.attendance.Leave(before.member(sub.conn), ch.bus.clock())
	}
	p.step()
}

// onHear lets a subscription hear other news: at once, or, where it is on its way in, when it is live.
func (ch *channel) onHear(m Hear) {
	sub := m.Sub
	switch {
	case sub.stage != inside:
	case ch.pending[sub] != nil && m.News != 0:
		sub.users = m.News | sub.users&counted
	case m.News == 0:
		ch.endWatch(sub)
		ch.lane(sub).hear(sub, 0)
	default:
		sub.users = m.News | sub.users&counted
		ch.beginWatch(sub)
	}
}

// beginWatch lets a live subscription hear who comes and goes.
func (ch *channel) beginWatch(sub *subscription) {
	p := ch.presence()
	if sub.users&counted == 0 {
		sub.users |= counted
		ch.watchers++
		ch.bus.tally.watchers.Add(1)
	}
	ch.lane(sub).hear(sub, sub.users)
	if p.herald == nil {
		p.herald = core.NewHerald()
	}
	if p.herald.Ready() {
		ch.lane(sub).push(sub, p.told())
	}
	p.step()
}

func (ch *channel) endWatch(sub *subscription) {
	was := sub.users
	if sub.users = 0; was&counted == 0 {
		return
	}
	ch.bus.tally.watchers.Add(-1)
	if ch.watchers--; ch.watchers == 0 {
		ch.presence().unwatch()
	}
}

func (p *presence) unwatch() {
	if p.sink != nil {
		p.sink.close()
	}
	p.sink, p.listed, p.herald, p.snapshot, p.lost = nil, false, nil, nil, 0
}

// told is what those who watch have been told, in one frame.
func (p *presence) told() *protocol.Encoded {
	if p.snapshot == nil {
		p.snapshot = newsFrame(p.ch.entry.name, p.herald.Snapshot())
	}
	return p.snapshot
}

func newsFrame(ch protocol.Channel, n core.News) *protocol.Encoded {
	count := uint64(n.Count)
	return protocol.Encode(&protocol.ServerFrame{Type: n.Type, Channel: ch, Members: n.Members, Count: &count})
}

// step does what there is to do now, and sets the alarm for what there is to do later.
func (p *presence) step() {
	now := p.ch.bus.clock()
	if p.ch.answer == nil && now >= p.notNow {
		p.ask(now)
	}
	if p.herald != nil {
		p.tell(now)
	}
	p.setAlarm(now)
	n := p.ch.attendance.Len()
	p.ch.bus.tally.members.Add(int64(n - p.ch.counted))
	p.ch.counted = n
}

func (p *presence) tell(now time.Duration) {
	t := &p.ch.bus.tally
	for _, n := range p.herald.Tell(now) {
		p.snapshot = nil
		frame, to := newsFrame(p.ch.entry.name, n), everybody
		switch n.Type {
		case protocol.TypeJoined:
			to = hearsIn
			t.newsJoined.Add(1)
		case protocol.TypeLeft:
			to = hearsOut
			t.newsLeft.Add(1)
		default:
			t.newsPresence.Add(1)
			if n.Members == nil {
				t.newsUnnamed.Add(1)
			}
		}
		for _, l := range p.ch.lanes {
			if l != nil {
				l.announce(frame, to)
			}
		}
	}
	t.presenceLost.Add(p.herald.Lost - p.lost)
	p.lost = p.herald.Lost
}

// setAlarm sets the alarm to the next thing to do, unless it rings before.
func (p *presence) setAlarm(now time.Duration) {
	at, any := time.Duration(0), false
	sooner := func(t time.Duration) {
		if !any || t < at {
			at, any = t, true
		}
	}
	if p.ch.answer == nil {
		if t, ok := p.ch.attendance.Due(); ok {
			sooner(max(t, p.saidAt+sayEvery, p.notNow))
		}
		if p.herald != nil && (!p.listed || p.herald.MustRead()) {
			sooner(p.notNow)
		} else if p.herald != nil {
			sooner(max(p.checkAt, p.notNow))
		}
	}
	if p.herald != nil {
		if t, ok := p.herald.Due(); ok {
			sooner(t)
		}
	}
	if !any || p.due != 0 && p.due <= at {
		return
	}
	at = max(at, now+time.Millisecond)
	p.due = at
	p.ch.bus.alarms.Set(&p.alarm, at-now)
}

func (ch *channel) onPresenceDue() {
	if p := ch.crowd; p != nil {
		p.due = 0
		p.step()
	}
}

func (ch *channel) onMembersChanged(m MembersChanged) {
	m.From.pending.Add(-1)
	if p := ch.crowd; p != nil && p.sink == m.From {
		p.herald.Changed(m.MembersChange)
		p.step()
	}
}

func (ch *channel) onMembersInterrupted(m MembersInterrupted) {
	m.From.interrupted.Store(false)
	if p := ch.crowd; p != nil && p.sink == m.From {
		p.herald.Interrupted()
		p.step()
	}
}
