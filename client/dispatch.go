package client

import "sync"

// dispatcher calls the program's callbacks, one at a time and in order, on a goroutine of its own, so that they may
// call the client and may take their time.
type dispatcher struct {
	batches chan []func()
	done    chan struct{}

	mu      sync.Mutex
	stopped bool // guarded by mu: no callback begins any more
	running bool // guarded by mu: one is being called
}

func newDispatcher() *dispatcher {
	return &dispatcher{batches: make(chan []func()), done: make(chan struct{})}
}

// run ends when batches is closed.
func (d *dispatcher) run() {
	defer close(d.done)
	for batch := range d.batches {
		for _, fn := range batch {
			if !d.begin() {
				break
			}
			fn()
			d.end()
		}
	}
}

func (d *dispatcher) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return false
	}
	d.running = true
	return true
}

func (d *dispatcher) end() {
	d.mu.Lock()
	d.running = false
	d.mu.Unlock()
}

// stop prevents further callbacks. It reports whether one is being called.
func (d *dispatcher) stop() (running bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	return d.running
}

// queueMax is how many callbacks may wait before the client stops reading, which slows the server down and lets it
// judge; a server cuts a slow consumer.
const queueMax = 1024

func (c *Client) enqueue(fn func()) { c.queue = append(c.queue, fn) }

// full reports whether the program is too slow for more. If a call waits for its answer the loop reads on: the call
// may be a callback's, which would wait for ever.
func (c *Client) full() bool { return len(c.queue) >= queueMax && len(c.calls) == 0 }
