package actors

import (
	"tidings/access"
	"tidings/actors/ground"
	"tidings/protocol"
	"time"
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
		s.bus.hooks.tell(Event{What: EventConnected, Connection: s.conn.id, User: s.identity().User})
	}
	s.enter(sessionLinked, m.kind)
	if begins {
		if s.wish(); s.mandate != nil { // a connection without one is not woken for it
			s.fill()
			s.flush()
		}
	}
}

func (s *session) onFaulted(m faulted) {
	if s.state != sessionEnded && (m.gen == anyGeneration || m.gen >= s.conn.since.Load()) {
		s.malformed(m.fault, m.ids...)
		s.flush()
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
	if s.conn.fleeting() || m.code != "" && !m.code.Row().Retry {
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
		s.finish(protocol.DisconnectFrame(errGone, 0), code)
	}
}

// become takes who the client is.
func (s *session) become(id *access.Identity) {
	old := s.identity()
	if s.state == sessionParked && old.User != id.User { // the parked are kept by user
		s.bus.parking.remove(s.conn)
		s.conn.identity.Store(id)
		s.bus.parking.add(s.conn)
	}
	s.conn.identity.Store(id)
	if s.bus.revocations.Revoked(*id) { // after it was verified
		s.finish(protocol.DisconnectFrame(errRevoked, 0), errRevoked.Code)
		return
	}
	s.warned = false
	s.conn.lapsed.Store(0)
	if !s.bus.policy.Load().Equivalent(old, *id) {
		s.register()
		s.authorise()
		s.stand()
	}
	until := id.Expires()
	switch {
	case !until.IsZero():
		if s.expiry == nil {
			s.expiry = &ground.Alarm{To: s.self, Message: tokenOver{}}
		}
		s.bus.alarms.Set(s.expiry, time.Until(until))
	case s.expiry != nil:
		s.bus.alarms.Cancel(s.expiry)
		s.expiry = nil
	}
}

// refreshGrace is how long a client has for a refresh once it was told that its token's time is over.
const refreshGrace = 25 * time.Second

// onTokenOver sends the client one error when its token's time is over, and ends the connection if it has not brought
// another. The client of a gateway is signed out instead.
func (s *session) onTokenOver() {
	until := s.identity().Expires()
	if s.state == sessionEnded || s.expiry == nil || until.IsZero() {
		return
	}
	if wait := time.Until(until); wait > 0 {
		s.bus.alarms.Set(s.expiry, wait)
		return
	}
	if s.conn.via != protocol.NoGateway { // such a client keeps its socket, and signs in anew over it
		s.push(protocol.ErrorFrame(0, access.ErrTokenExpired))
		s.signOut()
		s.flush()
		return
	}
	// From the token's own end, so that coming back with it, within the leeway, wins no time.
	grace := time.Until(until.Add(refreshGrace))
	if s.warned || grace <= 0 {
		s.lapse()
		return
	}
	s.warned = true
	s.push(protocol.ErrorFrame(0, access.ErrTokenExpired))
	s.flush()
	s.bus.alarms.Set(s.expiry, grace)
}

// lapse sends the client away to come back with another token. What it was subscribed to waits for it as if its network
// had failed, and nothing is written until it has shown one.
func (s *session) lapse() {
	if s.conn.plain {
		s.finish(protocol.DisconnectFrame(access.ErrTokenExpired, 0), protocol.CodeTokenExpired)
		return
	}
	s.conn.lapsed.Store(s.gen) // a connect that came meanwhile is newer
	if s.conn.out.Part(protocol.DisconnectFrame(access.ErrTokenExpired, 0)) {
		s.onDetached(detached{gen: s.gen, code: protocol.CodeTokenExpired})
	}
}

// onRefresh has the token verified, which may take as long as its issuer takes to show a new key. What the client says
// after it waits, since it is said by whom the token names.
func (s *session) onRefresh(f *protocol.ClientFrame) {
	if f.Token == "" {
		s.signOut()
		s.push(protocol.ReplyFrame(f.ID))
		return
	}
	if s.bus.tokens.Load() == nil {
		s.refuse(unsupported(f.Type), f.ID)
		return
	}
	s.verifying = true
	b, self, id, token := s.bus, s.self, f.ID, f.Token
	b.publishes.Run(func() {
		identity, fault := b.verify(b.ctx, token)
		b.send(self, verified{id: id, identity: identity, fault: fault})
	})
}

func (s *session) refreshed(m verified) {
	own := s.identity()
	switch {
	case m.fault != nil:
		s.refuse(m.fault, m.id)
	case !own.Anonymous() && own.User != m.identity.User:
		s.finish(protocol.DisconnectFrame(errOtherUser, 0), errOtherUser.Code)
	case own.Anonymous() && !s.takeUserPlace(m):
	default:
		if s.become(&m.identity); s.state != sessionEnded {
			s.push(protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: m.id, TTLMS: timeLeft(m.identity)}))
		}
	}
}

// signOut makes the client anonymous.
func (s *session) signOut() {
	s.bus.quotas.leave(s.conn.places.ofUser)
	s.conn.places.ofUser = nil
	s.become(anonymous)
}

// holdUser takes a place of the user that an anonymous client becomes; false if there is none, which it is told.
func (s *session) takeUserPlace(m verified) bool {
	held, fault := s.bus.quotas.takeUser(m.identity.User)
	if fault != nil {
		s.refuse(fault, m.id)
		return false
	}
	s.conn.places.ofUser = held
	return true
}

var errOtherUser = &protocol.Error{Code: protocol.CodeForbidden, Reason: "the token is of another user than the connection", Hint: "Connect anew with it: a connection belongs to one user."}

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
	if b.cluster != nil && c.ticket.Load() != nil {
		b.cluster.signal(b.cluster.spent)
	}
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
	s.subs, s.waiting, s.jobs, s.seldom = nil, nil, nil, nil
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
