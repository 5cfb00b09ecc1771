package ground

import "sync"

// Census counts the actors of one kind that have not ended.
type Census struct {
	mu     sync.Mutex // guards all below
	n      int
	closed bool
	empty  chan struct{} // made by Close, closed when n is 0 then
}

// Enter counts one more, and reports whether it did: not if the census was closed.
func (c *Census) Enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.n++
	}
	return !c.closed
}

// leave counts one less.
func (c *Census) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n == 0 && c.closed {
		close(c.empty)
	}
}

// Close makes Enter refuse from now on. The channel that it returns is closed when all have left.
func (c *Census) Close() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.empty = true, make(chan struct{})
	if c.n == 0 {
		close(c.empty)
	}
	return c.empty
}
