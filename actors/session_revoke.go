package actors

import (
	"slices"
	"tidings/protocol"
)

// What a connection may do changes with its client's identity, with the rules, and with grants.

// authorise ends the subscriptions that the client may not have any more, and those that the server alone wanted, takes back what waits of
// channels that are forbidden, and makes the subscriptions that the server wants.
func (s *session) authorise() {
	had := len(s.subs) > 0
	s.wish()
	forbidden := func(ch protocol.Channel) *protocol.Error {
		if fault := s.mayRead(ch); fault != nil && fault.Code == protocol.CodeForbidden {
			return fault
		}
		return nil
	}
	for i := len(s.subs) - 1; i >= 0; i-- {
		sub := s.subs[i]
		fault := forbidden(sub.channel)
		may := fault == nil
		if may && sub.wantsAudience != 0 {
			fault = s.presenceFault(sub.channel)
		}
		if !sub.own && !s.put(sub.channel) {
			fault = errRemoved
		}
		if fault != nil {
			s.revoke(i, fault, may)
		}
	}
	s.conn.withdraw(func(ch protocol.Channel) bool { return forbidden(ch) != nil }) // also of channels that it left before
	if s.conn.plain && had && len(s.subs) == 0 {
		s.finish(disconnectFrame(errForbidden, 0), errForbidden.Code)
	}
	s.fill()
}

// revoke ends a subscription because of err, of which its client is told when nothing more can come. If keep is set what waits for it may be written.
func (s *session) revoke(i int, fault *protocol.Error, keep bool) {
	sub := s.subs[i]
	s.subs = slices.Delete(s.subs, i, i+1)
	s.note(Record{What: RecordRevoked, Channel: sub.channel, Code: string(fault.Code)})
	if fault == errRemoved {
		s.bus.tally.removed.Add(1)
	} else {
		s.bus.tally.revoked.Add(1)
	}
	if sub.entry != nil {
		sub.entry.stand(s.state, s.kind, -1)
		s.bus.send(sub.entry.pid, leave{sub: sub, revoked: fault, keep: keep})
		s.ungate(sub)
		return
	}
	s.forgetJoin(sub)
	s.push(errorFrame(sub.id, fault))
}

func (s *session) onRulesChanged() {
	if s.state != sessionEnded {
		s.authorise()
		s.stand()
		s.conn.out.Flush()
	}
}

func (s *session) onGrantsChanged() {
	if s.state == sessionFresh || s.state == sessionEnded {
		return
	}
	s.authorise()
	s.conn.out.Flush()
}

// stand tells the channels as whom the connection counts now: it, or the rules, have changed.
func (s *session) stand() {
	for _, sub := range s.subs {
		if sub.entry != nil {
			s.bus.send(sub.entry.pid, attend{sub: sub, as: s.standing(sub.channel)})
		}
	}
}

// register says under whom grants find the connection from now on.
func (s *session) register() {
	m := s.mandated()
	as := m.of(s.conn.Identity())
	s.bus.grants.enter(s.conn, without(as, m.subjects))
	s.bus.grants.leave(s.conn, without(m.subjects, as))
	m.subjects = as
}

// unregister says that the connection has ended.
func (s *session) unregister() {
	gone := []subject{{ofConnection, s.conn.id}}
	if m := s.mandate; m != nil {
		s.bus.alarms.Cancel(m.retry)
		gone = append(gone, m.subjects...)
		m.puts = nil
	}
	s.bus.grants.leave(s.conn, gone)
}

var errForbidden = &protocol.Error{Code: protocol.CodeForbidden, Reason: "the rules do not allow any of the channels any more", Hint: "Ask the operator."}

var errRemoved = &protocol.Error{Code: protocol.CodeRemoved, Reason: "the server took away a subscription that it had made", Hint: "Subscribe to the channel yourself, where the rules allow it."}
