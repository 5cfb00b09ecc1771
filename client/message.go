package client

import (
	"cmp"
	"encoding/json"
	"time"

	"tidings/protocol"
)

// Message is one message of a channel as its callback gets it.
type Message struct {
	Channel  string
	Data     json.RawMessage   // the payload as it was published; not to be changed
	Event    string            // the publisher's name for the kind of message; "" if it gave none
	ID       string            // the same on each retry of a publish with an idempotency key
	Position protocol.Position // zero where Volatile
	Time     time.Time         // when the broker numbered it
	Spread   time.Duration     // who refetches because of it waits a random part of this first; 0: none
	Trace    string            // the publish's W3C trace context (traceparent), for a span that goes on with it; "": none
	Meta     json.RawMessage   // what the publisher says beside the payload: an object; nil if it said nothing
	Change   *Change           // of a document, if the message is one; nil: it is not
	Scope    string            // protocol.ScopeOut if it takes a document out of what the subscription hears; else ""
	Volatile bool              // not numbered, not kept, not recovered
}

// Change is what a message says of a change of a document in the server's store.
type Change struct {
	Number uint64   // of the change in its store, from 1
	Txn    uint64   // of the store's transaction, which may have made several changes
	Paths  []string // that an update changed, such as "a" and "b.c"; nil for other changes, and if there are more than 100
	// Gone is set if the document was removed: Data is its last content. With a Filter also if the change made the
	// document one that the filter does not match: Data is its content now.
	Gone bool
}

// Decode reads the payload into v, as json.Unmarshal does.
func (m *Message) Decode(v any) error { return json.Unmarshal(m.Data, v) }

func messageOf(m *protocol.Message, epoch string) Message {
	out := Message{
		Channel: string(m.Channel), Data: m.Data, Event: m.Event, ID: m.ID, Spread: time.Duration(m.SpreadMS) * time.Millisecond,
		Time: time.UnixMilli(m.TimeMS), Volatile: m.Volatile, Trace: m.Trace,
	}
	if x := m.Extra; x != nil {
		out.Meta = x.Meta
		if x.Gone {
			out.Scope = protocol.ScopeOut
		}
		if x.Change > 0 {
			out.Change = &Change{Number: x.Change, Txn: cmp.Or(x.Txn, x.Change), Gone: x.Gone}
			if x.Changed != nil {
				_ = json.Unmarshal(x.Changed, &out.Change.Paths)
			}
		}
	}
	if !m.Volatile {
		out.Position = m.Position()
		if out.Position.Epoch == "" {
			out.Position.Epoch = epoch // live messages leave it out
		}
	}
	return out
}

// Gap reports that messages of a channel may be missing: those after Last and up to From. Refetch what the channel
// describes.
type Gap struct {
	Channel string
	Reason  protocol.GapReason
	Last    protocol.Position // up to which everything was handed out; zero if nothing was
	From    protocol.Position // after which the subscription goes on
}

// Page is a stretch of a channel's history.
type Page struct {
	Messages []Message
	Position protocol.Position // the channel's top
	Complete bool              // nothing between Since and the first of Messages has been forgotten
}
