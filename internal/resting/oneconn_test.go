package resting

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// oneConn is a listener of one conn, and the conn itself: it brings some bytes, and takes and forgets what is written.
type oneConn struct {
	bytes.Reader
	accepted bool
	once     sync.Once
	closed   chan struct{} // when the conn is closed
}

func newOneConn(b []byte) *oneConn {
	c := &oneConn{closed: make(chan struct{})}
	c.Reset(b)
	return c
}

// Accept returns the conn, then io.EOF, which ends Serve.
func (c *oneConn) Accept() (net.Conn, error) {
	if c.accepted {
		return nil, io.EOF
	}
	c.accepted = true
	return connOf{c}, nil
}

func (c *oneConn) Close() error   { return nil }
func (c *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

type connOf struct{ *oneConn }

func (c connOf) Write(p []byte) (int, error) { return len(p), nil }
func (c connOf) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}
func (connOf) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (connOf) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (connOf) SetDeadline(time.Time) error      { return nil }
func (connOf) SetReadDeadline(time.Time) error  { return nil }
func (connOf) SetWriteDeadline(time.Time) error { return nil }
