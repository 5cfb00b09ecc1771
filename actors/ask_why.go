package actors

import (
	"context"
	"fmt"
	"slices"
	"tidings/core"
	"tidings/protocol"
	"time"
)

// Verdict is what became of one message for one connection.
type Verdict string

// The verdicts.
const (
	WhyNotPublished  Verdict = "not_published"       // the channel is not there yet
	WhyNotSubscribed Verdict = "not_subscribed"      // the connection is not, and no record says that it was
	WhyUnsubscribed  Verdict = "unsubscribed"        // the client left the channel
	WhyRefused       Verdict = "refused"             // the subscribe was
	WhyBefore        Verdict = "before_subscription" // the subscription started after the message
	WhyGap           Verdict = "gap"                 // the client was told a gap over it
	WhyRecovering    Verdict = "recovering"          // it is on its way from history
	WhyUnderWay      Verdict = "under_way"           // between the broker and the connection's outbox
	WhyExcluded      Verdict = "excluded"            // the publish named the connection in exclude
	WhyFiltered      Verdict = "filtered"            // no filter of the connection's subscriptions, or of the rules, matches it
	WhyWaiting       Verdict = "waiting"             // in the connection's outbox
	WhyWritten       Verdict = "written"             // to the transport; the client has not yet reported it
	WhyDelivered     Verdict = "delivered"           // written, and reported as received, or forgotten since
	WhyRecovered     Verdict = "recovered"           // the same, with what the subscription recovered from history
	WhySlow          Verdict = "slow_consumer"       // the connection was cut since it read too slowly
	WhyTokenExpired  Verdict = "token_expired"       // the connection was ended since its user's token was over
	WhyEnded         Verdict = "ended"               // the connection has ended
)

// Why is what became of a message for a connection.
type Why struct {
	Verdict  Verdict
	Says     string            // the same for people
	State    string            // of the connection: linked, parked, or ended
	Gateway  protocol.Gateway  // what the connection came through, if it has not ended
	Top      protocol.Position // of the channel
	Records  []Record          // of the connection and of its channel, oldest first, as far as they bear on it
	Trace    string            // of the message, if it had one and is among the channel's newest 256
	Receives bool              // the message has come, or will without the client's doing anything else
}

// Why returns what became of the message at an offset of a channel for one connection: from how both stand now, and
// from the records of what happened to them. It fails with CodeNotFound for a connection that this node knows nothing
// of, and as Connections and History do.
func (b *Bus) Why(ctx context.Context, connection string, ch protocol.Channel, offset uint64) (Why, error) {
	q := inquiry{ch: ch, offset: offset}
	c := b.registry.get(connection)
	q.records = b.chronicle.connection(connection)
	if c == nil && len(q.records) == 0 {
		return Why{}, errNoConnection
	}
	top, err := b.top(ctx, ch)
	if err != nil {
		return Why{}, err
	}
	q.top = top
	m, err := b.message(ctx, ch, offset)
	if err != nil {
		return Why{}, err
	}
	q.excluded = connection == m.Exclude.Connection || c != nil && c.goesBy(m.Exclude.Connection)
	if c != nil {
		found, err := b.describe(ctx, []*Connection{c}, ch)
		if err != nil {
			return Why{}, err
		}
		q.now, q.there = found[connection]
		q.filtered = len(m.Data) > 0 && q.now.subscribed && !q.now.concerned(m)
		q.stage = c.out.Find(ch, offset)
	}
	if e := b.router.find(ch); e != nil {
		q.busy = e.traffic.Len() > 0 || !b.alone() && b.behind(ctx, e, protocol.Position{Epoch: top.Epoch, Offset: offset})
	}
	if !q.there {
		q.records = b.chronicle.connection(connection) // it may have ended just now
	}
	q.records = bearing(q.records, ch)
	q.channel = b.chronicle.channel(ch)
	w := q.answer()
	w.Trace = m.Trace
	w.Top, w.State, w.Records = top, "ended", append(q.records, q.channel...)
	if q.there {
		w.State, w.Gateway = b.info(c, q.now).State, c.via
	}
	return w, nil
}

// behindPatience is how long a channel has to say where it is. One that has just ended does not answer.
const behindPatience = time.Second

// behind reports whether a channel of this node has not come to a position yet that the broker has given out: with
// several nodes a message can have its number and not be here.
func (b *Bus) behind(ctx context.Context, e *entry, at protocol.Position) bool {
	reply := make(chan protocol.Position, 1)
	b.send(e.pid, whereAt{reply})
	ctx, cancel := context.WithTimeout(ctx, behindPatience)
	defer cancel()
	select {
	case here := <-reply:
		return here.Epoch != at.Epoch || here.Offset < at.Offset
	case <-ctx.Done():
		return false
	}
}

// bearing returns the records that are about a channel, or about the connection as a whole.
func bearing(records []Record, ch protocol.Channel) []Record {
	kept := records[:0]
	for _, r := range records {
		if r.Channel == "" || r.Channel == ch {
			kept = append(kept, r)
		}
	}
	return kept
}

// inquiry is what is known when a Why is answered.
type inquiry struct {
	ch       protocol.Channel
	offset   uint64
	top      protocol.Position
	there    bool // the connection has not ended
	now      description
	stage    core.Stage
	excluded bool     // the message is not for it
	filtered bool     // nor does a filter of its subscriptions match it
	busy     bool     // something is on its way through the channel
	records  []Record // of the connection, oldest first
	channel  []Record
}

func (q *inquiry) answer() Why {
	says := func(v Verdict, receives bool, format string, args ...any) Why {
		return Why{Verdict: v, Says: fmt.Sprintf(format, args...), Receives: receives}
	}
	switch gap, gapped := q.gap(); {
	case q.offset > q.top.Offset:
		return says(WhyNotPublished, false, "The channel has %d messages in this epoch: there is no message %d yet.", q.top.Offset, q.offset)
	case q.excluded:
		return says(WhyExcluded, false, "The publish excluded this connection: in the message's place it was, or will be, told its position.")
	case q.stage == core.Waiting:
		return says(WhyWaiting, true, "It waits in the connection's outbox for its transport.")
	case q.stage == core.Written:
		return says(WhyWritten, true, "It was written to the transport; the client has not yet reported it as received.")
	case gapped:
		return says(WhyGap, false, "The client was told a gap over it (%s): it goes on after message %d.", gap.Code, gap.From)
	case !q.there:
		return q.gone()
	case !q.now.subscribed:
		return q.outside()
	case q.filtered:
		return says(WhyFiltered, false, "The subscription's filter, its scope, or the filter of the channel's rule leaves it out: the client is told the position after some more such messages, or after five seconds.")
	case q.now.recovering:
		return says(WhyRecovering, true, "The subscription recovers from history; the message comes with that.")
	case q.offset <= q.now.from:
		return says(WhyBefore, false, "The subscription started after message %d.", q.now.from)
	case q.busy:
		return says(WhyUnderWay, true, "The channel has messages under way to its subscribers: ask again.")
	}
	if r, ok := q.recovered(); ok {
		return says(WhyRecovered, true, "It came from history when the subscription recovered at %s, after message %d.", time.UnixMilli(r.AtMS).UTC().Format(time.RFC3339), r.From)
	}
	return says(WhyDelivered, true, "It was written, and the client has reported it as received, or took so much since that it is not kept any more.")
}

// gap returns the last gap that the client was told over the message.
func (q *inquiry) gap() (found Record, ok bool) {
	for _, list := range [][]Record{q.channel, q.records} {
		for _, r := range list {
			if r.What == RecordGap && r.Epoch == q.top.Epoch && r.Channel == q.ch && r.Last < q.offset && q.offset <= r.From {
				found, ok = r, true
			}
		}
	}
	return found, ok
}

// recovered returns the recovery that the message came with.
func (q *inquiry) recovered() (Record, bool) {
	for _, r := range slices.Backward(q.records) {
		if r.What == RecordRecovered && r.Epoch == q.top.Epoch && r.Channel == q.ch && r.From < q.offset && q.offset <= r.To {
			return r, true
		}
	}
	return Record{}, false
}

// gone is the answer for a connection that has ended.
func (q *inquiry) gone() Why {
	for i := len(q.records) - 1; i >= 0; i-- {
		r := q.records[i]
		if r.What != RecordEnded {
			continue
		}
		if r.Code == string(protocol.CodeSlowConsumer) {
			return Why{Verdict: WhySlow, Says: "The connection was cut because its client read too slowly; on a new one it recovers from history."}
		}
		if r.Code == string(protocol.CodeTokenExpired) {
			return Why{Verdict: WhyTokenExpired, Says: "The connection was ended because its user's token had expired and no other was sent; with a new token it recovers from history."}
		}
		if r.Code != "" {
			return Why{Verdict: WhyEnded, Says: "The connection has ended with " + r.Code + "; on a new one its client recovers from history."}
		}
	}
	return Why{Verdict: WhyEnded, Says: "The connection has ended: its client said goodbye, or was a plain one that left."}
}

// outside is the answer for a connection that is not subscribed.
func (q *inquiry) outside() Why {
	for i := len(q.records) - 1; i >= 0; i-- {
		switch r := q.records[i]; {
		case r.Channel != q.ch:
		case r.What == RecordRefused:
			return Why{Verdict: WhyRefused, Says: "The connection is not subscribed: its subscribe was refused with " + r.Code + "."}
		case r.What == RecordRevoked && r.Code == string(protocol.CodeRemoved):
			return Why{Verdict: WhyUnsubscribed, Says: "The connection is not subscribed: the server had put it in the channel, and took it out again."}
		case r.What == RecordRevoked:
			return Why{Verdict: WhyRefused, Says: "The connection is not subscribed: its subscription was ended with " + r.Code + ", since the rules or the user's token changed."}
		case r.What == RecordUnsubscribed:
			return Why{Verdict: WhyUnsubscribed, Says: "The connection is not subscribed: its client unsubscribed."}
		}
	}
	return Why{Verdict: WhyNotSubscribed, Says: "The connection is not subscribed to the channel."}
}

// message returns a message, one that says nothing if it is not among the newest.
func (b *Bus) message(ctx context.Context, ch protocol.Channel, offset uint64) (*protocol.Message, error) {
	page, err := b.History(ctx, ch, protocol.Position{}, protocol.MaxHistoryLimit)
	for _, m := range page.Messages {
		if m.Offset == offset {
			return m, err
		}
	}
	return &protocol.Message{}, err
}
