package client

import "time"

// State is where a client is in SPEC.md section 10.
type State string

const (
	Idle       State = "idle"       // nothing was asked of it yet
	Connecting State = "connecting" // a transport is being tried
	Connected  State = "connected"
	Waiting    State = "waiting" // no transport works; the next attempt is at RetryAt
	Closed     State = "closed"  // by Close, or for good: see Err
)

// Status is a client's connection as seen from outside.
type Status struct {
	State      State
	Transport  string    // that carries the session; "" while none does
	Connection string    // the server's public name for the connection
	Resumed    bool      // the last connect took the session up again
	RetryAt    time.Time // when Waiting
	// Err is why the connection was lost or could not be made; where Closed, why for good (nil after Close). Connected
	// clears it.
	Err error
}

// Status returns the state of the connection.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// setStatus is for the loop alone.
func (c *Client) setStatus(change func(*Status)) {
	c.mu.Lock()
	before := c.status
	change(&c.status)
	after := c.status
	c.mu.Unlock()
	if before == after || c.cfg.OnStatus == nil {
		return
	}
	c.enqueue(func() { c.cfg.OnStatus(after) })
}
