package kuzzle

import (
	"strings"
	"time"

	"tidings/protocol"
)

// room is what one client subscribed to: a filter in a collection, with each scope that it asked for.
type room struct {
	id     string // the filter's, which the bus gives the room
	place  protocol.Channel
	scopes map[string]*hearing // by scope
}

// hearing is one native subscription of a client.
type hearing struct {
	room    *room
	scope   string
	live    bool // the bus has it
	watched bool // … and tells who comes and goes
	// channels are what the client calls it: one for each of its wishes to hear of users.
	channels []*channel
	waiting  []*request // for the bus's answer, with their channels
}

// channel is a subscription as the client knows it.
type channel struct {
	name  string
	users string
	ping  uint64    // the client listens once it answered this one; 0: it does
	until time.Time // … or is taken to listen at this time
}

// native is the name that the bus gave a hearing.
func (h *hearing) native() string { return nativeRoom(h.room.id, h.scope) }

func nativeRoom(id, scope string) string {
	if scope == protocol.ScopeAll {
		return id
	}
	return id + "." + scope
}

// channelName returns the name of a channel: the room, and a digit for each option. The one in the middle is that
// of "propagate", which no client of a socket can ask for. Unlike Kuzzle's, none has a digit of its own.
func channelName(id, users, scope string) string {
	return id + "-" + digit(users) + "1" + digit(scope)
}

func digit(option string) string {
	switch option {
	case protocol.ScopeAll:
		return "1"
	case protocol.ScopeIn:
		return "2"
	case protocol.ScopeOut:
		return "3"
	}
	return "4"
}

// splitRoom returns the id of a native room, and its scope.
func splitRoom(native string) (id, scope string) {
	id, scope, ok := strings.Cut(native, ".")
	if !ok {
		scope = protocol.ScopeAll
	}
	return id, scope
}

// usersOf are the wishes to hear of users, in the order of their digits.
var usersOf = [...]string{protocol.ScopeAll, protocol.ScopeIn, protocol.ScopeOut, protocol.ScopeNone}

func (h *hearing) channelFor(users string) *channel {
	for _, c := range h.channels {
		if c.users == users {
			return c
		}
	}
	c := &channel{name: channelName(h.room.id, users, h.scope), users: users}
	h.channels = append(h.channels, c)
	return c
}
