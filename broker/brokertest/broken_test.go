package brokertest

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

// TestBrokenBrokersAreCaught breaks a good broker, one promise at a time, and shows that a check finds it. Each check
// finds at least one that is broken; or it proves nothing.
func TestBrokenBrokersAreCaught(t *testing.T) {
	caught := map[string]bool{}
	for _, b := range slices.Concat(broken, brokenPresence, brokenExtra, brokenClusters) {
		for _, name := range b.caughtBy {
			caught[name] = true
			t.Run(b.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				if err := verdict(t, name, time.Second, b); err == nil {
					t.Errorf("the check %q did not notice that %s", name, b.name)
				}
			})
		}
	}
	for _, c := range checks {
		if !caught[c.name] {
			t.Errorf("no broken broker is caught by the check %q", c.name)
		}
	}
}

func TestGoodBrokerPasses(t *testing.T) {
	for _, c := range checks {
		if err := verdict(t, c.name, patience, breakage{breakIt: func(*world, *altered) {}}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// verdict runs one check against a memory broker that is broken, and returns what it says.
func verdict(t *testing.T, name string, patience time.Duration, b breakage) error {
	t.Helper()
	for _, c := range checks {
		if c.name != name {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var r verdictReporter
		done := make(chan struct{})
		go func() {
			defer close(done)
			w := newWorld(ctx, &r, Fixture{})
			switch {
			case b.breakNodes != nil:
				startShared(t, w, c.options(), b.breakNodes)
			case c.cluster:
				startShared(t, w, c.options(), func(*alteredNode) {})
			default:
				start(t, w, c.options(), b.breakIt)
			}
			if b.spoil != nil {
				b.spoil(w)
			}
			c.run(w)
		}()
		<-done
		return r.err
	}
	t.Fatalf("there is no check %q", name)
	return nil
}

type verdictReporter struct{ err error }

func (r *verdictReporter) Helper() {}
func (r *verdictReporter) Fatalf(format string, args ...any) {
	r.err = fmt.Errorf(format, args...)
	runtime.Goexit()
}

// breakage is one way to break a good broker, and the checks that find it.
type breakage struct {
	name     string
	breakIt  func(*world, *altered)
	caughtBy []string

	breakNodes func(*alteredNode) // instead of breakIt, for nodes that share a broker
	spoil      func(*world)       // what is wrong with the fixture; nil for nothing
}

var broken = []breakage{
	{
		name: "a broker of several nodes does not report it", caughtBy: []string{"a broker that nodes share reports it"},
		breakIt: func(w *world, _ *altered) { w.Peer = w.Restart },
	},
	{
		name: "a known channel is refused to others", caughtBy: []string{"a claim makes what is unknown, and nothing else"},
		breakIt: func(_ *world, a *altered) {
			a.onClaim = func(ch protocol.Channel, owner string) error {
				if owner == "user two" {
					return &protocol.Error{Code: protocol.CodeLimitReached}
				}
				return a.inner.Claim(ch, owner)
			}
		},
	},
	{
		name: "an unused channel has no epoch", caughtBy: []string{"an unused channel has an epoch"},
		breakIt: paging(func(p *core.Page, _ protocol.Position, _ int) {
			if p.Top.Offset == 0 {
				p.Top = protocol.Position{}
			}
		}),
	}, {
		name: "all tags are equal", caughtBy: []string{"messages are numbered"},
		breakIt: func(_ *world, a *altered) { a.cfg.Random = func() uint64 { return 5 } },
	}, {
		name: "data is parsed and written anew", caughtBy: []string{"content is kept intact"},
		breakIt: publishing(func(p *broker.Publish) {
			var v any
			if json.Unmarshal(p.Data, &v) == nil {
				p.Data, _ = json.Marshal(v)
			}
		}),
	}, {
		name: "who is excluded is forgotten", caughtBy: []string{"content is kept intact"},
		breakIt: publishing(func(p *broker.Publish) { p.Exclude = protocol.Exclude{} }),
	}, {
		name: "the caller's buffer is kept", caughtBy: []string{"buffers of the caller are not kept"},
		breakIt: func(_ *world, a *altered) {
			var kept []byte
			a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
				kept = p.Data
				return a.inner.Publish(ctx, p)
			}
			a.onHistory = func(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
				p, err := a.inner.History(ctx, ch, after, limit)
				for i, m := range p.Messages {
					p.Messages[i] = changed(m, kept)
				}
				return p, err
			}
		},
	}, {
		name: "sinks hear by prefix", caughtBy: []string{"channels do not meet"},
		breakIt: func(_ *world, a *altered) {
			a.onSubscribe = func(ctx context.Context, ch protocol.Channel, s broker.Sink) (func(), error) {
				if _, err := a.inner.Subscribe(ctx, ch+"x", s); err != nil {
					return nil, err
				}
				return a.inner.Subscribe(ctx, ch, s)
			}
		},
	}, {
		name: "history lags behind the receipt", caughtBy: []string{"a published message is in history"},
		breakIt: func(_ *world, a *altered) {
			a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
				late := p
				time.AfterFunc(time.Millisecond, func() { a.inner.Publish(ctx, late) })
				p.Volatile = true
				return a.inner.Publish(ctx, p)
			}
		},
	}, {
		name: "volatile messages are numbered", caughtBy: []string{"volatile messages are neither numbered nor kept"},
		breakIt: publishing(func(p *broker.Publish) { p.Volatile = false }),
	}, {
		name: "replay includes the cursor (>= for >)", caughtBy: []string{"history is read after a position", "pages are bounded"},
		breakIt: asking(func(after *protocol.Position, top protocol.Position, all []*protocol.Message) {
			for i, m := range all {
				if m.Position() == *after && i > 0 {
					*after = all[i-1].Position()
					return
				}
			}
		}),
	}, {
		name: "the epoch is not compared", caughtBy: []string{"a foreign position is lost", "a restart that lost its memory is a new epoch"},
		breakIt: asking(func(after *protocol.Position, top protocol.Position, _ []*protocol.Message) { after.Epoch = top.Epoch }),
	}, {
		name: "the tag is not compared", caughtBy: []string{"a foreign position is lost", "history is bounded by age"},
		breakIt: asking(func(after *protocol.Position, top protocol.Position, all []*protocol.Message) {
			if after.Offset == top.Offset {
				after.Tag = top.Tag
			}
			for _, m := range all {
				if m.Offset == after.Offset {
					after.Tag = m.Tag
				}
			}
		}),
	}, {
		name: "a position ahead is the top", caughtBy: []string{"a foreign position is lost"},
		breakIt: asking(func(after *protocol.Position, top protocol.Position, _ []*protocol.Message) {
			if after.Epoch == top.Epoch && after.Offset > top.Offset {
				*after = top
			}
		}),
	}, {
		name:     "what is left of history is given as the whole",
		caughtBy: []string{"history is bounded by count", "history is bounded by bytes", "without history only the top recovers"},
		breakIt: asking(func(after *protocol.Position, top protocol.Position, all []*protocol.Message) {
			switch {
			case after.Epoch != top.Epoch:
			case len(all) > 0 && after.Offset < all[0].Offset:
				*after = all[0].Position()
			case len(all) == 0:
				*after = top
			}
		}),
	}, {
		name: "pages have no bytes' bound", caughtBy: []string{"pages are bounded"},
		breakIt: func(_ *world, a *altered) {
			a.onHistory = func(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
				p, err := a.inner.History(ctx, ch, after, limit)
				for err == nil && len(p.Messages) > 0 && len(p.Messages) < limit {
					q, err := a.inner.History(ctx, ch, p.Messages[len(p.Messages)-1].Position(), limit-len(p.Messages))
					if err != nil || len(q.Messages) == 0 {
						break
					}
					p.Messages = append(p.Messages, q.Messages...)
				}
				return p, err
			}
		},
	}, {
		name: "the top of a page is the page's", caughtBy: []string{"pages are bounded"},
		breakIt: paging(func(p *core.Page, _ protocol.Position, _ int) {
			if n := len(p.Messages); n > 0 {
				p.Top = p.Messages[n-1].Position()
			}
		}),
	}, {
		name: "last gives the oldest", caughtBy: []string{"the last messages"},
		breakIt: func(_ *world, a *altered) {
			a.onLast = func(ctx context.Context, ch protocol.Channel, limit int) (core.Page, error) {
				p, err := a.inner.Last(ctx, ch, 1000)
				p.Messages = p.Messages[:min(limit, len(p.Messages))]
				return p, err
			}
		},
	},
	{name: "history keeps one too many", breakIt: bounding(func(c *core.StreamConfig) { c.MaxMessages++ }), caughtBy: []string{"history is bounded by count"}},
	{name: "history keeps one too few", breakIt: bounding(func(c *core.StreamConfig) { c.MaxMessages-- }), caughtBy: []string{"history is bounded by count"}},
	{name: "history has no bytes' bound", breakIt: bounding(func(c *core.StreamConfig) { c.MaxBytes *= 10 }), caughtBy: []string{"history is bounded by bytes"}},
	{name: "history never grows old", breakIt: bounding(func(c *core.StreamConfig) { c.MaxAge *= 10 }), caughtBy: []string{"history is bounded by age"}},
	{name: "keys never expire", breakIt: bounding(func(c *core.StreamConfig) { c.IdempotencyTTL *= 10 }), caughtBy: []string{"a key expires"}},
	{name: "keys are forgotten", breakIt: bounding(func(c *core.StreamConfig) { c.MaxIdempotencyKeys = 0 }), caughtBy: []string{
		"a repeated key gets the same answer", "a key outlives its message", "parallel publishes of one key are one", "a volatile message's key works", "a key with other content conflicts",
	}},
	{
		name: "the key is looked up before the step, not in it", caughtBy: []string{"parallel publishes of one key are one"},
		breakIt: func(_ *world, a *altered) {
			var mu sync.Mutex
			receipts := map[string]broker.Receipt{}
			a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
				mu.Lock()
				r, ok := receipts[p.IdempotencyKey]
				mu.Unlock()
				if ok {
					return r, nil
				}
				runtime.Gosched()
				time.Sleep(time.Millisecond)
				key := p.IdempotencyKey
				p.IdempotencyKey = ""
				r, err := a.inner.Publish(ctx, p)
				mu.Lock()
				defer mu.Unlock()
				receipts[key] = r
				return r, err
			}
		},
	},
	{name: "a key is compared without its content", breakIt: remembering(func(p broker.Publish) string {
		return string(p.Channel) + "\x00" + p.Principal + "\x00" + p.IdempotencyKey
	}), caughtBy: []string{"a key with other content conflicts"}},
	{name: "a key is compared with who is excluded", breakIt: func(_ *world, a *altered) {
		first := map[string]protocol.Exclude{}
		a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
			if but, ok := first[p.IdempotencyKey]; ok && p.IdempotencyKey != "" && but != p.Exclude {
				return broker.Receipt{}, &protocol.Error{Code: protocol.CodeIdempotencyConflict}
			}
			first[p.IdempotencyKey] = p.Exclude
			return a.inner.Publish(ctx, p)
		}
	}, caughtBy: []string{"a repeated key gets the same answer"}},
	{name: "keys of all principals meet", breakIt: publishing(func(p *broker.Publish) { p.Principal = "" }), caughtBy: []string{"keys of others do not meet"}},
	{name: "keys of all channels meet", breakIt: remembering(func(p broker.Publish) string { return p.Principal + "\x00" + p.IdempotencyKey }), caughtBy: []string{"keys of others do not meet"}},
	{name: "principal and key are joined", breakIt: publishing(func(p *broker.Publish) {
		if p.IdempotencyKey != "" {
			p.Principal, p.IdempotencyKey = "", p.Principal+p.IdempotencyKey
		}
	}), caughtBy: []string{"keys of others do not meet"}},
	{name: "principal and key are joined by a colon", breakIt: publishing(func(p *broker.Publish) {
		if p.IdempotencyKey != "" {
			p.Principal, p.IdempotencyKey = "", p.Principal+":"+p.IdempotencyKey
		}
	}), caughtBy: []string{"keys of others do not meet"}},
	{name: "a last message is one like others", breakIt: publishing(func(p *broker.Publish) { p.Last = false }), caughtBy: []string{"nothing follows a last message"}},
	{
		name: "whether the channel is closed is asked before the key", caughtBy: []string{"nothing follows a last message"},
		breakIt: func(_ *world, a *altered) {
			closed := map[protocol.Channel]bool{}
			a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
				if closed[p.Channel] {
					return broker.Receipt{}, &protocol.Error{Code: protocol.CodeChannelClosed}
				}
				closed[p.Channel] = p.Last
				return a.inner.Publish(ctx, p)
			}
		},
	},
	{
		name: "sinks hear out of order", caughtBy: []string{"sinks hear in order"},
		breakIt: hearing(func(hand func(*protocol.Message)) sinkFunc {
			var late *protocol.Message
			return func(m *protocol.Message) {
				switch {
				case m.Offset%10 == 3:
					late = m
				case late != nil:
					hand(m)
					hand(late)
					late = nil
				default:
					hand(m)
				}
			}
		}),
	}, {
		name: "sinks miss a message", caughtBy: []string{"sinks hear in order"},
		breakIt: hearing(func(hand func(*protocol.Message)) sinkFunc {
			return func(m *protocol.Message) {
				if m.Offset != 100 {
					hand(m)
				}
			}
		}),
	}, {
		name: "subscribe returns before it is confirmed", caughtBy: []string{"subscribe is confirmed"},
		breakIt: func(_ *world, a *altered) {
			a.onSubscribe = func(ctx context.Context, ch protocol.Channel, s broker.Sink) (func(), error) {
				time.AfterFunc(5*time.Millisecond, func() { a.inner.Subscribe(ctx, ch, s) })
				return func() {}, nil
			}
		},
	}, {
		name: "stop does nothing", caughtBy: []string{"stop stops", "stop waits for the message in hand"},
		breakIt: func(_ *world, a *altered) {
			a.onSubscribe = func(ctx context.Context, ch protocol.Channel, s broker.Sink) (func(), error) {
				_, err := a.inner.Subscribe(ctx, ch, s)
				return func() {}, err
			}
		},
	}, {
		name: "stop ends all subscriptions of its sink", caughtBy: []string{"stop stops"},
		breakIt: func(_ *world, a *altered) {
			var mu sync.Mutex
			stops := map[broker.Sink][]func(){}
			a.onSubscribe = func(ctx context.Context, ch protocol.Channel, s broker.Sink) (func(), error) {
				stop, err := a.inner.Subscribe(ctx, ch, s)
				mu.Lock()
				defer mu.Unlock()
				stops[s] = append(stops[s], stop)
				return func() {
					mu.Lock()
					defer mu.Unlock()
					for _, stop := range stops[s] {
						stop()
					}
				}, err
			}
		},
	}, {
		name: "the epoch survives the memory", caughtBy: []string{"a restart that lost its memory is a new epoch"},
		breakIt: func(_ *world, a *altered) {
			var drawn atomic.Uint64 // from the start for each incarnation
			a.cfg.Random = func() uint64 { return drawn.Add(1) * 0x9e3779b97f4a7c15 }
		},
	}, {
		name: "a cancelled publish goes out all the same", caughtBy: []string{"a cancelled call does nothing"},
		breakIt: func(_ *world, a *altered) {
			a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
				r, err := a.inner.Publish(context.WithoutCancel(ctx), p)
				if ctx.Err() != nil {
					err = &protocol.Error{Code: protocol.CodeTimeout}
				}
				return r, err
			}
		},
	}, {
		name: "close does nothing", caughtBy: []string{"close ends all"},
		breakIt: func(_ *world, a *altered) { a.onClose = func() error { return nil } },
	}, {
		name: "keyed ids are drawn anew", caughtBy: []string{"a key expires", "a restart that lost its memory is a new epoch"},
		breakIt: func(_ *world, a *altered) {
			a.onPublish = func(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
				r, err := a.inner.Publish(ctx, p)
				if !r.Duplicate {
					r.ID = strings.Repeat("0", 10) + r.Position.Epoch + r.Position.Tag
				}
				return r, err
			}
		},
	},
}
