package transports

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// responseConn is for a stream that writes through a response whose conn cannot be taken over: HTTP/2. The handler must
// not return before over is closed.
type responseConn struct {
	ctl *http.ResponseController

	mu     sync.Mutex // guards all below, and the response: Close waits for a Write
	w      http.ResponseWriter
	closed bool
	over   chan struct{}
}

var _ net.Conn = (*responseConn)(nil)

func newResponseConn(w http.ResponseWriter, over chan struct{}) *responseConn {
	return &responseConn{ctl: http.NewResponseController(w), w: w, over: over}
}

func (c *responseConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	n, err := c.w.Write(p)
	if err == nil {
		err = c.ctl.Flush()
	}
	return n, err
}

func (c *responseConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.over)
	}
	return nil
}

func (c *responseConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	return c.ctl.SetWriteDeadline(t)
}

// Nothing is read: the request's context is done when the client leaves.

func (c *responseConn) Read([]byte) (int, error)        { return 0, io.EOF }
func (c *responseConn) SetDeadline(time.Time) error     { return nil }
func (c *responseConn) SetReadDeadline(time.Time) error { return nil }
func (c *responseConn) LocalAddr() net.Addr             { return nil }
func (c *responseConn) RemoteAddr() net.Addr            { return nil }
