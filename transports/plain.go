package transports

import (
	"slices"
	"strconv"
	"time"

	"tidings/protocol"
)

// plain follows what a plain client was sent, so that the client can be given a cursor.
type plain struct {
	channels []protocol.Channel
	at       []protocol.Position
	unknown  []bool // for each channel: the client named a position that is unknown here, and is to be sent a gap
	answered int    // subscriptions that were answered, with subscribed or error
	failed   *protocol.ServerFrame
	refused  int
}

func newPlain(q *query) *plain {
	p := &plain{channels: q.channels, at: slices.Clone(q.since)}
	if q.unknown {
		p.unknown = slices.Repeat([]bool{true}, len(q.channels))
	}
	return p
}

// follow moves the cursor over a frame, and reports whether it moved.
func (p *plain) follow(e *protocol.Encoded) bool {
	if m := e.Message; m != nil {
		return !m.Volatile && p.move(m.Channel, m.Position())
	}
	f := e.Frame
	if f == nil {
		return false
	}
	switch f.Type {
	case protocol.TypeSubscribed:
		p.answered++
		return p.move(f.Channel, f.Position)
	case protocol.TypePosition:
		return p.move(f.Channel, f.Position)
	case protocol.TypeGap:
		return f.From != nil && p.move(f.Channel, *f.From)
	case protocol.TypeError:
		if f.ID >= 1 && f.ID <= uint64(len(p.channels)) {
			p.answered++
			p.refused++
			p.failed = f
		}
	}
	return false
}

func (p *plain) move(ch protocol.Channel, to protocol.Position) bool {
	i := slices.Index(p.channels, ch)
	if i < 0 || to.IsZero() {
		return false
	}
	p.at[i] = to
	return true
}

// gap returns the frame that must go before e if the client's position was unknown, else nil.
func (p *plain) gap(e *protocol.Encoded) *protocol.Encoded {
	f := e.Frame
	if p.unknown == nil || f == nil || f.Type != protocol.TypeSubscribed {
		return nil
	}
	i := slices.Index(p.channels, f.Channel)
	if i < 0 || !p.unknown[i] {
		return nil
	}
	p.unknown[i] = false
	from := f.Position
	return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeGap, ID: f.ID, Channel: f.Channel, Reason: string(protocol.GapPositionUnknown), From: &from})
}

// appendCursor appends the position of a single channel, or the cursor of several.
func (p *plain) appendCursor(dst []byte) []byte { return protocol.AppendCursor(dst, p.at) }

// cursor returns the cursor as JSON.
func (p *plain) cursor() string { return strconv.Quote(string(p.appendCursor(nil))) }

// plainForm is sseForm with an id on each event that moves the cursor, so that Last-Event-ID resumes.
type plainForm struct{ plain *plain }

func (plainForm) whole(*protocol.Encoded) []byte { return nil }

func (f plainForm) add(dst []byte, e *protocol.Encoded) []byte {
	if gap := f.plain.gap(e); gap != nil {
		dst = append(dst, gap.SSE()...)
	}
	if f.plain.follow(e) {
		dst = append(dst, "id: "...)
		dst = append(f.plain.appendCursor(dst), '\n')
	}
	return append(dst, e.SSE()...)
}

// farewell has an EventSource come back within the time that the frame names, as any other client does: not all at
// once.
func (f plainForm) farewell(last *protocol.Encoded) []byte {
	if last == nil {
		return nil
	}
	if _, after := endOf(last); after > 0 {
		return append(appendRetry(nil, time.Second, after), last.SSE()...)
	}
	return last.SSE()
}
