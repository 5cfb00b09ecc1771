package actors

import (
	"bytes"
	"fmt"

	"tidings/access"
	"tidings/filter"
	"tidings/protocol"
)

// compileRules compiles rules, and checks their filters with a text for each placeholder.
func compileRules(rules access.Rules) (*access.Policy, error) {
	policy, err := rules.Compile()
	if err != nil {
		return nil, err
	}
	for _, rule := range rules.Channels {
		if rule.Filter == "" {
			continue
		}
		sample, err := access.SampleFilter(rule.Filter)
		if err == nil {
			_, err = filter.Parse(sample)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: Filter: %w", rule.Pattern, err)
		}
	}
	return policy, nil
}

// rowsOf returns which messages of a channel the rules let id hear and read; nil for all. It fails with CodeForbidden
// if the rule asks for what id has not, or cannot be applied to it. It returns the filter of no message then. A reply
// channel is its client's own: no rule is for it.
func rowsOf(policy *access.Policy, id access.Identity, ch protocol.Channel) (*filter.Filter, *protocol.Error) {
	if !policy.HasRowFilters() {
		return nil, nil
	}
	if _, _, ok := ch.ReplyParts(); ok {
		return nil, nil
	}
	raw, fault := policy.RowFilter(id, ch)
	switch {
	case fault != nil:
		return filter.Nothing(), fault
	case raw == nil:
		return nil, nil
	}
	rows, err := filter.Parse(raw)
	if err != nil {
		return filter.Nothing(), &protocol.Error{
			Code:   protocol.CodeForbidden,
			Reason: "the filter of this channel's rule cannot be used with the claims of this client: " + protocol.AsError(err).Reason,
			Hint:   "Give the token fewer or shorter claims; tidings explain shows the filter.",
		}
	}
	return rows, nil
}

// rows returns which messages of a channel the client may hear and read now, whoever made the subscription; nil for
// all.
func (s *session) rows(ch protocol.Channel) *filter.Filter {
	rows, _ := rowsOf(s.bus.policy.Load(), s.identity(), ch)
	return rows
}

// ruling is what decided last which messages the client hears.
type ruling struct {
	policy *access.Policy
	as     *access.Identity
}

func (s *session) ruling() ruling { return ruling{s.bus.policy.Load(), s.conn.identity.Load()} }

// differs reports whether another ruling lets the client hear other messages of a channel than r.
func (r ruling) differs(other ruling, ch protocol.Channel) bool {
	before, _ := r.policy.RowFilter(*r.as, ch)
	now, _ := other.policy.RowFilter(*other.as, ch)
	return !bytes.Equal(before, now)
}

// sift has the subscriptions of each channel of which the client may hear other messages than before hear those, takes
// back what waits of such a channel, and returns of which one it took back nothing, since the channel does.
func (s *session) sift() (changed func(protocol.Channel) bool) {
	before, now := s.ruled, s.ruling()
	s.ruled = now
	if !before.policy.HasRowFilters() && !now.policy.HasRowFilters() {
		return func(protocol.Channel) bool { return false }
	}
	other := map[protocol.Channel]bool{} // than before is what the client may hear of them
	for _, sub := range s.subs {
		if before.differs(now, sub.channel) || sub.hears.rowsKey() != keyOfRows(s.rows(sub.channel)) {
			other[sub.channel] = true
		}
	}
	moves := map[*entry][]moving{}
	for _, sub := range s.subs {
		switch hears := sub.hears.within(sub.channel, s.rows(sub.channel)); {
		case !other[sub.channel]:
		case sub.entry == nil:
			sub.hears = hears
		default:
			sub.stand(s.state, s.kind, -1)
			sub.hears = hears
			sub.stand(s.state, s.kind, 1)
			moves[sub.entry] = append(moves[sub.entry], moving{sub, hears})
		}
	}
	inside := map[protocol.Channel]bool{}
	for e, members := range moves {
		inside[e.name] = true
		s.bus.send(e.pid, move{members: members})
	}
	return func(ch protocol.Channel) bool { return !inside[ch] && before.differs(now, ch) }
}

// keyOfRows returns a text that differs between row filters; it is "" for none.
func keyOfRows(rows *filter.Filter) string {
	if rows == nil {
		return ""
	}
	return rows.JSON()
}

// rowsKey is keyOfRows of what h is within.
func (h *hearing) rowsKey() string {
	if h == nil {
		return ""
	}
	return keyOfRows(h.rows)
}
