// Package relay publishes the changes of a store, each in its collection's channel. What a write has changed is
// published once, in the order of the commits: also if the process ends between any two steps.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
	"tidings/store"
)

// Publish publishes one message. What fails is repeated with the same idempotency key, unless the error's code says
// that it cannot succeed.
type Publish func(context.Context, broker.Publish) error

// Config is what a relay works on.
type Config struct {
	Store   store.Store
	Publish Publish
	// Route returns the channels that a change goes to beside its collection's, for an event such as
	// "documents/city/taxis created" and a document. Nil means none.
	Route func(event string, document []byte) []protocol.Channel
	// Recent returns the ids of a channel's newest messages, at most limit. Nil means that only the broker's memory of
	// keys shows what was published before.
	Recent func(ctx context.Context, ch protocol.Channel, limit int) (ids []string, err error)
	Log    *slog.Logger // nil means slog.Default

	step  func(string)                              // called between two steps. For tests
	pause func(context.Context, time.Duration) bool // nil: in real time
}

// Relay publishes the changes of one store. Of all processes that have the store open, the one that leads does. Two
// that believe it for a moment publish with the same idempotency keys, which has one effect.
type Relay struct {
	cfg    Config
	recent recent
	oldest atomic.Int64 // Unix milliseconds of the oldest change that was read and not yet published; 0: none
	sent   atomic.Uint64
	resets atomic.Uint64
}

const (
	pageSize  = 100 // changes after which the mark is moved, or markPause
	rows      = 8   // collections of which changes are published at the same time
	minPause  = 10 * time.Millisecond
	maxPause  = time.Second
	markPause = 100 * time.Millisecond // in which few changes come to be in doubt if the process is killed
	principal = "$store"               // whose idempotency keys they are
)

// New returns a relay that does nothing until Run.
func New(cfg Config) *Relay {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.step == nil {
		cfg.step = func(string) {}
	}
	if cfg.pause == nil {
		cfg.pause = pause
	}
	return &Relay{cfg: cfg, recent: recent{ask: cfg.Recent}}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Stats are counts of a relay.
type Stats struct {
	Lag    time.Duration // age of the oldest change that is being published; 0: none is
	Sent   uint64        // changes that were published
	Resets uint64        // changes that could not be, in whose place a reset was
}

// Stats returns the counts.
func (r *Relay) Stats() Stats {
	s := Stats{Sent: r.sent.Load(), Resets: r.resets.Load()}
	if oldest := r.oldest.Load(); oldest != 0 {
		s.Lag = max(0, time.Since(time.UnixMilli(oldest)))
	}
	return s
}

// Run publishes until ctx ends, whenever it is this process that leads.
func (r *Relay) Run(ctx context.Context) {
	for ctx.Err() == nil {
		hold, release := context.WithCancel(context.WithoutCancel(ctx)) // the lead outlives ctx by the last mark
		waiting := context.AfterFunc(ctx, release)
		var ended <-chan struct{}
		if r.repeat(ctx, "it cannot be found out who publishes changes", func() (err error) {
			ended, err = r.cfg.Store.Lead(hold)
			return err
		}) && waiting() {
			r.leadUntil(ctx, ended)
		}
		release()
		r.oldest.Store(0)
	}
}

// leadUntil publishes until ctx ends, or ended is closed.
func (r *Relay) leadUntil(ctx context.Context, ended <-chan struct{}) {
	leading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-ended:
			stop(errNotLeading)
		case <-leading.Done():
		}
	}()
	r.lead(leading)
}

// lead publishes until ctx ends.
func (r *Relay) lead(ctx context.Context) {
	marked := r.cfg.Store.Mark()
	after := marked
	r.recent.begin()
	var doubt int       // changes that were published and not marked
	var since time.Time // when the first of them was
	defer func() {
		if marked < after {
			r.markLast(ctx, after)
		}
	}()
	for ctx.Err() == nil {
		var list []store.Change
		if !r.repeat(ctx, "changes cannot be read", func() (err error) {
			list, err = r.cfg.Store.Changes(ctx, after, pageSize)
			return err
		}) {
			return
		}
		if len(list) == 0 {
			r.recent.end()
		} else {
			r.oldest.Store(list[0].At)
			r.cfg.step("read")
			if !r.publishAll(ctx, list) {
				return
			}
			r.oldest.Store(0)
			r.cfg.step("published")
			after = list[len(list)-1].Number
			if doubt == 0 && time.Now().After(since) {
				since = time.Now()
			}
			doubt += len(list)
		}
		if marked < after && (doubt >= pageSize || time.Since(since) >= markPause) {
			// A disk that takes no mark is no reason to publish no more: the mark is moved later.
			if err := r.cfg.Store.Relayed(ctx, after); err == nil {
				marked, doubt = after, 0
			} else if ctx.Err() == nil {
				doubt, since = 0, time.Now().Add(maxPause)
				r.cfg.Log.Warn("changes cannot be marked as published", "error", err)
			}
			r.cfg.step("marked")
		}
		if len(list) == 0 && !r.rest(ctx, marked < after) {
			return
		}
	}
}

// markLast marks what was published when the relay ends, so that it is not published again by the next one. If it ends
// since it does not lead any more the next one has begun, and knows best.
func (r *Relay) markLast(ctx context.Context, after uint64) {
	if context.Cause(ctx) == errNotLeading {
		return
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxPause)
	defer cancel()
	if err := r.cfg.Store.Relayed(last, after); err != nil {
		r.cfg.Log.Warn("changes cannot be marked as published, and may be published again", "error", err)
	}
}

var errNotLeading = errors.New("another process publishes the changes")

// rest waits for changes, and not for longer than markPause if there is something to be marked.
func (r *Relay) rest(ctx context.Context, again bool) bool {
	var due <-chan time.Time
	if again {
		t := time.NewTimer(markPause)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-r.cfg.Store.Wake():
		return true
	case <-due:
		return true
	case <-ctx.Done():
		return false
	}
}

// publishAll publishes the changes, those of a collection one after the other. It reports false if ctx ended first.
func (r *Relay) publishAll(ctx context.Context, list []store.Change) bool {
	var order []store.Collection
	by := map[store.Collection][]store.Change{}
	for _, c := range list {
		if by[c.Collection] == nil {
			order = append(order, c.Collection)
		}
		by[c.Collection] = append(by[c.Collection], c)
	}
	places := make(chan struct{}, rows)
	var group sync.WaitGroup
	for _, collection := range order {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			for _, c := range by[collection] {
				if !r.send(ctx, &c) {
					return
				}
				r.cfg.step("sent")
			}
		})
	}
	group.Wait()
	return ctx.Err() == nil
}

// send publishes one change, or a reset if it can never be published.
func (r *Relay) send(ctx context.Context, c *store.Change) bool {
	var final *protocol.Error
	p := message(c, r.cfg.Store.ID())
	done := r.repeat(ctx, "a change cannot be published", func() error {
		err := r.publish(ctx, p)
		var fault *protocol.Error
		if errors.As(err, &fault) && !fault.Code.Row().Retry {
			final = fault
			return nil
		}
		return err
	})
	if !done || final == nil {
		r.sent.Add(1)
		return done && r.sendRouted(ctx, c)
	}
	r.resets.Add(1)
	r.cfg.Log.Error("a change can never be published: clients are told to load the collection anew", "collection", c.Collection.String(), "change", c.Number, "error", final)
	p.Data, p.Event, p.Extra, p.IdempotencyKey = []byte(`{}`), string(store.Reset), &protocol.Extra{Change: c.Number}, p.IdempotencyKey+":reset"
	return r.repeat(ctx, "a reset cannot be published", func() error {
		err := r.publish(ctx, p)
		var fault *protocol.Error
		if errors.As(err, &fault) && !fault.Code.Row().Retry {
			return nil // the channel takes nothing at all
		}
		return err
	})
}

// publish publishes a message, unless it is in its channel already.
func (r *Relay) publish(ctx context.Context, p broker.Publish) error {
	there, err := r.recent.has(ctx, p.Channel, core.KeyedID(p.Principal, p.Channel, p.IdempotencyKey))
	if there || err != nil {
		return err
	}
	return r.cfg.Publish(ctx, p)
}

// message returns a change as a message of its collection's channel.
func message(c *store.Change, id string) broker.Publish {
	return broker.Publish{
		Channel: c.Collection.Channel(), Data: c.After, Event: string(c.Event),
		IdempotencyKey: "change:" + id + ":" + strconv.FormatUint(c.Number, 10), Principal: principal,
		Extra: &protocol.Extra{Meta: c.Meta, Change: c.Number, Txn: c.Txn, Changed: c.Changed, Gone: c.Event == store.Removed, Before: c.Before, Origin: c.Origin},
	}
}

// repeat calls do until it does not fail. It reports false if ctx ended first.
func (r *Relay) repeat(ctx context.Context, what string, do func() error) bool {
	for wait := minPause; ; wait = min(2*wait, maxPause) {
		err := do()
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if wait == minPause {
			r.cfg.Log.Warn(what+", and is tried again", "error", err)
		}
		if !r.cfg.pause(ctx, wait) {
			return false
		}
	}
}
