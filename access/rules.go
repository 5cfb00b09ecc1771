package access

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tidings/protocol"
)

// Rules are what clients may do: in the channels of each pattern, and in all others. Of several patterns that match a
// channel the most specific one's rule alone decides: nothing is inherited from the others.
type Rules struct {
	// Subscribe is who may hear the messages of a channel that no pattern matches, and read its history. Empty means
	// Anyone if there is no pattern, else Nobody.
	Subscribe Allowance
	// Publish is who may publish there from a client. Empty means Nobody: messages come from backends, through the HTTP
	// API.
	Publish Allowance
	// Presence is for whom a channel there keeps who is in it: they may see each other. Empty means Nobody: nothing is
	// kept then, nor can the HTTP API ask for it.
	Presence Allowance
	// Channels are the rules of patterns, at most MaxRules.
	Channels []Rule
	// Joins are the channels that clients are put in.
	Joins Joins
}

// MaxRules bounds the rules of patterns.
const MaxRules = 10_000

// Rule is what holds in the channels of one pattern. What is empty is Nobody's.
type Rule struct {
	Pattern                      string // see ParsePattern
	Subscribe, Publish, Presence Allowance
	Limits                       Limits
}

// MaxCollectWindow bounds a channel's and a node's CollectWindow: a longer wait would be felt.
const MaxCollectWindow = 10 * time.Millisecond

// Limits are the bounds that a rule sets for its channels. Zero means the node's default.
type Limits struct {
	HistoryMessages int           // kept per channel
	HistoryAge      time.Duration // how long they are kept
	HistoryBytes    int           // kept per channel
	Payload         int           // bytes of a message's data, at most protocol.MaxPayloadBytes
	// Rate is the messages a second that one user, or one connection without a token, may publish in the rule's
	// channels through a node. As many may come at once, and at least one.
	Rate          float64
	CollectWindow time.Duration // how long deliveries may wait for more, so that they are written together; at most 10 ms, negative for none
}

// DefaultRules allows anyone to hear and nobody to publish.
func DefaultRules() Rules { return Rules{Subscribe: Anyone, Publish: Nobody} }

// IsZero reports whether nothing is set.
func (r Rules) IsZero() bool {
	return r.Subscribe == "" && r.Publish == "" && r.Presence == "" && len(r.Channels)+len(r.Joins.Anonymous)+len(r.Joins.Authenticated) == 0
}

// Validate fails if Compile does.
func (r Rules) Validate() error {
	_, err := r.Compile()
	return err
}

// Compile checks the rules. Its error names the field or pattern, and each fault has a line of its own. Beside what
// cannot be read it refuses what can only be a mistake: two patterns of the same channels, and a placeholder that has
// no effect.
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
	p.needsIdentity = p.others.needsIdentity() || len(p.joins.authenticated) > 0
	var faults []error
	for _, rule := range r.Channels {
		if err := p.add(rule); err != nil {
			faults = append(faults, err)
		}
	}
	return p, errors.Join(faults...)
}

func (p *Policy) add(rule Rule) error {
	pattern, err := ParsePattern(rule.Pattern)
	if err != nil {
		return err
	}
	r, err := rule.compile()
	if err != nil {
		return fmt.Errorf("%q: %w", rule.Pattern, err)
	}
	r.pattern, r.names = pattern, pattern.Placeholders()
	if err := r.checkPlaceholders(); err != nil {
		return fmt.Errorf("%q: %w", rule.Pattern, err)
	}
	for _, name := range r.names {
		if name != UserPlaceholder && !slices.Contains(p.claims, name) {
			p.claims = append(p.claims, name)
		}
	}
	p.needsIdentity = p.needsIdentity || r.needsIdentity()
	p.limits = p.limits || rule.Limits != Limits{}
	return p.index.Add(pattern, r)
}

func (r Rule) compile() (*compiledRule, error) {
	out := &compiledRule{Rule: r}
	for _, f := range []struct {
		name  string
		value Allowance
		to    *admission
	}{{"Subscribe", r.Subscribe, &out.subscribe}, {"Publish", r.Publish, &out.publish}, {"Presence", r.Presence, &out.presence}} {
		a, err := f.value.read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		*f.to = a
	}
	return out, r.Limits.check()
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
func (r *compiledRule) checkPlaceholders() error {
	claims := slices.DeleteFunc(slices.Clone(r.names), func(name string) bool { return name == UserPlaceholder })
	for _, f := range []struct {
		name string
		a    *admission
	}{{"Subscribe", &r.subscribe}, {"Publish", &r.publish}, {"Presence", &r.presence}} {
		if f.a.anyone && len(claims) > 0 {
			return fmt.Errorf("%s: anyone need not have the claim {%s} of the pattern; write * in its place, or user", f.name, claims[0])
		}
	}
	if slices.Contains(r.names, UserPlaceholder) && !r.subscribe.byOwner() && !r.publish.byOwner() && !r.presence.byOwner() {
		return errors.New(`{user} has no effect, since no part of the rule says "user"; write * in its place, or let the user in`)
	}
	return nil
}
