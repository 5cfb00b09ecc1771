package redisbroker

import (
	"context"
	"sync"
	"time"

	"tidings/broker/redisbroker/redis"
	"tidings/core"
	"tidings/protocol"
)

// flights makes one read of equal ones that wait at the same time. A caller never shares a read that began before it
// asked: what was published in between, and acknowledged, would not be in it. So there is one read under way, and one
// that begins when it is over, for all who came meanwhile.
type flights struct {
	ctx  context.Context // over when the broker closes
	mu   sync.Mutex      // guards the rest
	open map[question]*flight
	// shared counts reads that another one served.
	shared uint64
}

type question struct {
	ch    protocol.Channel
	after protocol.Position
	limit int
}

// flight is a read that has not begun, and one before it that has.
type flight struct {
	now, next *answer
}

type answer struct {
	done chan struct{}
	page core.Page
	err  error
}

// flightTime bounds a shared read, whose callers may all have other deadlines.
const flightTime = 10 * time.Second

func (f *flights) init(ctx context.Context) { f.ctx, f.open = ctx, map[question]*flight{} }

func (f *flights) join(ctx context.Context, q question, read func(context.Context) (core.Page, error)) (core.Page, error) {
	f.mu.Lock()
	x := f.open[q]
	var a *answer
	switch {
	case x == nil:
		a = &answer{done: make(chan struct{})}
		f.open[q] = &flight{now: a}
		go f.fly(q, read)
	case x.next == nil:
		a = &answer{done: make(chan struct{})}
		x.next = a
	default:
		a = x.next
		f.shared++
	}
	f.mu.Unlock()
	select {
	case <-a.done:
		page := a.page
		page.Messages = page.Messages[:len(page.Messages):len(page.Messages)]
		return page, a.err
	case <-ctx.Done():
		return core.Page{}, redis.ErrGivenUp
	case <-f.ctx.Done():
		return core.Page{}, redis.ErrClosed
	}
}

// fly reads until nobody waits any more.
func (f *flights) fly(q question, read func(context.Context) (core.Page, error)) {
	for {
		f.mu.Lock()
		a := f.open[q].now
		f.mu.Unlock()
		ctx, cancel := context.WithTimeout(f.ctx, flightTime)
		a.page, a.err = read(ctx)
		cancel()
		close(a.done)
		f.mu.Lock()
		x := f.open[q]
		if x.now, x.next = x.next, nil; x.now == nil {
			delete(f.open, q)
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
	}
}

// served returns how many reads another one has served.
func (f *flights) served() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shared
}
