package actors

import (
	"slices"
	"time"

	"tidings/access"
	"tidings/actors/ground"
	"tidings/protocol"
)

// What a connection may do: by its client's identity, which a refresh renews and time ends, and by rules that may change.

// refreshGrace is how long a client has for a refresh once it was told that its token's time is over.
const refreshGrace = 25 * time.Second

var (
	errRevoked   = &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "the token was revoked", Hint: "Sign in again."}
	errOtherUser = &protocol.Error{Code: protocol.CodeForbidden, Reason: "the token is of another user than the connection", Hint: "Connect anew with it: a connection belongs to one user."}
)

// become takes who the client is.
func (s *session) become(id *access.Identity) {
	old := s.conn.Identity()
	if s.state == parked && old.User != id.User { // the parked are kept by user
		s.bus.parking.remove(s.conn)
		s.conn.identity.Store(id)
		s.bus.parking.add(s.conn)
	}
	s.conn.identity.Store(id)
	if s.bus.revocations.Revoked(*id) { // after it was verified
		s.finish(disconnectFrame(errRevoked, 0), errRevoked.Code)
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
			s.expiry = &ground.Alarm{To: s.self, Message: TokenOver{}}
		}
		s.bus.alarms.Set(s.expiry, time.Until(until))
	case s.expiry != nil:
		s.bus.alarms.Cancel(s.expiry)
		s.expiry = nil
	}
}

// onTokenOver tells the client once that its token's time is over, and ends the connection where it has not brought another.
func (s *session) onTokenOver() {
	until := s.conn.Identity().Expires()
	if s.state == ended || s.expiry == nil || until.IsZero() {
		return
	}
	if wait := time.Until(until); wait > 0 {
		s.bus.alarms.Set(s.expiry, wait)
		return
	}
	// From the token's own end, so that coming back with it, within the leeway, wins no time.
	grace := time.Until(until.Add(refreshGrace))
	if s.warned || grace <= 0 {
		s.lapse()
		return
	}
	s.warned = true
	s.push(errorFrame(0, access.ErrTokenExpired))
	s.conn.out.Flush()
	s.bus.alarms.Set(s.expiry, grace)
}

// lapse sends the client away to come back with another token. What it was subscribed to waits for it as if its network had failed, and nothing is written
// until it has shown one.
func (s *session) lapse() {
	if s.conn.plain {
		s.finish(disconnectFrame(access.ErrTokenExpired, 0), protocol.CodeTokenExpired)
		return
	}
	s.conn.lapsed.Store(s.gen) // a connect that came meanwhile is newer
	if s.conn.out.Part(disconnectFrame(access.ErrTokenExpired, 0)) {
		s.onDetached(Detached{Gen: s.gen, Code: protocol.CodeTokenExpired})
	}
}

// onRefresh has the token verified, which may take as long as its issuer takes to show a new key. What the client says after it waits, since it
// is said by whom the token names.
func (s *session) onRefresh(f *protocol.ClientFrame) {
	if f.Token == "" {
		s.signOut()
		s.push(replyFrame(f.ID))
		return
	}
	if s.bus.tokens.Load() == nil {
		s.refuse(unsupported(f.Type), f.ID)
		return
	}
	s.verifying = true
	b, self, id, token := s.bus, s.self, f.ID, f.Token
	b.publishes.Run(func() {
		identity, err := b.verify(b.ctx, token)
		b.send(self, Verified{ID: id, Identity: identity, Err: err})
	})
}

func (s *session) onVerified(m Verified) {
	s.verifying = false
	if s.state == ended {
		return
	}
	s.refreshed(m)
	held := s.held
	s.held = nil
	for _, h := range held {
		s.onHandle(h)
	}
	s.conn.out.Flush()
}

func (s *session) refreshed(m Verified) {
	own := s.conn.Identity()
	switch {
	case m.Err != nil:
		s.refuse(m.Err, m.ID)
	case !own.Anonymous() && own.User != m.Identity.User:
		s.finish(disconnectFrame(errOtherUser, 0), errOtherUser.Code)
	case own.Anonymous() && !s.holdUser(m):
	default:
		if s.become(&m.Identity); s.state != ended {
			s.push(protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: m.ID, TTLMS: ttl(m.Identity)}))
		}
	}
}

// signOut makes the client anonymous.
func (s *session) signOut() {
	s.bus.quotas.leave(s.conn.held.ofUser)
	s.conn.held.ofUser = nil
	s.become(anonymous)
}

// holdUser takes a place of the user that an anonymous client becomes; false where there is none, which it is told.
func (s *session) holdUser(m Verified) bool {
	held, err := s.bus.enterUser(m.Identity.User)
	if err != nil {
		s.refuse(err, m.ID)
		return false
	}
	s.conn.held.ofUser = held
	return true
}

func (s *session) onRulesChanged() {
	if s.state != ended {
		s.authorise()
		s.stand()
		s.conn.out.Flush()
	}
}

// authorise ends the subscriptions that the client may not have any more, and those that the server alone wanted, takes back what waits of
// channels that are forbidden, and makes the subscriptions that the server wants.
func (s *session) authorise() {
	had := len(s.subs) > 0
	s.wish()
	forbidden := func(ch protocol.Channel) *protocol.Error {
		if err := s.mayRead(ch); err != nil && err.Code == protocol.CodeForbidden {
			return err
		}
		return nil
	}
	for i := len(s.subs) - 1; i >= 0; i-- {
		sub := s.subs[i]
		err := forbidden(sub.channel)
		may := err == nil
		if may && sub.hears != 0 {
			err = s.presenceFault(sub.channel)
		}
		if !sub.own && !s.put(sub.channel) {
			err = errRemoved
		}
		if err != nil {
			s.revoke(i, err, may)
		}
	}
	s.conn.withdraw(func(ch protocol.Channel) bool { return forbidden(ch) != nil }) // also of channels that it left before
	if s.conn.plain && had && len(s.subs) == 0 {
		s.finish(disconnectFrame(errForbidden, 0), errForbidden.Code)
	}
	s.fill()
}

var errForbidden = &protocol.Error{Code: protocol.CodeForbidden, Reason: "the rules do not allow any of the channels any more", Hint: "Ask the operator."}

// revoke ends a subscription because of err, of which its client is told when nothing more can come. Where keep is set what waits for it may be written.
func (s *session) revoke(i int, err *protocol.Error, keep bool) {
	sub := s.subs[i]
	s.subs = slices.Delete(s.subs, i, i+1)
	s.note(Record{What: RecordRevoked, Channel: sub.channel, Code: string(err.Code)})
	if err == errRemoved {
		s.bus.tally.removed.Add(1)
	} else {
		s.bus.tally.revoked.Add(1)
	}
	if sub.entry != nil {
		sub.entry.stand(s.state, s.kind, -1)
		s.bus.send(sub.entry.pid, Leave{Sub: sub, Revoked: err, Keep: keep})
		s.ungate(sub)
		return
	}
	s.forgetJoin(sub)
	s.push(errorFrame(sub.id, err))
}

var withdrawnFrame = protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeWithdrawn})

// withdraw takes what waits of hidden channels out of the outbox, also what was written and may have to be written again. The count of frames stays
// as it is. The answer to a subscribe stays: it was allowed when it was given, and shows no message.
func (c *Connection) withdraw(hidden func(protocol.Channel) bool) {
	c.out.Replace(func(e *protocol.Encoded) (with *protocol.Encoded) {
		defer func() {
			if with != e {
				c.bus.tally.withdrawn.Add(1)
			}
		}()
		if m := e.Message; m != nil {
			if hidden(m.Channel) {
				return withdrawnFrame
			}
			return e
		}
		f := e.Frame
		switch {
		case f == nil:
		case f.Type == protocol.TypeReply:
			if len(f.Messages) > 0 && hidden(f.Messages[0].Channel) || f.Count != nil && hidden(f.Channel) {
				return errorFrame(f.ID, errWithdrawn)
			}
		case f.Channel == "" || f.Type == protocol.TypeUnsubscribed || f.Type == protocol.TypeSubscribed || !hidden(f.Channel):
		default:
			return withdrawnFrame
		}
		return e
	})
}

var errWithdrawn = &protocol.Error{Code: protocol.CodeForbidden, Reason: "this channel is not allowed any more", Hint: "Ask the operator."}

func unsubscribedFrame(ch protocol.Channel, err *protocol.Error) *protocol.Encoded {
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeUnsubscribed, Channel: ch, Code: err.Code, Message: err.Reason, Hint: err.Hint})
}
