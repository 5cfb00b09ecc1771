package actors

import "tidings/protocol"

// audience is which news of who comes and goes a subscription hears, or which a frame is for.
type audience uint8

const (
	hearsIn audience = 1 << iota
	hearsOut
	counted   // of a subscription: it is one of the channel's watchers
	everybody = hearsIn | hearsOut
)

func audienceOf(users string) audience {
	switch users {
	case protocol.UsersAll:
		return everybody
	case protocol.UsersIn:
		return hearsIn
	case protocol.UsersOut:
		return hearsOut
	}
	return 0
}

// standing is as whom the connection counts in a channel that it hears. A plain poll, which lasts for a moment, is nobody.
func (s *session) standing(ch protocol.Channel) standing {
	switch {
	case !s.bus.keepsPresence(ch), s.conn.plain && s.conn.kind() == pollKind:
		return nobody
	case s.conn.Identity().Anonymous():
		return itself
	}
	return itsUser
}

// stand tells the channels as whom the connection counts now: it, or the rules, have changed.
func (s *session) stand() {
	for _, sub := range s.subs {
		if sub.entry != nil {
			s.bus.send(sub.entry.pid, Attend{Sub: sub, As: s.standing(sub.channel)})
		}
	}
}

// hear lets a subscription that there is hear other news than before. It answers false where there is none, which it
// tells the client.
func (s *session) hear(f *protocol.ClientFrame) bool {
	i := s.find(f.Channel)
	if i < 0 {
		s.refuse(&protocol.Error{Code: protocol.CodeNotSubscribed, Reason: "there is no subscription that could hear who comes and goes", Hint: "Subscribe to the channel first, or leave users out."}, f.ID)
		return false
	}
	sub := s.subs[i]
	sub.hears = audienceOf(f.Users)
	if sub.entry != nil {
		s.bus.send(sub.entry.pid, Hear{Sub: sub, News: sub.hears})
	}
	return true
}

// presenceFault tells why a client may not see who is in a channel; nil where it may.
func (s *session) presenceFault(ch protocol.Channel) *protocol.Error {
	switch {
	case s.bus.keeper() == nil:
		return errNoPresence
	case !s.bus.keepsPresence(ch):
		return errNotKept
	}
	if err := s.bus.policy.Load().MaySeeMembers(s.conn.Identity(), ch); err != nil {
		return err
	}
	return s.mayRead(ch)
}
