package access

import (
	"fmt"
	"slices"
	"strings"

	"tidings/protocol"
)

// Joins are the channels that a connection is put in because of its client: each a pattern without "*", whose
// placeholders stand for what is known of the client. {user} is its name, {role} and {permission} each role and
// permission, and another name each value of that claim, so that one pattern may name several channels. A client that
// is put in a channel may hear it, whatever the rules of channels are.
type Joins struct {
	Anonymous     []string // of clients that are not signed in
	Authenticated []string // of those that are
}

const (
	rolePlaceholder       = "role"
	permissionPlaceholder = "permission"
	// MaxJoins bounds the channels that one connection is put in by Joins; the others are left out.
	MaxJoins = 64
)

// joinPatterns are Joins that were read.
type joinPatterns struct{ anonymous, authenticated []Pattern }

func (j Joins) compile() (out joinPatterns, err error) {
	if out.anonymous, err = readJoins("Anonymous", j.Anonymous); err != nil {
		return out, err
	}
	for _, p := range out.anonymous {
		if len(p.Placeholders()) > 0 {
			return out, fmt.Errorf("Joins.Anonymous: %q: nothing is known of an anonymous client that a placeholder could stand for", p)
		}
	}
	out.authenticated, err = readJoins("Authenticated", j.Authenticated)
	return out, err
}

func readJoins(field string, texts []string) (list []Pattern, err error) {
	if len(texts) > MaxJoins {
		return nil, fmt.Errorf("Joins.%s: %d channels, at most %d", field, len(texts), MaxJoins)
	}
	for i, text := range texts {
		p, err := ParsePattern(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("Joins.%s: %w", field, err)
		case slices.ContainsFunc(p.segments, func(s segment) bool { return s.kind == rest || s.kind == one && s.text == "" }):
			return nil, fmt.Errorf(`Joins.%s: %q: "*" names no channel`, field, text)
		case slices.Contains(texts[:i], text):
			return nil, fmt.Errorf("Joins.%s: %q is said twice", field, text)
		}
		list = append(list, p)
	}
	return list, nil
}

// claims returns the names of the claims that the patterns ask for.
func (j *joinPatterns) claims() (names []string) {
	for _, p := range j.authenticated {
		names = append(names, p.Placeholders()...)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return name == UserPlaceholder || name == rolePlaceholder || name == permissionPlaceholder
	})
}

// fill puts what is known of id in the place of the placeholders.
func (p Pattern) fill(id Identity) (names []protocol.Channel, bad int) {
	texts := []string{""}
	for _, s := range p.segments {
		values := []string{s.text}
		if s.kind == one {
			values = id.values(s.text)
			good := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !segmentOfName(v) })
			bad += len(values) - len(good)
			values = good
		}
		var longer []string
		for _, text := range texts {
			for _, v := range values {
				if len(longer) < 2*MaxJoins { // the rest is too many in any case
					longer = append(longer, text+"/"+v)
				}
			}
		}
		texts = longer
	}
	for _, text := range texts {
		if ch, err := protocol.ParseChannel(text[1:]); err == nil {
			names = append(names, ch)
		} else { // too long
			bad++
		}
	}
	return names, bad
}

// FitsChannels reports whether the user can stand in the place of {user} in a channel's name. "auth0|7" cannot.
func (i Identity) FitsChannels() bool { return segmentOfName(i.User) }

// segmentOfName reports whether a text can be one segment of a channel's name.
func segmentOfName(text string) bool {
	_, err := protocol.ParseChannel(text)
	return err == nil && !strings.Contains(text, "/")
}

// values returns what a placeholder stands for.
func (i Identity) values(placeholder string) []string {
	switch placeholder {
	case UserPlaceholder:
		return []string{i.User}
	case rolePlaceholder:
		return i.Roles()
	case permissionPlaceholder:
		return i.Permissions()
	}
	return i.Claim(placeholder)
}
