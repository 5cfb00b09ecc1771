// Package broker defines how nodes hear each other and who numbers the messages. A broker owns epoch, offset, history
// and idempotency; a node keeps at most a cache. The suite in brokertest checks what each implementation must do.
//
//	broker.go      Broker, and what a broker may be besides: Holder, Owned, Pinger, Observed
//	cluster.go     what a broker of several nodes is besides: Cluster, Board, Arbiter, Reach; Checked
//	presence.go    Presence, which a broker may be too
//	record.go      how a message is stored outside of the process
//	brokertest/    the suite that every broker passes
//	memory/        the broker of a single node
package broker

import (
	"context"
	"time"

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
	Extra          *protocol.Extra  // kept with the message, whole; nil: none
	Last           bool             // nothing can follow it: later publishes fail with CodeChannelClosed, as long as the message is in history. Not with Volatile
}

// Receipt is the answer to a Publish. The message is in history before the receipt is returned.
type Receipt struct {
	Position  protocol.Position
	ID        string
	Duplicate bool // the key was used before: the position and id are those of the first publish, and nothing was published now
	Others    int  // subscriptions on other nodes, as they last reported; -1: not known
}

// Sink takes what the broker brings for one channel. Its methods are called one at a time and must not block.
type Sink interface {
	// Message brings a message. Messages may be out of order, repeated or missing: the sink checks offsets.
	Message(m *protocol.Message)
	// Interrupted reports that messages may be missing: the stream broke and is there again, or the broker lost its
	// memory.
	Interrupted()
}

// Broker numbers, keeps and carries the messages of all channels. Its methods may be called from any goroutine. They
// fail with a *protocol.Error:
//
//   - CodeBrokerUnavailable if the broker does not answer,
//   - CodeTimeout if it is unknown whether a publish happened,
//   - CodeIdempotencyConflict for a key that was used with other content,
//   - CodeChannelClosed for a publish after a channel's last message.
type Broker interface {
	// Publish looks up the key, numbers the message, keeps it and sends it on, in one atomic step.
	Publish(ctx context.Context, p Publish) (Receipt, error)
	// History reads the messages strictly after a position, at most limit of them and at most
	// protocol.RecoveryPageBytes but for the first. A zero position asks for the top alone. An unknown channel is made,
	// so that it has an epoch.
	History(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error)
	// Last reads the newest messages, at most limit of them, in order.
	Last(ctx context.Context, ch protocol.Channel, limit int) (core.Page, error)
	// Subscribe brings the channel's messages to sink until stop is called. When it returns without error the broker
	// has confirmed: no message that is numbered later is left out without a call of Interrupted.
	Subscribe(ctx context.Context, ch protocol.Channel, sink Sink) (stop func(), err error)
	// Close ends all subscriptions.
	Close() error
}

// Holdings is what a broker keeps in this process, and what it had to give up.
type Holdings struct {
	Channels, Messages, Bytes int
	MaxChannels               int    // how many channels there may be; 0: no bound
	ChannelsForgotten         uint64 // channels that nobody used: a client that comes back to one is told a gap
	ChannelsRefused           uint64 // new channels for which their owner had no space
	Keys                      int    // idempotency keys
	KeysForgotten             uint64 // keys given up before their time because a channel had too many; a repetition is a second message then
}

// Holder is a broker that can count what it keeps. Holdings walks all channels: call it for a scrape, not for a
// request.
type Holder interface{ Holdings() Holdings }

// Owned is a broker that counts who has made its channels, so that one client cannot use up what all share.
type Owned interface {
	// Claim makes a channel that is not known, and counts it for its owner until it is forgotten: a user, or an
	// address. The owner "" is all clients together of which nothing is known. For a channel that is known it does
	// nothing, whoever made it. It fails with CodeLimitReached if the owner has as many as one may, and with
	// CodeOverloaded if there is no space. It never waits.
	Claim(ch protocol.Channel, owner string) error
}

// Pinger is a broker that can check that it works, for readiness.
type Pinger interface {
	// Ping returns nil if the broker answers.
	Ping(ctx context.Context) error
}

// Doing is how a broker beyond the process is doing. Counters begin with the broker.
type Doing struct {
	Answers       bool   // the last call was answered
	Interruptions uint64 // of the connections that bring messages
	SharedReads   uint64 // of history that another read has served
	Unavailable   uint64 // calls that failed with CodeBrokerUnavailable
	Unknown       uint64 // calls that failed with CodeTimeout: whether they happened is unknown
	// Took is how long calls were under way, by what they did, such as "publish". All that may come are there.
	Took map[string]Timing
}

// TimingBounds are the upper bounds by which a Timing counts.
var TimingBounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
}

// Timing is how long calls took, those that failed included.
type Timing struct {
	Count  uint64
	Sum    time.Duration
	Within [len(TimingBounds)]uint64 // calls that took no longer than the bound at the same place
}

// Add counts a call.
func (t *Timing) Add(took time.Duration) {
	t.Count++
	t.Sum += took
	for i, bound := range TimingBounds {
		if took <= bound {
			t.Within[i]++
		}
	}
}

// Observed is a broker beyond the process that counts how it is doing.
type Observed interface{ Doing() Doing }
