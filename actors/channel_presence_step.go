package actors

import (
	"slices"
	"tidings/core"
	"time"
)

// step does what there is to do now, and sets the alarm for what there is to do later.
func (p *presence) step() {
	now := p.ch.bus.clock()
	if p.answer == nil && now >= p.notNow {
		p.ask(now)
	}
	if p.herald != nil {
		p.tell(now)
	}
	p.setAlarm(now)
	n := p.attendance.Len()
	p.ch.bus.tally.members.Add(int64(n - p.counted))
	p.counted = n
	if p.filter != "" && p.watchers == 0 && p.atRest() {
		p.ch.forgetPresence(p)
	}
}

// setAlarm sets the alarm to the next thing to do, unless it rings before.
func (p *presence) setAlarm(now time.Duration) {
	at, any := time.Duration(0), false
	sooner := func(t time.Duration) {
		if !any || t < at {
			at, any = t, true
		}
	}
	if p.answer == nil {
		if t, ok := p.attendance.Due(); ok {
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

// attend counts a subscription as somebody in the channel and, if it has a room, as a connection in that; or as nobody
// in either.
func (ch *channel) attend(sub *subscription, as standing) {
	before := sub.as
	if before == as || as != asNobody && sub.stage != memberInside {
		return
	}
	sub.as = as
	ch.presence("").attend(sub.conn, before, as)
	if of := sub.party(); of != "" && (before == asNobody || as == asNobody) {
		ch.presence(of).attend(sub.conn, min(before, asItself), min(as, asItself))
	}
}

func (p *presence) attend(c *Connection, before, as standing) {
	if as != asNobody {
		p.attendance.Enter(as.member(c))
	}
	if before != asNobody {
		p.attendance.Leave(before.member(c), p.ch.bus.clock())
	}
	p.step()
}

// onHear makes a subscription hear other news: at once, or, if it is on its way in, when it is live.
func (ch *channel) onHear(m hear) {
	sub := m.sub
	switch {
	case sub.stage != memberInside:
	case ch.pending[sub] != nil && m.audience != 0:
		sub.audience = m.audience | sub.audience&counted
	case m.audience == 0:
		ch.endWatch(sub)
		ch.lane(sub).Hear(sub, nil, 0)
	default:
		sub.audience = m.audience | sub.audience&counted
		ch.beginWatch(sub)
	}
}

// beginWatch makes a live subscription hear who comes and goes.
func (ch *channel) beginWatch(sub *subscription) {
	p := ch.presence(sub.party())
	v := p.voice(sub.room)
	if sub.audience&counted == 0 {
		sub.audience |= counted
		v.watchers++
		p.watchers++
		ch.bus.tally.watchers.Add(1)
	}
	ch.lane(sub).Hear(sub, v.group, sub.audience)
	if p.herald == nil {
		p.herald = core.NewHerald()
	}
	if p.herald.Ready() {
		ch.lane(sub).Push(sub, p.told(v))
	}
	p.step()
}

func (ch *channel) endWatch(sub *subscription) {
	was := sub.audience
	if sub.audience = 0; was&counted == 0 {
		return
	}
	ch.bus.tally.watchers.Add(-1)
	p := ch.presence(sub.party())
	v := p.voice(sub.room)
	if v.watchers--; v.watchers == 0 {
		p.voices = slices.DeleteFunc(p.voices, func(x *voice) bool { return x == v })
	}
	if p.watchers--; p.watchers == 0 {
		p.unwatch()
		p.step()
	}
}
