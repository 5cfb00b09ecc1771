package actors

import (
	"tidings/core"
	"tidings/internal/patience"
	"time"
)

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

// attend counts a subscription as somebody, or out.
func (ch *channel) attend(sub *subscription, as standing) {
	before := sub.as
	if before == as || as != asNobody && sub.stage != memberInside {
		return
	}
	sub.as = as
	p := ch.presence()
	if as != asNobody {
		ch.attendance.Enter(as.member(sub.conn))
	}
	if before != asNobody {
		ch.attendance.Leave(before.member(sub.conn), ch.bus.clock())
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
		ch.lane(sub).Hear(sub, 0)
	default:
		sub.audience = m.audience | sub.audience&counted
		ch.beginWatch(sub)
	}
}

// beginWatch makes a live subscription hear who comes and goes.
func (ch *channel) beginWatch(sub *subscription) {
	p := ch.presence()
	if sub.audience&counted == 0 {
		sub.audience |= counted
		ch.watchers++
		ch.bus.tally.watchers.Add(1)
	}
	ch.lane(sub).Hear(sub, sub.audience)
	if p.herald == nil {
		p.herald = core.NewHerald()
	}
	if p.herald.Ready() {
		ch.lane(sub).Push(sub, p.told())
	}
	p.step()
}

func (ch *channel) endWatch(sub *subscription) {
	was := sub.audience
	if sub.audience = 0; was&counted == 0 {
		return
	}
	ch.bus.tally.watchers.Add(-1)
	if ch.watchers--; ch.watchers == 0 {
		ch.presence().unwatch()
	}
}

// startPresence goes on if a failed incarnation was: what it was about to say is not known.
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

func (ch *channel) onPresenceDue() {
	if p := ch.crowd; p != nil {
		p.due = 0
		p.step()
	}
}

func (ch *channel) onMembersChanged(m membersChanged) {
	m.from.pending.Add(-1)
	if p := ch.crowd; p != nil && p.sink == m.from {
		p.herald.Changed(m.MembersChange)
		p.step()
	}
}

func (ch *channel) onMembersInterrupted(m membersInterrupted) {
	m.from.interrupted.Store(false)
	if p := ch.crowd; p != nil && p.sink == m.from {
		p.herald.Interrupted()
		p.step()
	}
}

func (ch *channel) onPresenceDone(m presenceDone) {
	answer := ch.answer
	ch.answer = nil
	p := ch.presence()
	if m.err != nil {
		p.notNow = ch.bus.clock() + patience.Jittered(retryDelay)
		if ch.bus.ctx.Err() == nil {
			ch.bus.tally.presenceFailed.Add(1)
			ch.bus.log.Warn("the broker did not keep presence", "error", m.err)
		}
	}
	answer(m)
	p.step()
}
