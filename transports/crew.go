package transports

import "sync"

// crew are the goroutines that serve places, in the order in which they were added. They outlive what they do, so that
// their stacks need not grow anew for each place. A worker that takes a place has another one come if there are more:
// so one that waits in serve, and one that keeps its processor busy, hold nobody up, and no more are at work than that
// needs.
type crew struct {
	serve func(at place)

	mu     sync.Mutex // guards all below
	queue  []place
	head   int             // queue[:head] is being served
	coming bool            // a worker is on its way to the queue
	idle   []chan struct{} // of the workers that wait, each with space for one signal; the last one goes first
	closed bool
}

// maxIdle is how many workers of a crew wait at most for the next place. One that waits has a stack of 8 KB, or less
// after a garbage collection.
const maxIdle = 32

// add has a place served soon. It never waits.
func (c *crew) add(at place) {
	c.mu.Lock()
	if len(c.queue) == cap(c.queue) && c.head > len(c.queue)/2 {
		c.queue, c.head = c.queue[:copy(c.queue, c.queue[c.head:])], 0
	}
	c.queue = append(c.queue, at)
	c.call()
	c.mu.Unlock()
}

// call has a worker come, unless one is coming already. The caller has the lock.
func (c *crew) call() {
	if c.coming {
		return
	}
	c.coming = true
	if n := len(c.idle); n > 0 {
		c.idle[n-1] <- struct{}{}
		c.idle = c.idle[:n-1]
		return
	}
	go c.work()
}

func (c *crew) work() {
	wake := make(chan struct{}, 1)
	for arrives := true; ; arrives = false {
		at, ok := c.next(arrives, wake)
		if !ok {
			return
		}
		c.serve(at)
	}
}

// next returns the place that the caller has to serve. It waits for one, on wake, until it reports false. arrives is
// whether the caller was coming.
func (c *crew) next(arrives bool, wake chan struct{}) (at place, ok bool) {
	c.mu.Lock()
	for {
		if arrives {
			c.coming = false
		}
		if c.head < len(c.queue) {
			break
		}
		c.queue, c.head = c.queue[:0], 0
		if c.closed || len(c.idle) == maxIdle {
			c.mu.Unlock()
			return place{}, false
		}
		c.idle = append(c.idle, wake)
		c.mu.Unlock()
		<-wake
		c.mu.Lock()
		arrives = true
	}
	at = c.queue[c.head]
	if c.head++; c.head < len(c.queue) {
		c.call()
	}
	c.mu.Unlock()
	return at, true
}

// close ends the workers that wait. Those that serve end afterwards.
func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, wake := range c.idle {
		wake <- struct{}{}
	}
	c.idle = nil
}
