package access

import (
	"slices"

	"tidings/protocol"
)

// Policy is Rules that were checked and indexed. It does not change, and may be used from many goroutines.
type Policy struct {
	index         Index[*compiledRule]
	others        *compiledRule // of channels that no pattern matches
	claims        []string      // the ones that some rule or join names
	joins         joinPatterns
	limits        bool // some rule sets one
	rows          bool // some rule has a filter
	needsIdentity bool // some rule or join is for clients that are signed in
}

// compiledRule is a Rule that was read.
type compiledRule struct {
	Rule
	pattern                             Pattern // zero in Policy.others
	subscribe, publish, presence, write admission
	names                               []string   // the pattern's placeholders
	rows                                *rowFilter // nil: none
}

// find returns the rule that decides for a channel.
func (p *Policy) find(ch protocol.Channel) *compiledRule {
	if r, _, ok := p.index.Find(ch); ok {
		return r
	}
	return p.others
}

// MaySubscribe returns nil if id may hear ch, as far as RowFilter lets it. It fails with CodeForbidden.
func (p *Policy) MaySubscribe(id Identity, ch protocol.Channel) *protocol.Error {
	r := p.find(ch)
	fault := r.refusal(&r.subscribe, id, ch, "subscribe to this channel", `Allow it in the server's rules (subscribe).`)
	if fault == nil {
		_, fault = p.RowFilter(id, ch)
	}
	return fault
}

// MayPublish returns nil if id may publish to ch from a client. It fails with CodeForbidden.
func (p *Policy) MayPublish(id Identity, ch protocol.Channel) *protocol.Error {
	r := p.find(ch)
	return r.refusal(&r.publish, id, ch, "publish to this channel", "Publish from a backend through the HTTP API, or allow it in the server's rules (publish).")
}

// MayWrite returns nil if id may write the documents of the collection whose channel ch is. It fails with
// CodeForbidden.
func (p *Policy) MayWrite(id Identity, ch protocol.Channel) *protocol.Error {
	r := p.find(ch)
	return r.refusal(&r.write, id, ch, "write to this collection", "Write from a backend through the HTTP API, or allow it in the server's rules (write).")
}

// MaySeeMembers returns nil if id may see who is in ch, provided that it may hear ch: MaySubscribe is asked apart,
// since being put in a channel also allows to hear it. It fails with CodeForbidden.
func (p *Policy) MaySeeMembers(id Identity, ch protocol.Channel) *protocol.Error {
	r := p.find(ch)
	return r.refusal(&r.presence, id, ch, "see who is in this channel, or it is not kept", "Allow it in the server's rules (presence).")
}

// KeepsPresence reports whether it is kept who is in ch.
func (p *Policy) KeepsPresence(ch protocol.Channel) bool {
	r := p.find(ch)
	return r.presence.anyone || len(r.presence.terms) > 0
}

// NeedsIdentity reports whether a rule lets in somebody who has to be known.
func (p *Policy) NeedsIdentity() bool { return p.needsIdentity }

// Limits returns the bounds that the rule of ch sets. Group is the same text for all channels of that rule.
func (p *Policy) Limits(ch protocol.Channel) (l Limits, group string) {
	if !p.limits {
		return Limits{}, ""
	}
	r := p.find(ch)
	return r.Limits, r.Pattern
}

// Joins returns the channels that a client is put in, at most MaxJoins, and how many are left out. Left out are those
// beyond that, and those whose name would not be the one that was meant, because a user, role, permission or claim is
// no segment of a channel's name. "a/b" is none.
func (p *Policy) Joins(id Identity) (list []protocol.Channel, left int) {
	patterns := p.joins.anonymous
	if !id.Anonymous() {
		patterns = p.joins.authenticated
	}
	for _, pattern := range patterns {
		names, bad := pattern.fill(id)
		left += bad
		for _, name := range names {
			if len(list) == MaxJoins {
				left++
			} else if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list, left
}

// JoinOf returns the pattern by which a client is put in ch, and false if none does.
func (p *Policy) JoinOf(id Identity, ch protocol.Channel) (pattern string, ok bool) {
	list, _ := p.Joins(id)
	if !slices.Contains(list, ch) {
		return "", false
	}
	for _, pattern := range slices.Concat(p.joins.anonymous, p.joins.authenticated) {
		if pattern.Match(ch) {
			return pattern.text, true
		}
	}
	return "", false
}

// Equivalent reports whether two identities are of the same user and may do the same: a session is taken up again only
// by such.
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

// needsIdentity reports whether the rule lets in somebody who has to be known.
func (r *compiledRule) needsIdentity() bool {
	return len(r.subscribe.terms)+len(r.publish.terms)+len(r.presence.terms)+len(r.write.terms) > 0
}

// lets reports whether one part of the rule lets id into ch.
func (r *compiledRule) lets(a *admission, id Identity, ch protocol.Channel) bool {
	switch {
	case a.anyone:
		return true
	case len(a.terms) == 0 || id.Anonymous():
		return false
	}
	owner := true // each {user} of the pattern is this one
	if len(r.names) > 0 {
		values, ok := r.pattern.Bound(ch)
		if !ok {
			return false
		}
		for i, name := range r.names {
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

func (r *compiledRule) refusal(a *admission, id Identity, ch protocol.Channel, what, hint string) *protocol.Error {
	switch {
	case r.lets(a, id, ch):
		return nil
	case len(a.terms) == 0:
		return &protocol.Error{Code: protocol.CodeForbidden, Reason: "clients may not " + what, Hint: hint}
	case id.Anonymous():
		return &protocol.Error{Code: protocol.CodeForbidden, Reason: "clients without a token may not " + what, Hint: "Connect with a token of a user who may."}
	}
	return &protocol.Error{Code: protocol.CodeForbidden, Reason: "this user may not " + what, Hint: "tidings explain says which rule decides, and why."}
}
