package actors

import (
	"tidings/actors/ground"
	"tidings/core"
	"tidings/protocol"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func (ch *channel) onStarted(c actor.Context) {
	ch.self = c.Self()
	if ch.incarnation++; ch.incarnation > 1 {
		ch.bus.chronicle.ofChannel(Record{What: RecordRestarted, Channel: ch.entry.name})
	}
	ch.feed = core.NewFeed(port{ch}, newGroupIndex(ch.channelState))
	ch.feed.Quiet = ch.bus.quietMessages(ch.entry.name)
	ch.positions = ground.Alarm{To: ch.self, Message: positionsDue{}}
	ch.pace = ground.Alarm{To: ch.self, Message: paceOver{}}
	ch.alarm = ground.Alarm{To: ch.self, Message: timePassed{}}
	ch.setAlarm()
	again := ch.displaced
	ch.displaced = nil
	for _, j := range again {
		j.Member.incarnation = ch.incarnation
		ch.admit(j)
	}
	if ch.members > 0 {
		ch.listen()
	}
	ch.startPresence()
}

// A channel's actor that failed starts again with a new feed. Its members notice nothing but a pause. A member that was
// live joins again from the position up to which everything was handed on before the failure, and hears what it missed,
// or a gap; its cursor drops what it hears twice. A member that was on its way in goes on from where it stood. Only the
// subscribe at which the actor failed is refused, lest it fail at that for ever.

// onRestarting is the last thing that a failed incarnation does.
func (ch *channel) onRestarting() {
	ch.onStopping()
	if j, ok := ch.handling.(join); ok && j.sub.stage == memberInside {
		ch.refuse(j.sub, protocol.Internal)
	}
	if m, ok := ch.handling.(move); ok {
		ch.abandon(m)
	}
	for _, j := range ch.pending {
		if j.answered && !j.moved {
			at := j.at
			j.Since = &at
		}
		ch.displaced = append(ch.displaced, j)
	}
	bus, self, at := ch.bus, ch.self, ch.at
	for _, l := range ch.lanes {
		if l != nil {
			l.Displace(func(subs []*subscription) { bus.send(self, displaced{subs: subs, at: at}) })
		}
	}
	ch.entry.traffic.Forget()
}

// onDisplaced takes the members in again that were live in an earlier incarnation.
func (ch *channel) onDisplaced(m displaced) {
	for _, sub := range m.subs {
		if sub.stage != memberInside || ch.pending[sub] != nil || sub.incarnation == ch.incarnation { // it moved meanwhile
			continue
		}
		at := m.at
		sub.incarnation = ch.incarnation
		if sub.group != nil && !at.IsZero() { // its own cursor stands at what last concerned it
			ch.lane(sub).Push(sub, protocol.PositionFrame(ch.entry.name, sub.room, at))
		}
		ch.admit(&joining{Join: sub.join(&at), answered: true, at: at})
	}
}

func (ch *channel) onTimePassed(c actor.Context) {
	if ch.members == 0 && !ch.asking && ch.reads == 0 && ch.atRest() && len(ch.rooms) == 0 && ch.entry.traffic.Len() == 0 &&
		time.Since(ch.emptySince) >= ch.bus.cfg.ChannelIdle && ch.bus.router.retire(ch.entry) {
		ch.tellVacated()
		c.Stop(ch.self)
		return
	}
	ch.setAlarm()
	switch {
	case ch.members == 0:
	case !ch.listening:
		ch.listen()
	default:
		unconfirmed := ch.unconfirmed
		ch.unconfirmed = nil
		for _, j := range unconfirmed {
			ch.enter(j)
		}
		if ch.sinceCheck++; ch.sinceCheck >= 2 {
			ch.sinceCheck = 0
			ch.feed.Check()
		}
	}
}

func (ch *channel) onStopping() {
	ch.bus.alarms.Cancel(&ch.alarm)
	ch.bus.alarms.Cancel(&ch.positions)
	ch.bus.alarms.Cancel(&ch.pace)
	ch.stopPresence()
	if ch.sink != nil {
		ch.sink.close()
	}
}

func (ch *channel) onSkipped() {
	ch.entry.skipped.Store(false)
	ch.feed.Check()
}

// Receive implements actor.Actor.
func (ch *channel) Receive(c actor.Context) {
	defer ch.bus.supervision.Note(c)
	ch.handling = c.Message()
	switch m := ch.handling.(type) {
	case *actor.Started:
		ch.onStarted(c)
	case *actor.Restarting:
		ch.onRestarting()
		return
	case *actor.Stopping:
		ch.onStopping()
	case *actor.Stopped:
		ch.bus.channels.Leave()
	case arrived:
		ch.entry.traffic.Done(1)
		ch.feed.Message(m.Message)
	case join:
		ch.onJoin(m)
	case leave:
		ch.onLeave(m)
	case move:
		ch.onMove(m)
	case adopt:
		ch.onAdopt(m)
	case settle:
		ch.onSettle(m)
	case nextPage:
		ch.onNextPage(m)
	case skipped:
		ch.onSkipped()
	case whereAt:
		m.reply <- ch.at
	case interrupted:
		ch.feed.Interrupted()
	case listened:
		ch.onListened(m)
	case historyRead:
		ch.onHistoryRead(m)
	case drained:
		ch.takeUp()
	case displaced:
		ch.onDisplaced(m)
	case attend:
		ch.attend(m.sub, m.as)
	case hear:
		ch.onHear(m)
	case presenceDone:
		ch.onPresenceDone(m)
	case membersChanged:
		ch.onMembersChanged(m)
	case membersInterrupted:
		ch.onMembersInterrupted(m)
	case presenceDue:
		ch.onPresenceDue(m)
	case positionsDue:
		ch.positioned = false
		ch.feed.Tick()
	case paceOver:
		ch.feed.Paced = false
		ch.feed.TellQuiet()
	case timePassed:
		ch.onTimePassed(c)
	}
	if ch.feed != nil {
		ch.at = ch.feed.Position()
		if ch.feed.Skipping() && !ch.positioned && ch.members > 0 {
			ch.positioned = true
			ch.bus.alarms.Set(&ch.positions, positionsEvery)
		}
	}
	ch.handling = nil
}
