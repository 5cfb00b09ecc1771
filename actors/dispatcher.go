package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// workers run actors, in place of protoactor's goroutine for every time that an actor has something to do: that costs 2 µs
// and a stack that has to grow, a message. There are a few of them, since Receive never waits. Connections' actors, which call
// links, foreign code, have more, of their own.
type workers struct {
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

var _ actor.Dispatcher = (*workers)(nil)

// maxClerks bounds the workers of connections.
const maxClerks = 64

func newWorkers(max int) *workers { return &workers{max: max} }

// Throughput implements actor.Dispatcher.
func (w *workers) Throughput() int { return throughput }

// Schedule implements actor.Dispatcher. After stop it does nothing: what comes late is for an actor that has ended.
func (w *workers) Schedule(fn func()) {
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

func (w *workers) work(fn func()) {
	c := make(chan func(), 1)
	for fn != nil {
		fn()
		if fn = w.next(c); fn == nil {
			fn = <-c
		}
	}
}

// next gives what waits, or registers c as idle; after stop it closes c.
func (w *workers) next(c chan func()) func() {
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

// stop ends the workers. All actors must have ended.
func (w *workers) stop() {
	w.mu.Lock()
	w.stopped = true
	for _, c := range w.idle {
		close(c)
	}
	w.idle = nil
	w.mu.Unlock()
	w.running.Wait()
}
