package feathers

import (
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
