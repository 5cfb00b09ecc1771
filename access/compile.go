package access

import (
	"errors"
	"fmt"
	"slices"
)

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
	others := Rule{Subscribe: r.Subscribe, Publish: r.Publish, Presence: r.Presence, Write: r.Write}
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
	names := r.names
	if r.rows != nil {
		names = slices.Concat(names, r.rows.names)
	}
	for _, name := range names {
		if name != UserPlaceholder && !slices.Contains(p.claims, name) {
			p.claims = append(p.claims, name)
		}
	}
	p.needsIdentity = p.needsIdentity || r.needsIdentity()
	p.limits = p.limits || rule.Limits != Limits{}
	p.rows = p.rows || r.rows != nil
	return p.index.Add(pattern, r)
}

func (r Rule) compile() (*compiledRule, error) {
	out := &compiledRule{Rule: r}
	for _, f := range []struct {
		name  string
		value Allowance
		to    *admission
	}{{"Subscribe", r.Subscribe, &out.subscribe}, {"Publish", r.Publish, &out.publish}, {"Presence", r.Presence, &out.presence}, {"Write", r.Write, &out.write}} {
		a, err := f.value.read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		*f.to = a
	}
	if r.Filter != "" {
		rows, err := readRowFilter(r.Filter)
		if err != nil {
			return nil, fmt.Errorf("Filter: %w", err)
		}
		out.rows = rows
	}
	return out, r.Limits.check()
}

// checkPlaceholders refuses a pattern that promises what the rule does not keep.
func (r *compiledRule) checkPlaceholders() error {
	claims := slices.DeleteFunc(slices.Clone(r.names), func(name string) bool { return name == UserPlaceholder })
	for _, f := range []struct {
		name string
		a    *admission
	}{{"Subscribe", &r.subscribe}, {"Publish", &r.publish}, {"Presence", &r.presence}, {"Write", &r.write}} {
		if f.a.anyone && len(claims) > 0 {
			return fmt.Errorf("%s: anyone need not have the claim {%s} of the pattern; write * in its place, or user", f.name, claims[0])
		}
	}
	if slices.Contains(r.names, UserPlaceholder) && !r.subscribe.byOwner() && !r.publish.byOwner() && !r.presence.byOwner() && !r.write.byOwner() {
		return errors.New(`{user} has no effect, since no part of the rule says "user"; write * in its place, or let the user in`)
	}
	return nil
}
