package actors

import (
	"slices"
	"tidings/access"
	"tidings/protocol"
)

// Send hands an event to one connection, by its public name, or to those of a page, by the page's own id. A parked one
// hears it when it comes back. It fails with CodeNotFound.
func (b *Bus) Send(connection string, e Sent) (receivers int, err error) {
	list := slices.DeleteFunc(b.named(connection), func(c *Connection) bool { return c.ended.Load() })
	if len(list) == 0 {
		return 0, errNoConnection
	}
	return b.hand(&e, list), nil
}

// Broadcast hands an event to every connection of this node, parked ones included, and returns their number; exact
// reports whether there is no other node.
func (b *Bus) Broadcast(e Sent) (receivers int, exact bool) {
	return b.sendWhere(e, func(access.Identity) bool { return true })
}

// SendUsers hands an event to every connection of some users on this node, as Broadcast does. It walks all connections:
// to send much to a user, publish to a channel of the user's.
func (b *Bus) SendUsers(users []string, e Sent) (receivers int, exact bool) {
	return b.sendWhere(e, func(id access.Identity) bool { return !id.Anonymous() && slices.Contains(users, id.User) })
}

func (b *Bus) sendWhere(e Sent, match func(access.Identity) bool) (receivers int, exact bool) {
	list := slices.DeleteFunc(b.registry.all(), func(c *Connection) bool { return c.ended.Load() || !match(c.Identity()) })
	return b.hand(&e, list), b.alone()
}

// hand hands the event to connections, but to those excluded, and returns their number.
func (b *Bus) hand(e *Sent, list []*Connection) (receivers int) {
	frame := protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeEvent, Event: e.Event, Data: e.Data, Exclude: e.Exclude.Tab})
	but := b.named(e.Exclude.Narrow().Connection)
	for _, c := range list {
		if !slices.Contains(but, c) {
			c.hand(frame)
			receivers++
		}
	}
	return receivers
}

// Sent is an event for connections: no message of a channel.
type Sent struct {
	Event   string
	Data    []byte // compact JSON
	Exclude protocol.Exclude
}
