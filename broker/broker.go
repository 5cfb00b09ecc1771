// Package broker says how nodes hear each other and who numbers the messages. A broker owns epoch, offset, history and
// idempotency; a node holds at most a cache. The suite in brokertest says what each implementation must do.
package broker

import (
	"context"

	"tidings/core"
	"tidings/protocol"
)

// Publish is one message to number and keep.
type Publish struct {
	Channel        protocol.Channel
	Data           []byte // compact JSON, at most protocol.MaxPayloadBytes; the broker keeps it
	Event          string
	SpreadMS       uint64           // receivers that refetch wait a random part of it; 0: none
	Trace          string           // W3C trace context of the publish, kept with the message; "": none
	Volatile       bool             // deliver to who is there; no number, no history
	IdempotencyKey string           // "": none
	Principal      string           // whose key it is: keys of different principals do not meet
	Exclude        protocol.Exclude // kept with the message: who shall not get it
	Last           bool             // nothing can follow it: later publishes fail with CodeChannelClosed, as long as the message is in history. Not with Volatile
}

// Receipt answers a Publish: the message was in history before it was given.
type Receipt struct {
	Position  protocol.Position
	ID        string
	Duplicate bool // the key was used before: this is the position of then, and nothing was published now
}

// Sink takes what the broker brings for one channel. Its methods are called one at a time and must not block.
type Sink interface {
	// Message brings a message, usually but not surely in order, and not surely at all: the sink checks offsets.
	Message(m *protocol.Message)
	// Interrupted says that messages may be missing: the stream broke and is there again, or the broker lost its memory.
	Interrupted()
}

// Broker numbers, keeps and carries the messages of all channels. Its methods may be called from any goroutine. They fail with a
// *protocol.Error: CodeBrokerUnavailable where the broker does not answer (a publish may or may not have happened then: CodeTimeout),
// CodeIdempotencyConflict for a key that was used with other data.
type Broker interface {
	// Publish looks up the key, numbers, keeps and sends the message on, in one atomic step.
	Publish(ctx context.Context, p Publish) (Receipt, error)
	// History reads the messages strictly after a position, at most limit of them and at most
	// protocol.RecoveryPageBytes but for the first. A zero position asks for the top alone. An unknown channel is made, so that it
	// has an epoch.
	History(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error)
	// Last reads the newest messages, at most limit of them, in order.
	Last(ctx context.Context, ch protocol.Channel, limit int) (core.Page, error)
	// Subscribe brings the channel's messages to sink until stop is called. When it returns without error the broker
	// has confirmed: no message that is numbered later is left out, unless Interrupted says so.
	Subscribe(ctx context.Context, ch protocol.Channel, sink Sink) (stop func(), err error)
	// Close ends all subscriptions.
	Close() error
}

// Holdings is what a broker keeps in this process, and what it had to give up.
type Holdings struct {
	Channels, Messages, Bytes int
	Keys                      int    // idempotency keys
	KeysForgotten             uint64 // of them, given up before their time since a channel had too many: a repetition is a second message then
}

// Holder is a broker that can tell what it holds. It walks all channels: ask it for a scrape.
type Holder interface{ Holdings() Holdings }

// Pinger is a broker that can tell whether it works, for readiness.
type Pinger interface {
	Ping(ctx context.Context) error
}

// Faithful is a broker whose sinks miss nothing, not even a last message, without being told: it shares the node's memory and fate. Positions
// of its channels are compared rarely.
type Faithful interface{ Faithful() }
