package ground

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// Workers run actors, in place of protoactor's goroutine for every time that an actor has something to do: that costs 2
// µs, and a stack that has to grow, for each message. There are a few of them, since Receive never waits. Connections'
// actors, which call links, foreign code, have more, of their own.
type Workers struct {
	max int

	running sync.WaitGroup

	mu      sync.Mutex // guards all below
	n       int
	idle    []chan func()
	queue   []func() // queue[:head] is done
	head    int
	stopped bool
}

// throughput is how many messages an actor handles before others get a turn; protoactor's default.
const throughput = 300

var _ actor.Dispatcher = (*Workers)(nil)

// NewWorkers returns at most max workers, at least 1. Each begins when it is needed, and stays.
func NewWorkers(max int) *Workers { return &Workers{max: max} }

// Throughput implements actor.Dispatcher.
func (w *Workers) Throughput() int { return throughput }

// Schedule implements actor.Dispatcher. After Stop it does nothing: what comes late is for an actor that has ended.
func (w *Workers) Schedule(fn func()) {
	w.mu.Lock()
	if last := len(w.idle) - 1; last >= 0 {
		c := w.idle[last] // the one that slept last: its stack is warm
		w.idle = w.idle[:last]
		w.mu.Unlock()
		c <- fn
		return
	}
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	if w.n < w.max {
		w.n++
		w.running.Go(func() { w.work(fn) })
		return
	}
	if len(w.queue) == cap(w.queue) && w.head > len(w.queue)/2 {
		n := copy(w.queue, w.queue[w.head:])
		clear(w.queue[n:])
		w.queue, w.head = w.queue[:n], 0
	}
	w.queue = append(w.queue, fn)
}

func (w *Workers) work(fn func()) {
	c := make(chan func(), 1)
	for fn != nil {
		fn()
		if fn = w.next(c); fn == nil {
			fn = <-c
		}
	}
}

// next returns what waits, or registers c as idle; after stop it closes c.
func (w *Workers) next(c chan func()) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.head == len(w.queue) {
		if w.stopped {
			close(c)
			return nil
		}
		w.idle = append(w.idle, c)
		return nil
	}
	fn := w.queue[w.head]
	w.queue[w.head] = nil
	if w.head++; w.head == len(w.queue) {
		w.queue, w.head = w.queue[:0], 0
	}
	return fn
}

// Stop ends the workers, and returns when none is left. All actors must have ended.
func (w *Workers) Stop() {
	w.mu.Lock()
	w.stopped = true
	for _, c := range w.idle {
		close(c)
	}
	w.idle = nil
	w.mu.Unlock()
	w.running.Wait()
}
