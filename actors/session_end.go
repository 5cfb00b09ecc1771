package actors

import "tidings/protocol"

// finish ends the connection and its actor. last, if not nil, is the last thing that its link writes.
func (s *session) finish(last *protocol.Encoded, code protocol.Code) {
	if s.state == sessionEnded {
		return
	}
	b, c := s.bus, s.conn
	if code == protocol.CodeSlowConsumer {
		b.tally.slow.Add(1)
	}
	b.tally.ended.add(s.kind, causeOf(code, causeGoodbye), 1)
	begun := s.state != sessionFresh
	s.enter(sessionEnded, s.kind)
	if begun {
		b.hooks.tell(Event{What: EventDisconnected, Connection: c.id, User: c.Identity().User, Code: code})
	}
	s.note(Record{What: RecordEnded, Code: string(code)})
	if last != nil && last.Frame != nil && code != protocol.CodeShuttingDown && code != "" {
		b.log.Info("client closed", "code", string(code), "reason", last.Frame.Reason, "connection", c.id, "user", protocol.Cut(c.Identity().User, 128), "transport", s.kind.String())
	}
	if last != nil && last.Frame != nil && !code.Row().Retry {
		b.endings.keep(c.key, &protocol.Error{Code: code, Reason: last.Frame.Reason, Hint: last.Frame.Hint})
	}
	c.ended.Store(true) // after its final word can be found
	b.quotas.give(c.places)
	b.tickets.left(c, code != "" && !code.Row().Retry, b.cfg.Park)
	b.registry.remove(c)
	b.parking.remove(c)
	b.alarms.Cancel(s.park)
	if s.replayWait != nil {
		b.alarms.Cancel(s.replayWait)
	}
	s.unregister()
	if s.expiry != nil {
		b.alarms.Cancel(s.expiry)
	}
	made(&c.order).end(c.gone())
	c.out.End(last) // before the lanes push more
	for _, sub := range s.subs {
		if sub.entry != nil {
			b.send(sub.entry.pid, leave{sub: sub})
		}
	}
	s.subs, s.waiting, s.jobs, s.afterRefresh = nil, nil, nil, nil
	b.system.Stop(s.self)
}

// onStopping runs after finish, and if the actor failed or the bus stops without it.
func (s *session) onStopping() {
	switch {
	case s.state == sessionEnded, s.conn == nil:
	case s.bus.ctx.Err() != nil:
		s.finish(protocol.DisconnectFrame(errStopped, 0), protocol.CodeShuttingDown)
	default:
		s.finish(protocol.DisconnectFrame(protocol.Internal, 0), protocol.CodeInternal)
	}
}

// refuse pushes an error for each of these requests, or a single one without an id if there are none. A refusal is no error
// of the connection, however many there are: what a page may not do must not take from it what it may. A flood of requests
// is slowed down by the rates of the connection.
func (s *session) refuse(fault *protocol.Error, ids ...uint64) {
	s.bus.tally.faults.add(s.kind, string(fault.Code), max(1, len(ids)))
	if len(ids) == 0 {
		s.push(protocol.ErrorFrame(0, fault))
	}
	for _, id := range ids {
		s.push(protocol.ErrorFrame(id, fault))
	}
}

// malformed refuses what no correct client sends. Too much of it ends the connection, unless its fault says retry.
func (s *session) malformed(fault *protocol.Error, ids ...uint64) {
	if !fault.Code.Row().Retry && !s.mayErr() {
		s.bus.tally.faults.add(s.kind, string(fault.Code), max(1, len(ids)))
		s.finish(protocol.DisconnectFrame(errErrors, 0), protocol.CodeTooManyErrors)
		return
	}
	s.refuse(fault, ids...)
}

// mayErr counts one fault of the client's.
func (s *session) mayErr() bool {
	if s.errors == nil {
		s.errors = new(errorBudget)
	}
	return s.errors.spend(s.bus.clock())
}

var errErrors = &protocol.Error{Code: protocol.CodeTooManyErrors, Reason: "more than 20 errors in 10 s", Hint: "Mend the client; it sends messages that no server can read."}

// unregister reports that the connection has ended.
func (s *session) unregister() {
	gone := []subject{{ofConnection, s.conn.id}}
	if m := s.mandate; m != nil {
		s.bus.alarms.Cancel(m.retry)
		gone = append(gone, m.subjects...)
		m.puts = nil
	}
	s.bus.grants.leave(s.conn, gone)
}
