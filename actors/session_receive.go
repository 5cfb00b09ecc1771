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
	case begun:
		s.conn = m.conn
		s.mandate = m.mandate
	case handle:
		s.onHandle(m)
	case faulted:
		s.onFaulted(m)
	case attached:
		s.onAttached(m)
	case detached:
		s.onDetached(m)
	case parkOver:
		s.onParkOver()
	case joined:
		s.ungate(m.sub)
	case refused:
		s.onRefused(m)
	case settled:
		s.onSettled(m)
	case verified:
		s.onVerified(m)
	case grantsChanged:
		s.onGrantsChanged()
	case rulesChanged:
		s.onRulesChanged()
	case tokenOver:
		s.onTokenOver()
	case spaceFree:
		s.onSpaceFree()
	case answered:
		s.onAnswered(m)
	case permitted:
		s.onPermitted(m)
	case called:
		s.onCalled(m)
	case describe:
		m.reply <- s.describe(m.channel)
	case end:
		if !s.conn.over.Load() {
			s.conn.out.Flush() // what a hot channel collects for it leaves before
		}
		s.finish(disconnectFrame(m.fault, m.afterMS), m.fault.Code)
	}
}
