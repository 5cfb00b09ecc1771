package actors

import (
	"slices"
	"tidings/access"
)

// named returns the connections of this node that a backend calls by name: one by its public name, or all of a page by
// the page's own id.
func (b *Bus) named(name string) []*Connection {
	if access.GoodPageID(name) {
		return b.grants.conns(subject{ofPage, name})
	}
	if c := b.registry.get(name); c != nil {
		return []*Connection{c}
	}
	return nil
}

// goesBy reports whether that is one of the connection's names.
func (c *Connection) goesBy(name string) bool {
	return name != "" && (name == c.id || access.GoodPageID(name) && slices.Contains(c.bus.named(name), c))
}
