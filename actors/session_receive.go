package actors

import "github.com/asynkron/protoactor-go/actor"

// Receive implements actor.Actor.
func (s *session) Receive(c actor.Context) {
	defer s.bus.supervision.Note(c)
	switch m := c.Message().(type) {
	case *actor.Started:
		s.self = c.Self()
	case *actor.Stopping:
		s.onStopping()
	case *actor.Stopped:
		s.bus.sessions.Leave()
	case Begun:
		s.conn = m.Conn
		s.mandate = m.Mandate
	case Handle:
		s.onHandle(m)
	case Faulted:
		s.onFaulted(m)
	case Attached:
		s.onAttached(m)
	case Detached:
		s.onDetached(m)
	case ParkOver:
		s.onParkOver()
	case Joined:
		s.ungate(m.Sub)
	case Refused:
		s.onRefused(m)
	case Settled:
		s.onSettled(m)
	case Verified:
		s.onVerified(m)
	case GrantsChanged:
		s.onGrantsChanged()
	case RulesChanged:
		s.onRulesChanged()
	case TokenOver:
		s.onTokenOver()
	case Roomed:
		s.onRoomed()
	case Answered:
		s.onAnswered(m)
	case Permitted:
		s.onPermitted(m)
	case Called:
		s.onCalled(m)
	case Describe:
		m.Reply <- s.describe(m.Channel)
	case End:
		if !s.conn.over.Load() {
			s.conn.out.Flush() // what a hot channel collects for it leaves before
		}
		s.finish(disconnectFrame(m.Err, m.AfterMS), m.Err.Code)
	}
}
