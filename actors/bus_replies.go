package actors

import (
	"context"
	"tidings/protocol"
	"time"
)

// Reply is one publish with a publish URL instead of a key.
type Reply struct {
	To, Signature  string // the URL's parameters
	Event          string // protocol.ReplyProgress, or ReplyDone or ReplyError, after which nothing can follow
	Data           []byte // compact JSON; the bus keeps it
	IdempotencyKey string // "": none
	Trace          string // W3C trace context; "": none
}

// Reply publishes to a reply channel. It fails with CodeForbidden for parameters that were not given out so, with
// CodeChannelExpired, with CodeChannelClosed after a final reply, with CodeRateLimited above 20 a second, with
// CodeOverloaded if the node holds as many mailboxes as it may, with CodeUnsupported if there are no reply channels,
// and as Publish does.
func (b *Bus) Reply(ctx context.Context, r Reply) (Published, error) {
	if b.cfg.MaxReplies < 0 {
		return Published{}, unsupported("reply channels")
	}
	now := time.Now()
	ch, fault := b.replies.MayPublish(r.To, r.Signature, now)
	if fault != nil {
		return Published{}, fault
	}
	if fault := b.replyBoxes.take(ch, now, b.clock()); fault != nil {
		return Published{}, fault
	}
	last := r.Event != protocol.ReplyProgress
	done, err := b.Publish(ctx, Publish{
		Channel: ch, Data: r.Data, Event: r.Event, IdempotencyKey: r.IdempotencyKey, Trace: r.Trace, Principal: "reply", Last: last,
	})
	if err == nil && last && !done.Duplicate {
		b.replyBoxes.close(ch)
		b.tally.repliesClosed.Add(1)
	}
	return done, err
}
