package actors

import (
	"context"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// exception is the one member that does not get a message: what it gets in its place, so that its position is as exact as that of all others.
type exception struct {
	out   *core.Outbox
	frame *protocol.Encoded // its position; nil for a volatile message, which has none
}

// exceptionOf gives who of this node shall not get m, and the shard that it is in; nil where it is not here.
func (b *Bus) exceptionOf(m *protocol.Message) (*exception, *shard) {
	if m.Exclude.Connection == "" {
		return nil, nil
	}
	c := b.registry.get(m.Exclude.Connection)
	if c == nil {
		return nil, nil
	}
	x := &exception{out: c.out}
	if !m.Volatile {
		x.frame = positionFrame(m.Channel, "", m.Position())
	}
	return x, c.shard
}

// excludePatience bounds how long a publish waits to learn whether who it excludes is subscribed.
const excludePatience = 100 * time.Millisecond

// passBy takes the excluded connection out of what a publish is answered with, where it is subscribed.
func (b *Bus) passBy(ctx context.Context, p *Publish, out *Published) {
	c := b.registry.get(p.Exclude.Connection)
	if c == nil || c.ended.Load() || out.Receivers == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, excludePatience)
	defer cancel()
	found, err := b.describe(ctx, []*Connection{c}, p.Channel)
	d, ok := found[c.id]
	if err != nil || !ok || !d.subscribed || d.recovering {
		return
	}
	out.Filtered = 1
	out.Receivers--
	switch {
	case d.state == parked:
		out.Parked = max(0, out.Parked-1)
	case d.kind == pollKind:
		out.Polling = max(0, out.Polling-1)
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
