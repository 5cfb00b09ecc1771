package access

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tidings/protocol"
)

// Decision is what the rules allow one client in one channel, and why.
type Decision struct {
	Channel   protocol.Channel `json:"channel"`
	Rule      string           `json:"rule"`           // the pattern that decides; "" for what holds if none matches
	User      string           `json:"user,omitempty"` // "" for an anonymous client
	Join      string           `json:"join,omitempty"` // the pattern of Joins by which the client is put in the channel; "" if it is not
	Subscribe Ruling           `json:"subscribe"`
	Publish   Ruling           `json:"publish"`
	Presence  Ruling           `json:"presence"`
	Write     Ruling           `json:"write"` // of the documents whose channel it is
	// Filter is which messages the client hears and reads of the channel, if the rule has a filter. It counts for joins
	// and grants, too.
	Filter json.RawMessage `json:"filter,omitempty"`
}

// Ruling is one part of a decision.
type Ruling struct {
	Allowed bool      `json:"allowed"`
	Asks    Allowance `json:"asks"` // what the rule asks for
	Why     string    `json:"why"`
}

// Explain returns which rule decides what id may do in ch, and why. It decides as MaySubscribe, MayPublish,
// MaySeeMembers and MayWrite do.
func (p *Policy) Explain(id Identity, ch protocol.Channel) Decision {
	r := p.find(ch)
	explain := func(a *admission) Ruling {
		return Ruling{Allowed: r.lets(a, id, ch), Asks: a.text, Why: r.why(a, id, ch)}
	}
	d := Decision{
		Channel: ch, Rule: r.Pattern, User: id.User,
		Subscribe: explain(&r.subscribe), Publish: explain(&r.publish), Presence: explain(&r.presence), Write: explain(&r.write),
	}
	filter, lacks := p.RowFilter(id, ch)
	d.Filter = filter
	if d.Subscribe.Allowed && lacks != nil {
		d.Subscribe.Allowed, d.Subscribe.Why = false, lacks.Reason
	}
	if join, ok := p.JoinOf(id, ch); ok {
		d.Join = join
		d.Subscribe.Allowed, d.Subscribe.Why = true, fmt.Sprintf("the client is put in it by the join %q", join)
	}
	if d.Presence.Allowed && !d.Subscribe.Allowed {
		d.Presence.Allowed, d.Presence.Why = false, "who may not subscribe does not see who is there"
	}
	return d
}

// why returns the reason of what lets decides.
func (r *compiledRule) why(a *admission, id Identity, ch protocol.Channel) string {
	switch {
	case a.anyone:
		return "anyone may"
	case len(a.terms) == 0:
		return "no client may; backends use the HTTP API"
	case id.Anonymous():
		return "the client is anonymous, and the rule asks for " + string(a.text)
	}
	values, _ := r.pattern.Bound(ch)
	owner := ""
	for i, name := range r.names {
		if name == UserPlaceholder {
			if owner == "" || owner == id.User {
				owner = values[i] // the first that is somebody else, if one is
			}
		} else if !slices.Contains(id.Claim(name), values[i]) {
			return fmt.Sprintf("the channel is of %s %q, and the token's claim is %s", name, values[i], list(id.Claim(name)))
		}
	}
	var missing []string
	for _, t := range a.terms {
		switch {
		case t.kind == byRole && slices.Contains(id.Roles(), t.name):
			return fmt.Sprintf("the token has the role %q", t.name)
		case t.kind == byPermission && slices.Contains(id.Permissions(), t.name):
			return fmt.Sprintf("the token has the permission %q", t.name)
		case t.kind == byRole:
			missing = append(missing, fmt.Sprintf("the role %q is not among the token's: %s", t.name, list(id.Roles())))
		case t.kind == byPermission:
			missing = append(missing, fmt.Sprintf("the permission %q is not among the token's: %s", t.name, list(id.Permissions())))
		case owner == "":
			return "the client is signed in"
		case owner == id.User:
			return "the channel is of this user"
		default:
			missing = append(missing, fmt.Sprintf("the channel is of user %q", owner))
		}
	}
	return strings.Join(missing, "; ")
}

func list(texts []string) string {
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}
