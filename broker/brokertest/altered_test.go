package brokertest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"tidings/broker"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/protocol"
)

// start fills w with a memory broker whose parts alter may replace; also the one after a restart.
func start(t *testing.T, w *world, o Options, alter func(*world, *altered)) {
	var ahead atomic.Int64
	a := &altered{cfg: memory.DefaultConfig(), stream: o.Stream}
	a.cfg.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	a.cfg.Stream = func(protocol.Channel) core.StreamConfig { return a.stream }
	w.Wait = func(d time.Duration) { ahead.Add(int64(d)) }
	w.Restart = func() broker.Broker {
		inner := memory.New(a.cfg)
		t.Cleanup(func() { inner.Close() })
		a.good(inner)
		alter(w, a)
		return a
	}
	alter(w, a) // for what it does to the configuration
	w.Broker = w.Restart()
}

// altered is a broker whose methods can be replaced one by one.
type altered struct {
	cfg    memory.Config
	stream core.StreamConfig
	inner  *memory.Broker // nil while only the configuration is there

	onPublish   func(context.Context, broker.Publish) (broker.Receipt, error)
	onHistory   func(context.Context, protocol.Channel, protocol.Position, int) (core.Page, error)
	onLast      func(context.Context, protocol.Channel, int) (core.Page, error)
	onSubscribe func(context.Context, protocol.Channel, broker.Sink) (func(), error)
	onClose     func() error
	onClaim     func(protocol.Channel, string) error
	onAttend    func(context.Context, protocol.Channel, []protocol.Member, []protocol.Member) error
	onMembers   func(context.Context, protocol.Channel, protocol.Member, int) (core.MembersPage, error)
	onWatch     func(context.Context, protocol.Channel, broker.MembersSink) (func(), error)

	attended map[protocol.Channel][]protocol.Member // what a breakage remembers
}

func (a *altered) good(b *memory.Broker) {
	a.inner = b
	a.onPublish, a.onHistory, a.onLast, a.onSubscribe, a.onClose = b.Publish, b.History, b.Last, b.Subscribe, b.Close
	a.onAttend, a.onMembers, a.onWatch = b.Attend, b.Members, b.Watch
	a.onClaim = b.Claim
}

func (a *altered) Publish(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
	return a.onPublish(ctx, p)
}
func (a *altered) History(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
	return a.onHistory(ctx, ch, after, limit)
}
func (a *altered) Last(ctx context.Context, ch protocol.Channel, limit int) (core.Page, error) {
	return a.onLast(ctx, ch, limit)
}
func (a *altered) Subscribe(ctx context.Context, ch protocol.Channel, s broker.Sink) (func(), error) {
	return a.onSubscribe(ctx, ch, s)
}
func (a *altered) Close() error { return a.onClose() }
func (a *altered) Claim(ch protocol.Channel, owner string) error {
	return a.onClaim(ch, owner)
}
func (a *altered) Attend(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
	return a.onAttend(ctx, ch, joined, left)
}
func (a *altered) Members(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
	return a.onMembers(ctx, ch, after, limit)
}
func (a *altered) Watch(ctx context.Context, ch protocol.Channel, s broker.MembersSink) (func(), error) {
	return a.onWatch(ctx, ch, s)
}

// sinkFunc is a sink that is a function.
type sinkFunc func(*protocol.Message)

func (f sinkFunc) Message(m *protocol.Message) { f(m) }
func (f sinkFunc) Interrupted()                {}

// publishing changes what is published before the good broker sees it.
func publishing(change func(*broker.Publish)) func(*world, *altered) {
	return func(_ *world, a *altered) {
		a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
			change(&p)
			return a.inner.Publish(ctx, p)
		}
	}
}

// hearing changes what a sink hears; hand gives it a message.
func hearing(change func(hand func(*protocol.Message)) sinkFunc) func(*world, *altered) {
	return func(_ *world, a *altered) {
		a.onSubscribe = func(ctx context.Context, ch protocol.Channel, s broker.Sink) (func(), error) {
			return a.inner.Subscribe(ctx, ch, change(s.Message))
		}
	}
}

// paging changes the pages that are read.
func paging(change func(p *core.Page, after protocol.Position, limit int)) func(*world, *altered) {
	return func(_ *world, a *altered) {
		a.onHistory = func(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
			p, err := a.inner.History(ctx, ch, after, limit)
			change(&p, after, limit)
			return p, err
		}
		a.onLast = func(ctx context.Context, ch protocol.Channel, limit int) (core.Page, error) {
			p, err := a.inner.Last(ctx, ch, limit)
			change(&p, protocol.Position{}, limit)
			return p, err
		}
	}
}

// asking changes the position that is asked for; all are the messages that the channel keeps.
func asking(change func(after *protocol.Position, top protocol.Position, all []*protocol.Message)) func(*world, *altered) {
	return func(_ *world, a *altered) {
		a.onHistory = func(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
			all, err := a.inner.Last(ctx, ch, 1000)
			if err == nil && !after.IsZero() {
				change(&after, all.Top, all.Messages)
			}
			return a.inner.History(ctx, ch, after, limit)
		}
	}
}

// bounding changes the bounds of the streams.
func bounding(change func(*core.StreamConfig)) func(*world, *altered) {
	return func(_ *world, a *altered) {
		if a.inner == nil {
			change(&a.stream)
		}
	}
}

// changed gives a copy of a frozen message, with other data.
func changed(m *protocol.Message, data []byte) *protocol.Message {
	return &protocol.Message{
		Channel: m.Channel, Epoch: m.Epoch, Offset: m.Offset, Prev: m.Prev, Tag: m.Tag, ID: m.ID,
		Data: data, Event: m.Event, SpreadMS: m.SpreadMS, Trace: m.Trace, TimeMS: m.TimeMS, Volatile: m.Volatile, Exclude: m.Exclude, Extra: m.Extra,
	}
}

// remembering answers a repeated key by itself, whatever else the publish says.
func remembering(key func(broker.Publish) string) func(*world, *altered) {
	return func(_ *world, a *altered) {
		receipts := map[string]broker.Receipt{}
		a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
			r, ok := receipts[key(p)]
			if p.IdempotencyKey == "" || !ok {
				var err error
				if r, err = a.inner.Publish(ctx, p); err == nil && p.IdempotencyKey != "" {
					receipts[key(p)] = r
				}
				return r, err
			}
			r.Duplicate = true
			return r, nil
		}
	}
}
