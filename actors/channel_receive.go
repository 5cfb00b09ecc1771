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
	case Arrived:
		ch.entry.traffic.Done(1)
		ch.feed.Message(m.Message)
	case Join:
		ch.onJoin(m)
	case Leave:
		ch.onLeave(m)
	case Adopt:
		ch.onAdopt(m)
	case Settle:
		ch.onSettle(m)
	case Continue:
		ch.onContinue(m)
	case Skipped:
		ch.onSkipped()
	case Interrupted:
		ch.feed.Interrupted()
	case Listened:
		ch.onListened(m)
	case HistoryRead:
		ch.onHistoryRead(m)
	case Drained:
		ch.onDrained()
	case Displaced:
		ch.onDisplaced(m)
	case Attend:
		ch.attend(m.Sub, m.As)
	case Hear:
		ch.onHear(m)
	case PresenceDone:
		ch.onPresenceDone(m)
	case MembersChanged:
		ch.onMembersChanged(m)
	case MembersInterrupted:
		ch.onMembersInterrupted(m)
	case PresenceDue:
		ch.onPresenceDue()
	case TimePassed:
		ch.onTimePassed(c)
	}
	if ch.feed != nil {
		ch.at = ch.feed.Position()
	}
	ch.handling = nil
}
