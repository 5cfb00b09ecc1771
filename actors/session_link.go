package actors

import (
	"tidings/actors/ground"
	"tidings/protocol"
)

func (s *session) onAttached(m Attached) {
	if s.state == ended || m.Gen < s.gen {
		return
	}
	s.gen = m.Gen
	if m.Identity != nil {
		if s.become(m.Identity); s.state == ended {
			return
		}
	}
	if s.state == parked {
		s.note(Record{What: RecordResumed})
		s.bus.parking.remove(s.conn)
		s.bus.alarms.Cancel(s.park)
	}
	begins := s.state == fresh
	if begins {
		s.bus.cfg.Hooks.tell(Event{What: EventConnected, Connection: s.conn.id, User: s.conn.Identity().User})
	}
	s.enter(linked, m.Kind)
	if begins {
		if s.wish(); s.mandate != nil { // a connection without one is not woken for it
			s.fill()
			s.conn.out.Flush()
		}
	}
}

func (s *session) onFaulted(m Faulted) {
	if s.state != ended && (m.Gen == anyGeneration || m.Gen >= s.conn.since.Load()) {
		s.refuse(m.Err, m.IDs...)
		s.conn.out.Flush()
	}
}

func (s *session) onDetached(m Detached) {
	if s.state == ended || m.Gen < s.gen {
		return
	}
	if m.Code == protocol.CodeSlowConsumer {
		s.bus.tally.slow.Add(1)
	}
	s.bus.tally.lost.add(s.kind, causeOf(m.Code, causeCut), 1)
	if s.conn.plain || m.Code != "" && !m.Code.Row().Retry {
		s.finish(nil, m.Code)
		return
	}
	s.enter(parked, s.kind)
	s.note(Record{What: RecordParked, Code: string(m.Code)})
	for _, c := range s.bus.parking.add(s.conn) {
		s.bus.tally.evicted.Add(1)
		s.bus.send(c.pid, ParkOver{})
	}
	if s.park == nil {
		s.park = &ground.Alarm{To: s.self, Message: ParkOver{}}
	}
	s.bus.alarms.Set(s.park, s.bus.cfg.Park)
}

func (s *session) onParkOver() {
	if _, attached := s.conn.out.Attached(); s.state == parked && !attached {
		code := protocol.CodeSessionGone
		if s.conn.lapsed.Load() != 0 {
			code = protocol.CodeTokenExpired
		}
		s.finish(disconnectFrame(errGone, 0), code)
	}
}
