package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tidings/protocol"
)

// Pattern names channels by their segments, the parts between slashes:
//
//	news            that channel alone
//	news/*          one more segment, whatever it is
//	news/**         everything below news, at any depth, but not news itself
//	inbox/{user}    as inbox/*, and the segment belongs to the user of that name
//	shop/{tenant}/* as shop/*/*, with the segment that the claim "tenant" of an identity has to name
//
// "*" and "{name}" are whole segments; "**" is the last one. What a placeholder means is up to the pattern's user: a
// pattern matches a channel whoever asks. Of several patterns that match a channel the most specific one wins: see
// Compare. The zero Pattern matches nothing.
type Pattern struct {
	text     string
	segments []segment
}

type segment struct {
	kind segmentKind
	text string // of a literal; of a placeholder its name
}

type segmentKind uint8

// In the order of Compare.
const (
	literal segmentKind = iota
	one                 // "*" or a placeholder
	rest                // "**"
)

// UserPlaceholder is the placeholder that names the identity's user; others name its claims.
const UserPlaceholder = "user"

const maxPlaceholderBytes = 64

// ParsePattern reads a pattern of at most protocol.MaxChannelBytes bytes.
func ParsePattern(text string) (Pattern, error) {
	if len(text) > protocol.MaxChannelBytes {
		return Pattern{}, fmt.Errorf("a pattern of more than %d bytes", protocol.MaxChannelBytes)
	}
	p := Pattern{text: text}
	for part := range strings.SplitSeq(text, "/") {
		if n := len(p.segments); n > 0 && p.segments[n-1].kind == rest {
			return Pattern{}, fmt.Errorf(`pattern %q: "**" stands only at the end`, text)
		}
		s, err := parseSegment(part)
		if err != nil {
			return Pattern{}, fmt.Errorf("pattern %q: %w", text, err)
		}
		p.segments = append(p.segments, s)
	}
	return p, nil
}

func parseSegment(part string) (segment, error) {
	switch {
	case part == "*":
		return segment{kind: one}, nil
	case part == "**":
		return segment{kind: rest}, nil
	case strings.Contains(part, "*"):
		return segment{}, fmt.Errorf(`%q: "*" is a whole segment, and so is "**"`, part)
	case strings.ContainsAny(part, "{}"):
		name, ok := strings.CutPrefix(part, "{")
		name, closed := strings.CutSuffix(name, "}")
		if !ok || !closed || !goodPlaceholder(name) {
			return segment{}, fmt.Errorf(`%q: a placeholder is a whole segment, {user} or a claim's name of at most %d letters, digits, "-", "_" and "."`, part, maxPlaceholderBytes)
		}
		return segment{kind: one, text: name}, nil
	}
	if _, err := protocol.ParseChannel(part); err != nil {
		return segment{}, fmt.Errorf("%q is no segment of a channel's name", part)
	}
	return segment{kind: literal, text: part}, nil
}

func goodPlaceholder(name string) bool {
	return name != "" && len(name) <= maxPlaceholderBytes && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Placeholders returns the names of the placeholders, from left to right.
func (p Pattern) Placeholders() (names []string) {
	for _, s := range p.segments {
		if s.kind == one && s.text != "" {
			names = append(names, s.text)
		}
	}
	return names
}

// Match reports whether ch is among the channels that the pattern names.
func (p Pattern) Match(ch protocol.Channel) bool {
	_, ok := p.match(ch, nil)
	return ok
}

// Bound returns what ch has in the place of each placeholder, in the order of Placeholders, and false if it does not
// match.
func (p Pattern) Bound(ch protocol.Channel) (values []string, ok bool) {
	return p.match(ch, func(s *segment) bool { return s.text != "" })
}

func (p Pattern) match(ch protocol.Channel, keep func(*segment) bool) (values []string, ok bool) {
	left, more := string(ch), len(p.segments) > 0 && ch != ""
	for i := range p.segments {
		s := &p.segments[i]
		if !more {
			return nil, false
		}
		if s.kind == rest {
			return values, true
		}
		var part string
		part, left, more = strings.Cut(left, "/")
		if s.kind == literal && s.text != part {
			return nil, false
		}
		if s.kind == one && keep != nil && keep(s) {
			values = append(values, part)
		}
	}
	return values, len(p.segments) > 0 && !more
}

// Compare orders patterns from the most specific to the least, by the first segment from the left in which they differ.
// A literal comes before "*" and placeholders, and these before "**". Two literals go by their bytes, and a pattern
// comes before those that begin with it. Patterns that compare equal name the same channels. Of two that match one
// channel the first one in this order wins; there is no other rule.
func (p Pattern) Compare(q Pattern) int {
	return slices.CompareFunc(p.segments, q.segments, compareSegments)
}

func compareSegments(a, b segment) int {
	if a.kind != b.kind {
		return int(a.kind) - int(b.kind)
	}
	if a.kind == literal {
		return strings.Compare(a.text, b.text)
	}
	return 0
}

// Index finds the most specific of many patterns for a channel. The zero Index is empty. It may be read from many
// goroutines when nothing is added any more.
type Index[T any] struct{ root node[T] }

// node is what follows after some segments.
type node[T any] struct {
	literals map[string]*node[T]
	one      *node[T]
	rest     *leaf[T] // of "**" here
	here     *leaf[T] // of the pattern that ends here
}

type leaf[T any] struct {
	pattern Pattern
	value   T
}

// Add puts a value at a pattern. It fails if there is one that names the same channels.
func (x *Index[T]) Add(p Pattern, value T) error {
	if len(p.segments) == 0 {
		return errors.New("the pattern is empty")
	}
	n, place := &x.root, (**leaf[T])(nil)
	for _, s := range p.segments {
		switch s.kind {
		case literal:
			next := n.literals[s.text]
			if next == nil {
				next = new(node[T])
				if n.literals == nil {
					n.literals = map[string]*node[T]{}
				}
				n.literals[s.text] = next
			}
			n = next
		case one:
			if n.one == nil {
				n.one = new(node[T])
			}
			n = n.one
		case rest:
			place = &n.rest
		}
	}
	if place == nil {
		place = &n.here
	}
	if *place != nil {
		return fmt.Errorf("patterns %q and %q name the same channels", (*place).pattern.text, p.text)
	}
	*place = &leaf[T]{pattern: p, value: value}
	return nil
}

// Find returns the value of the most specific pattern that matches ch, and the pattern, and false if none does. It
// looks at each node of the index at most once, and mostly at as many as ch has segments.
func (x *Index[T]) Find(ch protocol.Channel) (value T, p Pattern, ok bool) {
	if l := x.root.find(string(ch)); l != nil && ch != "" {
		return l.value, l.pattern, true
	}
	return value, p, false
}

func (n *node[T]) find(left string) *leaf[T] {
	part, after, more := strings.Cut(left, "/")
	for _, next := range [2]*node[T]{n.literals[part], n.one} {
		if next == nil {
			continue
		}
		if !more {
			if next.here != nil {
				return next.here
			}
		} else if l := next.find(after); l != nil {
			return l
		}
	}
	return n.rest
}
