package actors

import (
	"context"
	"slices"
	"time"

	"tidings/access"
	"tidings/core"
	"tidings/protocol"
)

// exception is who of a shard does not get a message, and what they get in its place, so that their positions are as exact as those of all others.
type exception struct {
	outs  []*core.Outbox
	frame *protocol.Encoded // the message's position; nil for a volatile message, which has none
}

func (x *exception) has(out *core.Outbox) bool { return slices.Contains(x.outs, out) }

// exceptions gives who of this node shall not get m, by their shards' indexes; nil where nobody is here, as for most messages.
func (b *Bus) exceptions(m *protocol.Message) map[int]*exception {
	if m.Exclude.Connection == "" {
		return nil
	}
	var list map[int]*exception
	for _, c := range b.named(m.Exclude.Connection) {
		x := list[c.shard.index]
		if x == nil {
			x = &exception{}
			if !m.Volatile {
				x.frame = positionFrame(m.Channel, "", m.Position())
			}
			if list == nil {
				list = map[int]*exception{}
			}
			list[c.shard.index] = x
		}
		x.outs = append(x.outs, c.out)
	}
	return list
}

// named gives the connections of this node that a backend calls by name: one by its public name, or all of a page by the page's own id.
func (b *Bus) named(name string) []*Connection {
	if access.GoodPageID(name) {
		return b.grants.conns(subject{ofPage, name})
	}
	if c := b.registry.get(name); c != nil {
		return []*Connection{c}
	}
	return nil
}

// goesBy tells whether that is one of the connection's names.
func (c *Connection) goesBy(name string) bool {
	return name != "" && (name == c.id || access.GoodPageID(name) && slices.Contains(c.bus.named(name), c))
}

// lastingName is the connection's page's own id, which the page's next connection has too, or else its public name.
func (s *session) lastingName() string {
	if s.mandate != nil && s.mandate.page.ID != "" {
		return s.mandate.page.ID
	}
	return s.conn.id
}

// excludePatience bounds how long a publish waits to learn whether who it excludes is subscribed.
const excludePatience = 100 * time.Millisecond

// passBy takes the excluded connections out of what a publish is answered with, as far as they are subscribed.
func (b *Bus) passBy(ctx context.Context, p *Publish, out *Published) {
	list := b.named(p.Exclude.Connection)
	if len(list) == 0 || out.Receivers == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, excludePatience)
	defer cancel()
	found, err := b.describe(ctx, list, p.Channel)
	if err != nil {
		return
	}
	for _, d := range found {
		if !d.subscribed || d.recovering || out.Receivers == 0 {
			continue
		}
		out.Filtered++
		out.Receivers--
		switch {
		case d.state == parked:
			out.Parked = max(0, out.Parked-1)
		case d.kind == pollKind:
			out.Polling = max(0, out.Polling-1)
		}
	}
}

// messagesOf counts the messages among the frames of a replay: in the place of one that excludes the connection stands its position.
func messagesOf(frames []*protocol.Encoded) (n uint64) {
	for _, f := range frames {
		if f.Message != nil {
			n++
		}
	}
	return n
}
