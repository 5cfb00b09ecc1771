package actors

import (
	"strings"

	"tidings/actors/ground"
	"tidings/core"
	"tidings/internal/patience"
	"tidings/protocol"
)

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
