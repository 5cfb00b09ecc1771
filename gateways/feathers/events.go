package feathers

import (
	"slices"
	"strings"

	"tidings/protocol"
)

// Event returns what a client hears of a message: the name of an event, and its data. A change of a collection that is
// a service is "<path> created", "… updated", "… patched" or "… removed", with the record. Any other message is the
// event that its publisher named, or, without one, that of its channel's name. It is "" for a message of which such a
// client hears nothing: what the store says to live lists, and a record that left a channel of routes and is there for
// others.
func (s *Services) Event(m *protocol.Message) (name string, data []byte) {
	if m.Extra == nil || m.Extra.Change == 0 {
		if m.Event != "" {
			return m.Event, m.Data
		}
		return string(m.Channel), m.Data
	}
	collection, change, routed := strings.Cut(m.Event, " ")
	if !routed {
		collection, change = strings.TrimPrefix(string(m.Channel), "documents/"), m.Event
	}
	if m.Reset() || m.Extra.Gone && change != "removed" {
		return "", nil
	}
	path := s.paths[collection]
	if path == "" {
		path = collection
	}
	return path + " " + change, appendRecord(nil, m.Data)
}

// Changes are the last changes of documents that one client heard: who is in two channels hears a change once. Its zero
// value is ready. It is for one goroutine.
type Changes struct {
	heard [memory]change
	at    int
}

type change struct {
	number uint64
	event  string
}

// memory is how many changes are remembered. Those that routes send to several channels come close to each other.
const memory = 64

// Heard reports whether the client has heard a message that is a change, and notes that it has now.
func (c *Changes) Heard(m *protocol.Message) bool {
	if m.Extra == nil || m.Extra.Change == 0 {
		return false
	}
	_, name, routed := strings.Cut(m.Event, " ")
	if !routed {
		name = m.Event
	}
	one := change{m.Extra.Change, name}
	if slices.Contains(c.heard[:], one) {
		return true
	}
	c.heard[c.at] = one
	c.at = (c.at + 1) % memory
	return false
}
