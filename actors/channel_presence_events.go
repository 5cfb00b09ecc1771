package actors

import (
	"tidings/core"
	"tidings/internal/patience"
)

// startPresence goes on if a failed incarnation was: what it was about to say is not known.
func (ch *channel) startPresence() {
	if ch.attendance != nil {
		ch.presence("").restart()
	}
	for filter := range ch.rooms {
		ch.presence(filter).restart()
	}
}

func (p *presence) restart() {
	p.attendance.Restate()
	if p.watchers > 0 {
		p.herald = core.NewHerald()
	}
	for _, v := range p.voices {
		v.snapshot = nil
	}
	p.step()
}

func (ch *channel) stopPresence() {
	if p := ch.crowd; p != nil {
		p.stop()
	}
	for _, p := range ch.crowds {
		p.stop()
	}
}

// stop ends what the incarnation asked for. Who watches is known to the next one.
func (p *presence) stop() {
	p.ch.bus.alarms.Cancel(&p.alarm)
	if p.sink != nil {
		p.sink.close()
	}
}

func (ch *channel) onPresenceDue(m presenceDue) {
	if p := ch.presenceOf(m.filter); p != nil {
		p.due = 0
		p.step()
	}
}

func (ch *channel) onMembersChanged(m membersChanged) {
	m.from.pending.Add(-1)
	if p := ch.presenceOf(m.from.filter); p != nil && p.sink == m.from {
		p.herald.Changed(m.MembersChange)
		p.step()
	}
}

func (ch *channel) onMembersInterrupted(m membersInterrupted) {
	m.from.interrupted.Store(false)
	if p := ch.presenceOf(m.from.filter); p != nil && p.sink == m.from {
		p.herald.Interrupted()
		p.step()
	}
}

func (ch *channel) onPresenceDone(m presenceDone) {
	p := ch.presence(m.filter)
	answer := p.answer
	p.answer = nil
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
