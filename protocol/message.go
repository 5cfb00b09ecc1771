package protocol

import "sync/atomic"

// Message is one message of a channel, numbered by the broker and frozen from then on.
type Message struct {
	Channel  Channel
	Epoch    string
	Offset   uint64
	Prev     uint64 // offset of the message before it in this channel; Offset-1 unless the broker numbers with holes
	PrevTag  string // tag of the message at Prev: tells two pasts apart under one epoch. Between broker and node only; "" is unknown
	Tag      string
	ID       string
	Data     []byte // raw compact JSON, never empty
	Event    string
	SpreadMS uint64 // a receiver that refetches waits a random part of it first; 0: none
	Trace    string // the publish's W3C trace context, see ValidTrace; "": none
	TimeMS   int64  // when the broker numbered it, Unix milliseconds
	Volatile bool   // not numbered, not kept: Offset is 0
	Exclude  Exclude
	Extra    *Extra // nil for most messages

	encoded atomic.Pointer[Encoded]
}

// EventReset is the event of a message of the server's store that cannot say what changed: load anew.
const EventReset = "reset"

// Reset reports whether the message is one of the server's store, with EventReset: it concerns every subscription of
// its channel, whatever its filter.
func (m *Message) Reset() bool { return m.Event == EventReset && m.Extra != nil && m.Extra.Change != 0 }

// Exclude names who shall not get a message. The zero Exclude names nobody.
type Exclude struct {
	Connection string // the public name of one, which is told the message's position in its place. Between broker and node only
	Tab        string // one of the tabs that share a connection, at most MaxTabBytes: the message says so, and its client leaves it out
}

// Narrow returns x with at most one of the two: where a tab is named the connection's other tabs get the message.
func (x Exclude) Narrow() Exclude {
	if x.Tab != "" {
		x.Connection = ""
	}
	return x
}

// Position returns the message's place in its channel.
func (m *Message) Position() Position { return Position{Epoch: m.Epoch, Offset: m.Offset, Tag: m.Tag} }

// Size is what the message counts for in bounded memory: its data, its names and its Extra, in bytes.
func (m *Message) Size() int {
	n := len(m.Data) + len(m.Channel) + len(m.Epoch) + len(m.Tag) + len(m.ID) + len(m.Event) + len(m.Trace)
	return n + len(m.Exclude.Connection) + len(m.Exclude.Tab) + m.Extra.size() + messageOverhead
}

// messageOverhead is the struct, its pointers in the rings and the frame's fixed text, roughly.
const messageOverhead = 192

// Left returns m as it is to those for whom its document is no more, though it is there for others: as if it had been
// removed, with the content before the change. What m says of the document now, and of what the change was, is not in
// it.
func (m *Message) Left() *Message {
	left := &Message{
		Channel: m.Channel, Epoch: m.Epoch, Offset: m.Offset, Prev: m.Prev, PrevTag: m.PrevTag, Tag: m.Tag, ID: m.ID, Data: []byte("null"),
		Event: m.Event, SpreadMS: m.SpreadMS, Trace: m.Trace, TimeMS: m.TimeMS, Volatile: m.Volatile, Exclude: m.Exclude, Extra: &Extra{Gone: true},
	}
	if x := m.Extra; x != nil {
		left.Extra.Change, left.Extra.Txn = x.Change, x.Txn
		if x.Before != nil {
			left.Data = x.Before
		}
	}
	return left
}

// Encoded returns the message's frame for an unfiltered subscription, encoded once however many ask, from any
// goroutine.
func (m *Message) Encoded() *Encoded {
	if e := m.encoded.Load(); e != nil {
		return e
	}
	e := NewEncoded(AppendMessage(nil, m, m.View()), TypeMessage)
	e.Message = m
	if !m.encoded.CompareAndSwap(nil, e) {
		return m.encoded.Load()
	}
	return e
}
