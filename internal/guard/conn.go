package guard

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Conn is a conn of a Guard's Listener. Unwrap takes the guard off, for a conn that was taken from net/http.
type Conn struct {
	net.Conn
	guard *Guard
	blind bool
	own   atomic.Bool // a handler has set a deadline for writing
	heads heads       // of the goroutine that reads

	// Of the goroutine that writes:
	part     int           // bytes until patience is renewed
	patience time.Duration // how long they may wait for the client
}

func (g *Guard) conn(c net.Conn, blind bool) *Conn { return &Conn{Conn: c, guard: g, blind: blind} }

// Unwrap returns the conn below a Conn, and what puts the guard on again: then a new request has to begin. Any other
// conn it returns as it is, with nil.
func Unwrap(c net.Conn) (below net.Conn, again func(net.Conn) net.Conn) {
	guarded, ok := c.(*Conn)
	if !ok {
		return c, nil
	}
	return guarded.Conn, func(below net.Conn) net.Conn { return guarded.guard.conn(below, guarded.blind) }
}

// Read reads what the client sends. It fails with ErrSmuggled in the place of a head that has a length and chunks.
func (c *Conn) Read(p []byte) (int, error) {
	if c.blind {
		return c.Conn.Read(p)
	}
	if c.heads.bad {
		return 0, ErrSmuggled
	}
	n, err := c.Conn.Read(p)
	if good := c.heads.follow(p[:n]); good < n {
		c.guard.smuggled.Add(1)
		if n = good; n == 0 {
			return 0, ErrSmuggled
		}
		return n, nil
	}
	return n, err
}

// headTooLarge is how the answer begins that net/http writes by itself, without a handler, for a head above its bound.
var headTooLarge = []byte("HTTP/1.1 431 ")

// Write writes an answer. Unless a handler has set a deadline, it may wait for the client for AnswerLimit in all until
// AnswerBytes are written, in however many calls.
func (c *Conn) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, headTooLarge) {
		c.guard.large.Add(1)
	}
	for written := 0; ; {
		if c.part == 0 {
			c.part, c.patience = AnswerBytes, AnswerLimit
		}
		began, own := time.Now(), c.own.Load()
		if !own {
			c.Conn.SetWriteDeadline(began.Add(c.patience))
		}
		n, err := c.Conn.Write(p[written:min(len(p), written+c.part)])
		written += n
		c.part -= n
		if !own {
			c.patience -= time.Since(began)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.guard.unread.Add(1)
		}
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// SetWriteDeadline replaces AnswerLimit by a handler's own deadline. The zero time puts AnswerLimit back.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.own.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline is SetWriteDeadline, and sets the deadline for reading.
func (c *Conn) SetDeadline(t time.Time) error {
	c.own.Store(!t.IsZero())
	return c.Conn.SetDeadline(t)
}
