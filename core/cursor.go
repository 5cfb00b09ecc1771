package core

import "tidings/protocol"

// Cursor is a client's place in a channel and its continuity check (SPEC.md section 7). Epoch, offset and tag move
// together.
type Cursor struct {
	omit Mechanism // of the client, by the simulator only
	pos  protocol.Position
	ids  *Window // made with the first message; survives gaps and changes of epoch
}

// Verdict is what a cursor says of a message.
type Verdict int

const (
	Deliver  Verdict = iota // it follows: hand it out, then call Moved
	Repeated                // it was handed out before, or its place was passed: drop it
	Seen                    // it follows, but its id was handed out before, under another position: do not hand it out, call Moved
	Missing                 // messages are missing before it: drop it, and subscribe again from the cursor
)

// Position is the place up to which everything was handed out, skipped or told as a gap; zero before the first
// Subscribed.
func (c *Cursor) Position() protocol.Position { return c.pos }

// Check judges a message. A live message has no epoch of its own: it is that of the cursor.
func (c *Cursor) Check(m *protocol.Message) Verdict {
	switch {
	case m.Volatile:
		return Deliver
	case c.omit.Has(ClientContiguity):
	case c.pos.IsZero(), m.Epoch != "" && m.Epoch != c.pos.Epoch:
		return Missing
	case m.Offset <= c.pos.Offset:
		return Repeated
	case m.Prev > c.pos.Offset:
		return Missing
	}
	if c.ids == nil {
		c.ids = NewWindow(protocol.RecentIDs)
	}
	if c.ids.Seen(m.ID) && !c.omit.Has(IDWindow) {
		return Seen
	}
	return Deliver
}

// Moved puts the cursor on m, after its callback returned.
func (c *Cursor) Moved(m *protocol.Message) {
	if !m.Volatile {
		c.pos.Offset, c.pos.Tag = m.Offset, m.Tag
	}
}

// Subscribed takes the server's answer to a subscribe from the cursor (or from the top, where there is none). It gives
// the gap to tell the application where the server did not recover what was asked for; told says that a gap frame with
// the same id came before it.
func (c *Cursor) Subscribed(at protocol.Position, recovered, told bool) *Gap {
	last := c.pos
	c.pos = at
	if last.IsZero() || told || recovered && at == last {
		return nil
	}
	return &Gap{Reason: protocol.GapUnrecovered, Last: last, From: at}
}

// Gapped goes on from a position that the server named in a gap. It gives the gap to tell.
func (c *Cursor) Gapped(reason protocol.GapReason, from protocol.Position) *Gap {
	g := &Gap{Reason: reason, Last: c.pos, From: from}
	c.pos = from
	return g
}

// Skipped moves the cursor over messages that a filter did not match. It answers false if the position is not of the
// cursor's epoch: subscribe again.
func (c *Cursor) Skipped(to protocol.Position) bool {
	if to.Epoch != c.pos.Epoch {
		return false
	}
	if to.Offset > c.pos.Offset {
		c.pos = to
	}
	return true
}
