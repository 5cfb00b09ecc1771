package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tidings/protocol"
)

// Action is what an API key is needed for.
type Action string

// The actions. All but ActionMetrics are limited to channels.
const (
	ActionPublish   Action = "publish"
	ActionSubscribe Action = "subscribe" // put clients in channels, so that they hear these
	ActionRead      Action = "read"      // history, the list of channels, who is present
	ActionDocuments Action = "documents" // read and write the documents of the channels' collections
	ActionAdmin     Action = "admin"     // connections, send, disconnect, why, tail
	ActionMetrics   Action = "metrics"   // the metrics alone
)

// Backend is who makes a request of the HTTP API, as far as its key shows. The zero Backend is nobody.
type Backend struct {
	name      string // of its key, if that has one
	principal string
	scopes    scopes
}

// Trusted is a backend that may do everything.
func Trusted(principal string) Backend { return Backend{principal: principal} }

// Principal names the backend without its key: idempotency keys of different principals do not meet.
func (b Backend) Principal() string { return b.principal }

// Scopes lists what the backend's key is limited to, as they were given. Nil means that it may do everything.
func (b Backend) Scopes() []string {
	if b.scopes == nil {
		return nil
	}
	return strings.Fields(b.scopes.String())
}

// May returns nil if the backend may do this in ch. It fails with CodeForbidden and a hint that names the scopes of its
// key.
func (b Backend) May(do Action, ch protocol.Channel) error {
	return b.check(do, "in this channel", func(p Pattern) bool { return p.Match(ch) })
}

// Allows reports what May decides, without the words.
func (b Backend) Allows(do Action, ch protocol.Channel) bool {
	return b.principal != "" && b.scopes.allow(do, func(p Pattern) bool { return p.Match(ch) })
}

// MayEverywhere returns nil if the backend may do this in every channel, or do what is about no channel.
func (b Backend) MayEverywhere(do Action) error {
	return b.check(do, "in all channels", Pattern.everything)
}

// MaySomewhere returns nil if there are channels in which the backend may do this. What is about other channels must
// then be kept from it.
func (b Backend) MaySomewhere(do Action) error {
	return b.check(do, "in any channel", func(Pattern) bool { return true })
}

func (b Backend) check(do Action, where string, allows func(Pattern) bool) error {
	switch {
	case b.principal == "":
		return &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "no valid API key", Hint: "Send one, as Authorization: Bearer <key>."}
	case b.scopes.allow(do, allows):
		return nil
	}
	return &protocol.Error{
		Code:   protocol.CodeForbidden,
		Reason: fmt.Sprintf("the API key %q does not have the scope %q %s", b.name, do, where),
		Hint:   fmt.Sprintf("Its scopes are %s. Use another key, or add the scope to this one where the server's keys are listed.", b.scopes),
	}
}

// scope allows one action in the channels of a pattern.
type scope struct {
	action  Action
	pattern Pattern
}

// scopes of one key; nil allows everything.
type scopes []scope

func (s scopes) allow(do Action, in func(Pattern) bool) bool {
	return s == nil || slices.ContainsFunc(s, func(s scope) bool { return s.action == do && in(s.pattern) })
}

func parseScopes(words []string) (scopes, error) {
	var list scopes
	for _, word := range words {
		s, err := parseScope(word)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// errForm does not show the line, which may be a key.
var errForm = fmt.Errorf(`must be the key alone, or a name of letters, digits, "-", "_" and ".", a space, the key, and scopes such as publish=orders/**`)

func parseScope(word string) (scope, error) {
	if word == string(ActionMetrics) {
		everything, err := ParsePattern("**")
		return scope{ActionMetrics, everything}, err
	}
	action, text, _ := strings.Cut(word, "=")
	switch Action(action) {
	case ActionPublish, ActionSubscribe, ActionRead, ActionDocuments, ActionAdmin:
	default:
		return scope{}, errForm // the word may be a key: do not show it
	}
	pattern, err := ParsePattern(text)
	if err == nil && len(pattern.Placeholders()) > 0 {
		err = errors.New("an API key has neither a user nor claims that a placeholder could stand for")
	}
	if err != nil {
		return scope{}, fmt.Errorf("has a bad scope %q: %w", action, err)
	}
	return scope{Action(action), pattern}, nil
}

func looksLikeScope(word string) bool {
	action, _, ok := strings.Cut(word, "=")
	return ok && slices.Contains([]Action{ActionPublish, ActionSubscribe, ActionRead, ActionDocuments, ActionAdmin}, Action(action))
}

func (s scope) String() string {
	if s.action == ActionMetrics {
		return string(s.action)
	}
	return string(s.action) + "=" + s.pattern.String()
}

func (s scopes) String() string {
	words := make([]string, len(s))
	for i := range s {
		words[i] = s[i].String()
	}
	return strings.Join(words, " ")
}

// equal compares what is allowed, whatever the order.
func (s scopes) equal(other scopes) bool {
	a, b := strings.Fields(s.String()), strings.Fields(other.String())
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// everything reports whether the pattern matches every channel.
func (p Pattern) everything() bool { return p.text == "**" }
