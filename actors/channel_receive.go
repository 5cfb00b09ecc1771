package actors

import "github.com/asynkron/protoactor-go/actor"

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
	case adopt:
		ch.onAdopt(m)
	case settle:
		ch.onSettle(m)
	case nextPage:
		ch.onNextPage(m)
	case skipped:
		ch.onSkipped()
	case interrupted:
		ch.feed.Interrupted()
	case listened:
		ch.onListened(m)
	case historyRead:
		ch.onHistoryRead(m)
	case drained:
		ch.onDrained()
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
		ch.onPresenceDue()
	case timePassed:
		ch.onTimePassed(c)
	}
	if ch.feed != nil {
		ch.at = ch.feed.Position()
	}
	ch.handling = nil
}
