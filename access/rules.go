package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/protocol"
)

// Allowance says whom a rule lets in: Anyone or Nobody, or a list, separated by commas, of which one has to hold:
//
//	user          who is signed in; where the pattern has {user}, that user alone
//	role:NAME     whose token names that role
//	permission:P  whose token names that permission
//
// All but Anyone demand that the identity has the claims that the pattern's other placeholders name.
type Allowance string

// The allowances that stand alone.
const (
	Anyone Allowance = "anyone" // with or without a token
	Nobody Allowance = "nobody" // only the HTTP API, which has its own keys
	User   Allowance = "user"   // whoever is signed in, or the user that the channel's name says
)

// Rules say what clients may do: in the channels of each pattern, and in all others. Of several patterns that match a channel the most
// specific one's rule alone decides: nothing is inherited from the others.
type Rules struct {
	// Subscribe says who may hear the messages of a channel that no pattern matches, and read its history. Empty means Anyone where there is
	// no pattern, else Nobody.
	Subscribe Allowance
	// Publish says who may publish there from a client. Empty means Nobody: messages come from backends, through the HTTP API.
	Publish Allowance
	// Presence says for whom a channel there keeps who is in it: they may see each other. Empty means Nobody: nothing is kept then, nor can the
	// HTTP API ask for it.
	Presence Allowance
	// Channels are the rules of patterns, at most MaxRules.
	Channels []Rule
	// Joins are the channels that clients are put in.
	Joins Joins
}

// MaxCollectWindow bounds a channel's and a node's CollectWindow: a longer wait would be felt.
const MaxCollectWindow = 10 * time.Millisecond

// MaxRules bounds the rules of patterns.
const MaxRules = 10_000

// Rule is what holds in the channels of one pattern. What is empty is Nobody's.
type Rule struct {
	Pattern                      string // see ParsePattern
	Subscribe, Publish, Presence Allowance
	Limits                       Limits
}

// Limits are what a rule says of its channels beside who may do what. Zero means the node's default.
type Limits struct {
	HistoryMessages int           // kept per channel
	HistoryAge      time.Duration // how long they are kept
	HistoryBytes    int           // kept per channel
	Payload         int           // bytes of a message's data, at most protocol.MaxPayloadBytes
	Rate            float64       // messages a second that one user, or one connection without a token, may publish in the rule's channels through a node; as many may come at once, and at least one
	CollectWindow   time.Duration // how long deliveries may wait for more, so that they are written together; at most 10 ms, negative for none
}

// DefaultRules lets anyone hear and nobody publish.
func DefaultRules() Rules { return Rules{Subscribe: Anyone, Publish: Nobody} }

// IsZero reports whether nothing is said.
func (r Rules) IsZero() bool {
	return r.Subscribe == "" && r.Publish == "" && r.Presence == "" && len(r.Channels)+len(r.Joins.Anonymous)+len(r.Joins.Authenticated) == 0
}

// Validate fails where Compile does.
func (r Rules) Validate() error {
	_, err := r.Compile()
	return err
}

// Policy is Rules that were checked and indexed. It does not change, and may be used from many goroutines.
type Policy struct {
	index  Index[*rule]
	others *rule // of channels that no pattern matches
	claims []string
	joins  joins
	limits bool
	named  bool // somebody is let in who has to be known
}

// rule is a Rule that was read.
type rule struct {
	Rule
	pattern                      Pattern // zero in Policy.others
	subscribe, publish, presence allowance
	names                        []string // the pattern's placeholders
}

// allowance is an Allowance that was read.
type allowance struct {
	text   Allowance
	anyone bool
	terms  []term
}

// term is one way of being let in.
type term struct {
	kind termKind
	name string // of the role or permission
}

type termKind uint8

const (
	byUser termKind = iota
	byRole
	byPermission
)

// Compile checks the rules. Its error names the field or pattern, and each fault has a line of its own. It refuses what can only be a
// mistake, beside what cannot be read: two patterns of the same channels, and a placeholder that has no effect.
func (r Rules) Compile() (*Policy, error) {
	p := &Policy{}
	if len(r.Channels) > MaxRules {
		return nil, fmt.Errorf("Channels: %d rules, at most %d", len(r.Channels), MaxRules)
	}
	others := Rule{Subscribe: r.Subscribe, Publish: r.Publish, Presence: r.Presence}
	if others.Subscribe == "" && len(r.Channels) == 0 {
		others.Subscribe = Anyone
	}
	var err error
	if p.others, err = others.compile(); err != nil {
		return nil, err
	}
	if p.joins, err = r.Joins.compile(); err != nil {
		return nil, err
	}
	p.claims = p.joins.claims()
	p.named = p.others.named() || len(p.joins.authenticated) > 0
	var faults []error
	for _, c := range r.Channels {
		if err := p.add(c); err != nil {
			faults = append(faults, err)
		}
	}
	return p, errors.Join(faults...)
}

func (p *Policy) add(c Rule) error {
	pattern, err := ParsePattern(c.Pattern)
	if err != nil {
		return err
	}
	compiled, err := c.compile()
	if err != nil {
		return fmt.Errorf("%q: %w", c.Pattern, err)
	}
	compiled.pattern, compiled.names = pattern, pattern.Placeholders()
	if err := compiled.checkPlaceholders(); err != nil {
		return fmt.Errorf("%q: %w", c.Pattern, err)
	}
	for _, name := range compiled.names {
		if name != UserPlaceholder && !slices.Contains(p.claims, name) {
			p.claims = append(p.claims, name)
		}
	}
	p.named = p.named || compiled.named()
	p.limits = p.limits || c.Limits != Limits{}
	return p.index.Add(pattern, compiled)
}

func (c Rule) compile() (*rule, error) {
	out := &rule{Rule: c}
	for _, f := range []struct {
		name  string
		value Allowance
		to    *allowance
	}{{"Subscribe", c.Subscribe, &out.subscribe}, {"Publish", c.Publish, &out.publish}, {"Presence", c.Presence, &out.presence}} {
		a, err := f.value.read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		*f.to = a
	}
	return out, c.Limits.check()
}

// named tells whether the rule lets in somebody who has to be known.
func (c *rule) named() bool {
	return len(c.subscribe.terms)+len(c.publish.terms)+len(c.presence.terms) > 0
}

func (l Limits) check() error {
	switch {
	case l.HistoryMessages < 0, l.HistoryAge < 0, l.HistoryBytes < 0, l.Rate < 0:
		return errors.New("Limits: a number is negative")
	case l.CollectWindow > MaxCollectWindow:
		return fmt.Errorf("Limits.CollectWindow: %v is more than %v", l.CollectWindow, MaxCollectWindow)
	case l.Payload < 0 || l.Payload > protocol.MaxPayloadBytes:
		return fmt.Errorf("Limits.Payload: must be from 1 to %d bytes", protocol.MaxPayloadBytes)
	}
	return nil
}

// checkPlaceholders refuses a pattern that promises what the rule does not keep.
func (c *rule) checkPlaceholders() error {
	claims := slices.DeleteFunc(slices.Clone(c.names), func(name string) bool { return name == UserPlaceholder })
	owner := false
	for _, f := range []struct {
		name string
		a    *allowance
	}{{"Subscribe", &c.subscribe}, {"Publish", &c.publish}, {"Presence", &c.presence}} {
		if f.a.anyone && len(claims) > 0 {
			return fmt.Errorf("%s: anyone need not have the claim {%s} of the pattern; write * in its place, or user", f.name, claims[0])
		}
		owner = owner || slices.ContainsFunc(f.a.terms, func(t term) bool { return t.kind == byUser })
	}
	if slices.Contains(c.names, UserPlaceholder) && !owner {
		return errors.New(`{user} has no effect, since no part of the rule says "user"; write * in its place, or let the user in`)
	}
	return nil
}

// Validate refuses what is no allowance.
func (a Allowance) Validate() error {
	_, err := a.read()
	return err
}

func (a Allowance) read() (allowance, error) {
	switch a {
	case "", Nobody:
		return allowance{text: Nobody}, nil
	case Anyone:
		return allowance{text: a, anyone: true}, nil
	}
	out := allowance{text: a}
	for text := range strings.SplitSeq(string(a), ",") {
		t, err := readTerm(strings.TrimSpace(text))
		if err != nil {
			return allowance{}, err
		}
		if slices.Contains(out.terms, t) {
			return allowance{}, fmt.Errorf("%q is said twice", strings.TrimSpace(text))
		}
		out.terms = append(out.terms, t)
	}
	return out, nil
}

func readTerm(text string) (term, error) {
	if text == string(User) {
		return term{kind: byUser}, nil
	}
	kind, name, _ := strings.Cut(text, ":")
	switch {
	case kind == "role" && goodGrant(name):
		return term{byRole, name}, nil
	case kind == "permission" && goodGrant(name):
		return term{byPermission, name}, nil
	case text == string(Anyone) || text == string(Nobody):
		return term{}, fmt.Errorf("%q stands alone", text)
	}
	return term{}, fmt.Errorf(`%q is neither "anyone" nor "nobody" nor "user" nor role:NAME nor permission:NAME`, text)
}

// goodGrant tells whether a role or permission can be named in a rule.
func goodGrant(name string) bool {
	return name != "" && len(name) <= protocol.MaxNameBytes && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == ',' || r == 0x7f })
}

// lets tells whether the allowance of a rule lets id into ch.
func (c *rule) lets(a *allowance, id Identity, ch protocol.Channel) bool {
	switch {
	case a.anyone:
		return true
	case len(a.terms) == 0 || id.Anonymous():
		return false
	}
	owner := true
	if len(c.names) > 0 {
		values, ok := c.pattern.Bound(ch)
		if !ok {
			return false
		}
		for i, name := range c.names {
			if name == UserPlaceholder {
				owner = owner && values[i] == id.User
			} else if !slices.Contains(id.Claim(name), values[i]) {
				return false
			}
		}
	}
	return slices.ContainsFunc(a.terms, func(t term) bool {
		switch t.kind {
		case byRole:
			return slices.Contains(id.Roles(), t.name)
		case byPermission:
			return slices.Contains(id.Permissions(), t.name)
		}
		return owner
	})
}

// find gives the rule that decides for a channel.
func (p *Policy) find(ch protocol.Channel) *rule {
	if c, _, ok := p.index.Find(ch); ok {
		return c
	}
	return p.others
}

// MaySubscribe tells whether id may hear ch; nil means yes. It fails with CodeForbidden.
func (p *Policy) MaySubscribe(id Identity, ch protocol.Channel) *protocol.Error {
	c := p.find(ch)
	return c.refusal(&c.subscribe, id, ch, "subscribe to this channel", `Allow it in the server's rules (subscribe).`)
}

// MayPublish tells whether id may publish to ch from a client; nil means yes. It fails with CodeForbidden.
func (p *Policy) MayPublish(id Identity, ch protocol.Channel) *protocol.Error {
	c := p.find(ch)
	return c.refusal(&c.publish, id, ch, "publish to this channel", "Publish from a backend through the HTTP API, or allow it in the server's rules (publish).")
}

// NeedsIdentity tells whether a rule lets in somebody who has to be known.
func (p *Policy) NeedsIdentity() bool { return p.named }

// KeepsPresence tells whether it is kept who is in ch.
func (p *Policy) KeepsPresence(ch protocol.Channel) bool {
	c := p.find(ch)
	return c.presence.anyone || len(c.presence.terms) > 0
}

// MaySeePresence tells whether id may see who is in ch; nil means yes. It fails with CodeForbidden.
func (p *Policy) MaySeePresence(id Identity, ch protocol.Channel) *protocol.Error {
	if err := p.MaySeeMembers(id, ch); err != nil {
		return err
	}
	return p.MaySubscribe(id, ch)
}

// MaySeeMembers is MaySeePresence for who may hear ch in any case.
func (p *Policy) MaySeeMembers(id Identity, ch protocol.Channel) *protocol.Error {
	c := p.find(ch)
	return c.refusal(&c.presence, id, ch, "see who is in this channel, or it is not kept", "Allow it in the server's rules (presence).")
}

func (c *rule) refusal(a *allowance, id Identity, ch protocol.Channel, what, hint string) *protocol.Error {
	switch {
	case c.lets(a, id, ch):
		return nil
	case len(a.terms) == 0:
		return &protocol.Error{Code: protocol.CodeForbidden, Reason: "clients may not " + what, Hint: hint}
	case id.Anonymous():
		return &protocol.Error{Code: protocol.CodeForbidden, Reason: "clients without a token may not " + what, Hint: "Connect with a token of a user who may."}
	}
	return &protocol.Error{Code: protocol.CodeForbidden, Reason: "this user may not " + what, Hint: "tidings explain says which rule decides, and why."}
}

// Limits gives what the rule of ch says beside who may do what. Group is the same text for all channels of that rule.
func (p *Policy) Limits(ch protocol.Channel) (l Limits, group string) {
	if !p.limits {
		return Limits{}, ""
	}
	c := p.find(ch)
	return c.Limits, c.Pattern
}

// Equivalent tells whether two identities are of the same user and may do the same: a session is taken up again only by such.
func (p *Policy) Equivalent(a, b Identity) bool {
	if a.User != b.User {
		return false
	}
	if a.grants == b.grants {
		return true
	}
	return sameSet(a.Roles(), b.Roles()) && sameSet(a.Permissions(), b.Permissions()) &&
		!slices.ContainsFunc(p.claims, func(name string) bool { return !sameSet(a.Claim(name), b.Claim(name)) })
}

func sameSet(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) }) &&
		!slices.ContainsFunc(b, func(s string) bool { return !slices.Contains(a, s) })
}
