package actors

import (
	"tidings/protocol"

	"github.com/asynkron/protoactor-go/actor"
)

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
		s.ruled = ruling{m.policy, m.conn.identity.Load()}
	case handle:
		s.onHandle(m)
	case awaitRecovered:
		s.onAwaitRecovered(m)
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
	case replayDue:
		s.awaitsSpace = false
		s.admitNext()
	case spaceFree:
		s.onSpaceFree()
	case answered:
		s.onAnswered(m)
	case permitted:
		s.onPermitted(m)
	case called:
		s.onCalled(m)
	case documented:
		s.onDocumented(m)
	case describe:
		m.reply <- s.describe(m.channel)
	case end:
		if !s.conn.over.Load() {
			s.flush() // what a hot channel collects for it leaves before
		}
		s.finish(protocol.DisconnectFrame(m.fault, m.afterMS), m.fault.Code)
	}
	if s.seldom != nil && s.seldom.recovered != nil {
		s.recovered()
	}
}

// onHandle handles frames, unless a connect over a newer link fenced theirs: its client says again, over that one, what
// was not answered.
func (s *session) onHandle(m handle) {
	if s.verifying {
		s.handleLater(m)
		return
	}
	s.conn.pending.Add(int32(-len(m.frames)))
	if m.gen != anyGeneration && m.gen < s.conn.since.Load() {
		return
	}
	for i := range m.frames {
		if s.state == sessionEnded {
			return
		}
		if f := &m.frames[i]; !f.Anew || m.gen <= firstGeneration { // a link of a later one has resumed
			s.onFrame(f)
		}
		if rest := m.frames[i+1:]; s.verifying && len(rest) > 0 {
			s.conn.pending.Add(int32(len(rest)))
			s.handleLater(handle{gen: m.gen, frames: rest})
			break
		}
	}
	s.flush()
}

func (s *session) onVerified(m verified) {
	s.verifying = false
	if s.state == sessionEnded {
		return
	}
	s.refreshed(m)
	if s.seldom != nil {
		later := s.seldom.afterRefresh
		s.seldom.afterRefresh = nil
		for _, h := range later {
			s.onHandle(h)
		}
	}
	s.flush()
}

// handleLater keeps frames until the token is verified.
func (s *session) handleLater(m handle) {
	r := s.few()
	r.afterRefresh = append(r.afterRefresh, m)
}

// onFrame handles one frame of the client. Each request is answered once, here or by who takes it over.
func (s *session) onFrame(f *protocol.ClientFrame) {
	if !s.affords(f.Type) {
		s.refuse(errRate, f.ID)
		return
	}
	switch f.Type {
	case protocol.TypeSubscribe:
		s.onSubscribe(f)
	case protocol.TypeUnsubscribe:
		s.onUnsubscribe(f)
	case protocol.TypePublish, protocol.TypeHistory, protocol.TypePresence:
		s.onBrokerRequest(f)
	case protocol.TypeCall:
		s.onCall(f)
	case protocol.TypePing:
		s.onPing(f)
	case protocol.TypeDisconnect:
		s.finish(nil, "")
	case protocol.TypeConnect:
		s.malformed(&protocol.Error{Code: protocol.CodeAlreadyConnected, Reason: "this connection is connected", Hint: "Send connect once for each transport."}, f.ID)
	case protocol.TypeRefresh:
		s.onRefresh(f)
	default:
		s.malformed(&protocol.Error{Code: protocol.CodeBadRequest, Reason: "a frame that cannot be sent here", Hint: "SPEC.md section 6 lists the frames."}, f.ID)
	}
}

func (s *session) onPing(f *protocol.ClientFrame) {
	if f.Received != nil {
		if err := s.conn.out.Ack(*f.Received); err != nil {
			s.malformed(protocol.AsError(err), f.ID)
			return
		}
	}
	s.push(protocol.PongFrame(f.ID))
}
