package actors

import (
	"context"
	"slices"
	"tidings/actors/fanout"
	"tidings/actors/ground"
	"tidings/broker"
	"tidings/protocol"
	"time"
)

// Publish is one message to number, keep and deliver.
type Publish struct {
	Channel        protocol.Channel
	Data           []byte           // compact JSON, at most protocol.MaxPayloadBytes; the bus keeps it
	Event          string           // the publisher's own name for the kind of message, "" for none
	SpreadMS       uint64           // receivers that refetch wait a random part of it first, at most protocol.MaxSpreadMS; 0: none
	Trace          string           // W3C trace context, kept with the message; "": none
	Volatile       bool             // deliver to who is there: no number, no history, no recovery
	IdempotencyKey string           // "": none
	Principal      string           // whose key it is: keys of different principals do not meet
	Exclude        protocol.Exclude // who shall not get it, here and in a recovery; history has it
	Extra          *protocol.Extra  // what it has beside its data; nil: none. The bus keeps it
	Last           bool             // nothing can follow it in the channel
}

// Published is the answer to a Publish: the message is in the channel's history, and on its way to each subscriber.
type Published struct {
	Position       protocol.Position
	ID             string
	Duplicate      bool // the key was used before: this is the answer of then, and nothing was published now
	Receivers      int  // subscriptions that are live now and not excluded, on all nodes, as the others reported last
	Others         int  // of them, on other nodes; 0 if the broker does not count them
	Parked         int  // of those of this node, without a transport: the message waits for them
	Polling        int  // of those of this node, on long-poll
	Filtered       int  // other subscriptions of this node: the excluded one, which it passes by, and those with a filter, which may hear it
	ReceiversExact bool // there is no other node, and nobody has a filter
}

// Publish returns a message its position in a channel; delivery follows. It fails with CodeTooLarge above
// protocol.MaxPayloadBytes or what the channel's rule says, with CodeIdempotencyConflict for a key that was used with
// other data, with CodeOverloaded if too many publishes wait for the broker, or if the channel's messages have come
// faster than they can be delivered for a second, with CodeBrokerUnavailable, with CodeTimeout if the outcome is
// unknown, and with CodeShuttingDown after Stop.
func (b *Bus) Publish(ctx context.Context, p Publish) (Published, error) {
	if len(p.Data) > protocol.MaxPayloadBytes {
		return Published{}, &protocol.Error{Code: protocol.CodeTooLarge, Reason: "data is longer than 64 KiB", Hint: "Publish a reference, and let the client fetch the rest."}
	}
	if err := p.Extra.Check(); err != nil {
		return Published{}, err
	}
	if limits, _ := b.policy.Load().Limits(p.Channel); limits.Payload > 0 && len(p.Data) > limits.Payload {
		return Published{}, errPayload
	}
	return b.publish(ctx, p, publishPatience)
}

// publish waits for at most patience if the channel's messages come faster than they are delivered.
func (b *Bus) publish(ctx context.Context, p Publish, patience time.Duration) (Published, error) {
	p.Exclude = p.Exclude.Narrow()
	if Pressure(b.pressure.Load()) >= Full {
		return Published{}, errMemory
	}
	if b.publishing.Add(1) > int64(b.cfg.MaxPendingPublishes) {
		b.publishing.Add(-1)
		return Published{}, errBusy
	}
	defer b.publishing.Add(-1)
	out := Published{ReceiversExact: b.alone()}
	if e := b.router.find(p.Channel); e != nil {
		if !e.reserve(ctx, patience) {
			return Published{}, errAhead
		}
		defer e.traffic.Done(1)
		all, parked, polling, partial := e.reach() // before: who has heard it may be gone when it is answered
		out.Receivers, out.Parked, out.Polling, out.Filtered = all-partial, parked, polling, partial
		out.ReceiversExact = out.ReceiversExact && partial == 0
	}
	var receipt broker.Receipt
	err := b.callWith(ctx, func(ctx context.Context) (err error) {
		receipt, err = b.broker.Publish(ctx, broker.Publish(p))
		return err
	})
	if err != nil {
		return Published{}, b.failure(err, errTimeout)
	}
	if receipt.Duplicate {
		b.tally.deduplicated.Add(1)
	} else {
		b.tally.published.Add(1)
	}
	out.Position, out.ID, out.Duplicate = receipt.Position, receipt.ID, receipt.Duplicate
	if p.Exclude.Connection != "" {
		b.passBy(ctx, &p, &out)
	}
	out.Others = max(0, receipt.Others)
	out.Receivers += out.Others
	if b.tails.n.Load() > 0 && !out.Duplicate {
		b.tails.tell(Seen{Channel: p.Channel, Position: out.Position, ID: out.ID, Event: p.Event, Trace: p.Trace, Data: p.Data, Volatile: p.Volatile})
	}
	return out, nil
}

// Publishers slow down to what their channel's subscribers can be given, lest history fall behind and all of them be
// told a gap.
const (
	maxPublishing   = fanout.MaxInFlight * 3 / 4 // the rest is for what other nodes publish, and for answers
	publishPatience = time.Second
	clientPatience  = 100 * time.Millisecond // a client's publish holds one of maxAnswers goroutines meanwhile
)

// reserve takes a place among what is in flight, if there is one before patience is over. finished gives it back.
func (e *entry) reserve(ctx context.Context, patience time.Duration) bool {
	for start := time.Now(); ; {
		if e.traffic.Try(maxPublishing) {
			return true
		}
		if time.Since(start) >= patience || !ground.Pause(ctx, time.Millisecond) {
			return false
		}
	}
}

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
		if !slices.Contains(d.hears, nil) {
			continue // it counts as filtered already
		}
		out.Filtered++
		out.Receivers--
		switch {
		case d.state == sessionParked:
			out.Parked = max(0, out.Parked-1)
		case d.kind == pollKind:
			out.Polling = max(0, out.Polling-1)
		}
	}
}

// excludePatience bounds how long a publish waits to learn whether who it excludes is subscribed.
const excludePatience = 100 * time.Millisecond

var errAhead = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "messages come faster than the channel's subscribers can be given them", Hint: "Publish more slowly; repeat this one with the same idempotency key."}
