// Package filter is the language in which a client asks for the messages of a channel that it wants. It is the language
// of Koncorde, Kuzzle's filter engine, with the differences that docs/filters.md lists. The package has no goroutines.
package filter

import (
	"crypto/sha256"
	"encoding/base64"

	"tidings/protocol"
)

// Filter is a filter in canonical form. It never changes, and any number of goroutines may use it.
type Filter struct {
	root       *node
	conditions int
}

// Everything returns the filter that matches each message.
func Everything() *Filter { return &Filter{root: everything} }

// Nothing returns the filter that matches no message.
func Nothing() *Filter { return &Filter{root: nothing} }

// JSON returns the filter's canonical form, which is a filter itself. Filters of one canonical form match the same
// messages.
func (f *Filter) JSON() string { return f.root.key }

// ID returns 22 characters that name the filter in a channel. Filters of one canonical form have one ID, whatever their
// spelling. An ID is no secret: it opens nothing.
func (f *Filter) ID(channel protocol.Channel) string {
	sum := sha256.Sum256([]byte(string(channel) + "\n" + f.root.key)) // no name of a channel has a line break
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Conditions returns what the filter counts towards MaxConditions.
func (f *Filter) Conditions() int { return f.conditions }

// Match reports whether the filter matches the document.
func (f *Filter) Match(d *Document) bool { return f.root.match(d) }

// And returns the filter that matches what both a and b match. It may be larger than Parse allows.
func And(a, b *Filter) *Filter {
	return &Filter{root: join(opAnd, []*node{a.root, b.root}), conditions: a.conditions + b.conditions}
}
