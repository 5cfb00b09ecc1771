package brokertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

// reporter is what a check needs of a testing.T; the suite's own test gives it another one.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

// world is a broker under test, with calls that fail the check where the broker fails.
type world struct {
	reporter
	Fixture
	ctx context.Context
}

func newWorld(ctx context.Context, r reporter, f Fixture) *world { return &world{r, f, ctx} }

const channel protocol.Channel = "visitor-management/arrival/u42"

func number(n int) broker.Publish {
	return broker.Publish{Channel: channel, Data: fmt.Appendf(nil, `{"n":%d}`, n)}
}

func keyed(principal, key string) broker.Publish {
	return broker.Publish{Channel: channel, Data: []byte(`"keyed"`), Principal: principal, IdempotencyKey: key}
}

func (w *world) publish(p broker.Publish) broker.Receipt {
	w.Helper()
	r, err := w.Broker.Publish(w.ctx, p)
	if err != nil {
		w.Fatalf("publish of %s: %v", p.Data, err)
	}
	return r
}

// publishMany publishes n messages and gives their positions.
func (w *world) publishMany(n int) []protocol.Position {
	w.Helper()
	at := make([]protocol.Position, n)
	for i := range at {
		at[i] = w.publish(number(i + 1)).Position
	}
	return at
}

func (w *world) history(after protocol.Position, limit int) core.Page {
	w.Helper()
	p, err := w.Broker.History(w.ctx, channel, after, limit)
	if err != nil {
		w.Fatalf("history after %v: %v", after, err)
	}
	return p
}

func (w *world) last(limit int) core.Page {
	w.Helper()
	p, err := w.Broker.Last(w.ctx, channel, limit)
	if err != nil {
		w.Fatalf("last %d: %v", limit, err)
	}
	return p
}

func (w *world) top() protocol.Position {
	w.Helper()
	return w.history(protocol.Position{}, 10).Top
}

// origin is the position before the first message of the channel.
func (w *world) origin() protocol.Position {
	w.Helper()
	return protocol.Position{Epoch: w.top().Epoch}
}

func (w *world) subscribe(b broker.Broker, ch protocol.Channel) *recorder {
	w.Helper()
	r := newRecorder()
	stop, err := b.Subscribe(w.ctx, ch, r)
	if err != nil {
		w.Fatalf("subscribe: %v", err)
	}
	r.stop = stop
	return r
}

// hears waits until r has n messages and gives them all.
func (w *world) hears(r *recorder, n int) []*protocol.Message {
	w.Helper()
	got := r.await(w.ctx, n)
	if len(got) != n {
		w.Fatalf("the sink heard %d messages, want %d", len(got), n)
	}
	if r.overlapped.Load() {
		w.Fatalf("two calls of one sink overlapped")
	}
	return got
}

func (w *world) wantLost(after protocol.Position, want protocol.GapReason) {
	w.Helper()
	p := w.history(after, 10)
	if p.Lost != want || len(p.Messages) > 0 {
		w.Fatalf("history after %v: lost %q with %d messages, want lost %q without any", after, p.Lost, len(p.Messages), want)
	}
	if p.Top != w.top() {
		w.Fatalf("history after %v: top %v, want %v also where the position is lost", after, p.Top, w.top())
	}
}

// wantMessages checks that history after a position is what was published as want.
func (w *world) wantMessages(after protocol.Position, want ...protocol.Position) {
	w.Helper()
	p := w.history(after, 100)
	if p.Lost != "" {
		w.Fatalf("history after %v is lost: %s", after, p.Lost)
	}
	w.same(fmt.Sprintf("history after %v", after), p.Messages, want)
}

func (w *world) same(what string, got []*protocol.Message, want []protocol.Position) {
	w.Helper()
	if len(got) != len(want) {
		w.Fatalf("%s: %d messages, want %d", what, len(got), len(want))
	}
	for i, m := range got {
		if m.Position() != want[i] {
			w.Fatalf("%s: message %d is at %v, want %v", what, i, m.Position(), want[i])
		}
	}
}

func (w *world) wantCode(what string, err error, codes ...protocol.Code) {
	w.Helper()
	var e *protocol.Error
	if !errors.As(err, &e) {
		w.Fatalf("%s: error %v, want a *protocol.Error", what, err)
	}
	for _, c := range codes {
		if e.Code == c {
			return
		}
	}
	w.Fatalf("%s: error %v, want one of %v", what, err, codes)
}

// recorder is a sink that keeps what it hears.
type recorder struct {
	stop       func()
	busy       atomic.Bool
	overlapped atomic.Bool // two calls at one time

	mu      sync.Mutex // guards the rest
	heard   []*protocol.Message
	changed chan struct{} // closed and replaced with each message
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{})} }

func (r *recorder) Message(m *protocol.Message) {
	if !r.busy.CompareAndSwap(false, true) {
		r.overlapped.Store(true)
	}
	r.mu.Lock()
	r.heard = append(r.heard, m)
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
	r.busy.Store(false)
}

func (r *recorder) Interrupted() {}

func (r *recorder) now() ([]*protocol.Message, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard[:len(r.heard):len(r.heard)], r.changed
}

// await returns what was heard when there are n messages, or the context is over.
func (r *recorder) await(ctx context.Context, n int) []*protocol.Message {
	for {
		heard, changed := r.now()
		if len(heard) >= n {
			return heard
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return heard
		}
	}
}
