package actors

import (
	"tidings/actors/ground"
	"tidings/protocol"
)

func (s *session) onAttached(m attached) {
	if s.state == sessionEnded || m.gen < s.gen {
		return
	}
	s.gen = m.gen
	if m.identity != nil {
		if s.become(m.identity); s.state == sessionEnded {
			return
		}
	}
	if s.state == sessionParked {
		s.note(Record{What: RecordResumed})
		s.bus.parking.remove(s.conn)
		s.bus.alarms.Cancel(s.park)
	}
	begins := s.state == sessionFresh
	if begins {
		s.bus.cfg.Hooks.tell(Event{What: EventConnected, Connection: s.conn.id, User: s.conn.Identity().User})
	}
	s.enter(sessionLinked, m.kind)
	if begins {
		if s.wish(); s.mandate != nil { // a connection without one is not woken for it
			s.fill()
			s.conn.out.Flush()
		}
	}
}

func (s *session) onFaulted(m faulted) {
	if s.state != sessionEnded && (m.gen == anyGeneration || m.gen >= s.conn.since.Load()) {
		s.refuse(m.fault, m.ids...)
		s.conn.out.Flush()
	}
}

func (s *session) onDetached(m detached) {
	if s.state == sessionEnded || m.gen < s.gen {
		return
	}
	if m.code == protocol.CodeSlowConsumer {
		s.bus.tally.slow.Add(1)
	}
	s.bus.tally.lost.add(s.kind, causeOf(m.code, causeCut), 1)
	if s.conn.plain || m.code != "" && !m.code.Row().Retry {
		s.finish(nil, m.code)
		return
	}
	s.enter(sessionParked, s.kind)
	s.note(Record{What: RecordParked, Code: string(m.code)})
	for _, c := range s.bus.parking.add(s.conn) {
		s.bus.tally.evicted.Add(1)
		s.bus.send(c.pid, parkOver{})
	}
	if s.park == nil {
		s.park = &ground.Alarm{To: s.self, Message: parkOver{}}
	}
	s.bus.alarms.Set(s.park, s.bus.cfg.Park)
}

func (s *session) onParkOver() {
	if _, attached := s.conn.out.Attached(); s.state == sessionParked && !attached {
		code := protocol.CodeSessionGone
		if s.conn.lapsed.Load() != 0 {
			code = protocol.CodeTokenExpired
		}
		s.finish(disconnectFrame(errGone, 0), code)
	}
}
