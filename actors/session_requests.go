package actors

import (
	"slices"
	"tidings/protocol"
)

func (s *session) onSubscribe(f *protocol.ClientFrame) {
	asks := s.bus.hooks.Subscribe != nil && !s.put(f.Channel)
	hears, fault := hearingOf(f)
	if fault == nil {
		fault = s.subscribeFault(f, hears.name())
	}
	if fault == nil && !asks {
		fault = s.claim(f.Channel)
	}
	if fault != nil {
		s.note(Record{What: RecordRefused, Channel: f.Channel, Code: string(fault.Code)})
		s.refuse(fault, f.ID)
		return
	}
	if old := s.find(f.Channel, hears.name()); old >= 0 {
		if !s.subs[old].own && f.Since == nil {
			s.adopt(s.subs[old], f)
			return
		}
		s.leave(old, 0)
	}
	hears = hears.within(f.Channel, s.rows(f.Channel))
	sub := &subscription{conn: s.conn, channel: f.Channel, room: hears.name(), hears: hears, id: f.ID, own: true, wantsAudience: audienceOf(f.Users)}
	s.subs = append(s.subs, sub)
	if asks {
		s.askPermission(sub, f.Since)
		return
	}
	s.start(sub, f.Since)
}

func (s *session) onUnsubscribe(f *protocol.ClientFrame) {
	i := s.find(f.Channel, f.Room)
	if i < 0 || !s.subs[i].own {
		if !s.commands.Take(1, commandRate, s.bus.clock()) { // only one that takes load away counts against no rate
			s.refuse(errRate, f.ID)
			return
		}
		s.refuse(&protocol.Error{Code: protocol.CodeNotSubscribed, Reason: "there is no such subscription", Hint: "Unsubscribe once, with the room that subscribed named."}, f.ID)
		return
	}
	if sub := s.subs[i]; sub.entry != nil && sub.room == "" && s.put(f.Channel) {
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
		m.sub.stand(s.state, s.kind, -1)
		s.note(Record{What: RecordRefused, Channel: m.sub.channel, Code: string(m.code)})
		if s.put(m.sub.channel) {
			s.fillLater()
		}
	}
	s.ungate(m.sub)
}

// askLeave has the application asked whether sub may be. Until then it is among the connection's subscriptions, but not
// in its channel.
func (s *session) askPermission(sub *subscription, since *protocol.Position) {
	sub.permission = permissionAsked
	b, self, by := s.bus, s.self, s.caller()
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
	if m.fault == nil {
		m.fault = s.claim(m.sub.channel)
	}
	if m.fault != nil {
		s.subs = slices.Delete(s.subs, i, i+1)
		s.note(Record{What: RecordRefused, Channel: m.sub.channel, Code: string(m.fault.Code)})
		s.refuse(m.fault, m.sub.id)
		s.fill() // the server may want it there
	} else {
		s.start(m.sub, m.since)
	}
	s.flush()
	s.askBroker()
}
