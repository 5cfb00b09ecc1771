package actors

import (
	"slices"
	"tidings/protocol"
)

// onHandle handles frames, unless a connect over a newer link fenced theirs: its client says again, over that one, what was not answered.
func (s *session) onHandle(m handle) {
	if s.verifying {
		s.afterRefresh = append(s.afterRefresh, m)
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
		s.onFrame(&m.frames[i])
		if rest := m.frames[i+1:]; s.verifying && len(rest) > 0 {
			s.conn.pending.Add(int32(len(rest)))
			s.afterRefresh = append(s.afterRefresh, handle{gen: m.gen, frames: rest})
			break
		}
	}
	s.conn.out.Flush()
}

func (s *session) onVerified(m verified) {
	s.verifying = false
	if s.state == sessionEnded {
		return
	}
	s.refreshed(m)
	held := s.afterRefresh
	s.afterRefresh = nil
	for _, h := range held {
		s.onHandle(h)
	}
	s.conn.out.Flush()
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
		s.refuse(&protocol.Error{Code: protocol.CodeAlreadyConnected, Reason: "this connection is connected", Hint: "Send connect once for each transport."}, f.ID)
	case protocol.TypeRefresh:
		s.onRefresh(f)
	default:
		s.refuse(&protocol.Error{Code: protocol.CodeBadRequest, Reason: "a frame that cannot be sent here", Hint: "SPEC.md section 6 lists the frames."}, f.ID)
	}
}

func (s *session) onPing(f *protocol.ClientFrame) {
	if f.Received != nil {
		if err := s.conn.out.Ack(*f.Received); err != nil {
			s.refuse(protocol.AsError(err), f.ID)
			return
		}
	}
	s.push(pongFrame(f.ID))
}

func (s *session) onSubscribe(f *protocol.ClientFrame) {
	if fault := s.subscribeFault(f); fault != nil {
		s.note(Record{What: RecordRefused, Channel: f.Channel, Code: string(fault.Code)})
		s.refuse(fault, f.ID)
		return
	}
	if old := s.find(f.Channel); old >= 0 {
		if !s.subs[old].own && f.Since == nil {
			s.adopt(s.subs[old], f)
			return
		}
		s.leave(old, 0)
	}
	sub := &subscription{conn: s.conn, channel: f.Channel, id: f.ID, own: true, wantsAudience: audienceOf(f.Users)}
	s.subs = append(s.subs, sub)
	if s.bus.cfg.Hooks.Subscribe != nil && !s.put(sub.channel) {
		s.askPermission(sub, f.Since)
		return
	}
	s.start(sub, f.Since)
}

func (s *session) onUnsubscribe(f *protocol.ClientFrame) {
	i := s.find(f.Channel)
	if i < 0 || f.Room != "" || !s.subs[i].own {
		s.refuse(&protocol.Error{Code: protocol.CodeNotSubscribed, Reason: "there is no such subscription", Hint: "Unsubscribe once, with the room that subscribed named."}, f.ID)
		return
	}
	if sub := s.subs[i]; sub.entry != nil && s.put(f.Channel) {
		s.disown(sub, f.ID)
		return
	}
	s.note(Record{What: RecordUnsubscribed, Channel: f.Channel})
	s.leave(i, f.ID)
	s.fill()
}

func (s *session) onRefused(m refused) {
	if i := slices.Index(s.subs, m.sub); i >= 0 {
		s.subs = slices.Delete(s.subs, i, i+1)
		m.sub.entry.stand(s.state, s.kind, -1)
		s.note(Record{What: RecordRefused, Channel: m.sub.channel, Code: string(protocol.CodeBrokerUnavailable)})
		if s.put(m.sub.channel) {
			s.fillLater()
		}
	}
	s.ungate(m.sub)
}

// askLeave has the application asked whether sub may be. Until then it is among the connection's subscriptions, but not in its channel.
func (s *session) askPermission(sub *subscription, since *protocol.Position) {
	sub.permission = permissionAsked
	b, self, by := s.bus, s.self, s.conn.caller()
	b.asking.Run(func() {
		b.send(self, permitted{sub: sub, since: since, fault: b.mayHear(by, sub.channel)})
	})
}

func (s *session) onPermitted(m permitted) {
	i := slices.Index(s.subs, m.sub)
	if s.state == sessionEnded || i < 0 { // it was left, or replaced
		return
	}
	m.sub.permission = undecided
	if m.fault != nil {
		s.subs = slices.Delete(s.subs, i, i+1)
		s.note(Record{What: RecordRefused, Channel: m.sub.channel, Code: string(m.fault.Code)})
		s.refuse(m.fault, m.sub.id)
		s.fill() // the server may want it there
	} else {
		s.start(m.sub, m.since)
	}
	s.conn.out.Flush()
	s.askBroker()
}
