package actors

import (
	"slices"
	"tidings/access"
	"tidings/core"
	"tidings/protocol"
	"time"
)

// put reports whether the server wants the connection in a channel.
func (s *session) put(ch protocol.Channel) bool {
	return s.mandate != nil && slices.Contains(s.mandate.puts, ch)
}

// mayRead returns why the client may not hear a channel; nil if it may.
func (s *session) mayRead(ch protocol.Channel) *protocol.Error {
	if s.put(ch) {
		return nil
	}
	return s.bus.mayRead(s.identity(), ch)
}

// claim has a channel that is new counted for the client, unless the server wants it there.
func (s *session) claim(ch protocol.Channel) *protocol.Error {
	if s.put(ch) {
		return nil
	}
	return s.bus.claim(ch, s.conn.owner())
}

// mayRead reports whether id may hear a channel.
func (b *Bus) mayRead(id access.Identity, ch protocol.Channel) *protocol.Error {
	if _, _, ok := ch.ReplyParts(); ok {
		return b.replies.MayRead(id, ch, time.Now())
	}
	policy := b.policy.Load()
	if fault := policy.MaySubscribe(id, ch); fault != nil {
		return fault
	}
	_, fault := rowsOf(policy, id, ch)
	return fault
}

func (s *session) subscribeFault(f *protocol.ClientFrame, room string) *protocol.Error {
	switch {
	case len(s.subs) >= protocol.MaxSubscriptions && s.find(f.Channel, room) < 0:
		return &protocol.Error{Code: protocol.CodeLimitExceeded, Reason: "a connection may have 128 subscriptions", Hint: "Unsubscribe from channels that are not needed, or put what belongs together in one channel."}
	case audienceOf(f.Users) != 0:
		if fault := s.presenceFault(f.Channel); fault != nil {
			return fault
		}
	}
	return s.mayRead(f.Channel)
}

// brokerFault checks a publish, history or presence against the rules.
func (s *session) brokerFault(f *protocol.ClientFrame) *protocol.Error {
	policy, id := s.bus.policy.Load(), s.identity()
	switch f.Type {
	case protocol.TypeHistory:
		return s.mayRead(f.Channel)
	case protocol.TypePresence:
		return s.presenceFault(f.Channel)
	}
	if fault := policy.MayPublish(id, f.Channel); fault != nil {
		return fault
	}
	limits, group := policy.Limits(f.Channel)
	switch {
	case limits.Payload > 0 && len(f.Data) > limits.Payload:
		return errPayload
	case limits.Rate > 0 && !s.mayPublishIn(group, limits.Rate):
		return errRate
	}
	return nil
}

// presenceFault returns why a client may not see who is in a channel; nil if it may.
func (s *session) presenceFault(ch protocol.Channel) *protocol.Error {
	switch {
	case s.bus.keeper() == nil:
		return errNoPresence
	case !s.bus.keepsPresence(ch):
		return errNotKept
	}
	if fault := s.bus.policy.Load().MaySeeMembers(s.identity(), ch); fault != nil {
		return fault
	}
	return s.mayRead(ch)
}

// mayPublishIn takes a publish off the rate of a rule: the user's, or the connection's if nobody is signed in.
func (s *session) mayPublishIn(group string, perSecond float64) bool {
	r := core.Rate{PerSecond: perSecond, Burst: max(perSecond, 1)}
	if id := s.identity(); !id.Anonymous() {
		return s.bus.userRates.take(userRate{id.User, group}, r, s.bus.clock())
	}
	b := s.rates[group]
	if b == nil {
		if len(s.rates) >= maxRateGroups {
			clear(s.rates)
		}
		if s.rates == nil {
			s.rates = map[string]*core.Bucket{}
		}
		b = &core.Bucket{}
		s.rates[group] = b
	}
	return b.Take(1, r, s.bus.clock())
}

// affords takes a frame off the connection's rates.
func (s *session) affords(frameType string) bool {
	now := s.bus.clock()
	switch frameType {
	case protocol.TypeSubscribe:
		return s.subscribes.Take(1, subscribeRate, now)
	case protocol.TypePublish:
		return s.publishes.Take(1, publishRate, now)
	case protocol.TypeUnsubscribe, protocol.TypeDisconnect:
		return true
	}
	return s.commands.Take(1, commandRate, now)
}
