package transports

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"tidings/internal/guard"
)

// handback is a net.Listener that gives conns back to the http.Server from which they were taken. The server serves it
// beside its own listener, and takes each conn for a new one.
type handback struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
	addr  net.Addr
	ctx   context.Context // of requests that are read on conns which rest
	idle  time.Duration   // how long a conn may wait for its next request; 0: without end
}

// backTo returns the handback of a server: the same one for all conns of that server.
func (h *Handler) backTo(server *http.Server) *handback {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b := h.backs[server]; b != nil {
		return b
	}
	b := &handback{ctx: context.WithValue(context.Background(), http.ServerContextKey, server), conns: make(chan net.Conn), done: make(chan struct{}), addr: &net.TCPAddr{}, idle: cmp.Or(server.IdleTimeout, server.ReadTimeout)}
	if h.backs == nil {
		h.backs = make(map[*http.Server]*handback)
	}
	h.backs[server] = b
	if h.links == nil { // after Close
		b.Close()
		return b
	}
	go func() {
		defer b.Close()
		server.Serve(b) // until Shutdown, or Handler.Close
	}()
	return b
}

// give hands a conn to the server. If the server is down the conn is closed.
func (b *handback) give(conn net.Conn) {
	select {
	case b.conns <- conn:
	case <-b.done:
		conn.Close()
	}
}

// Accept waits for the next conn that is given back. It fails with net.ErrClosed after Close.
func (b *handback) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. It never fails.
func (b *handback) Close() error {
	b.once.Do(func() { close(b.done) })
	return nil
}

// Addr returns an empty TCP address: the conns come from the server's own listeners.
func (b *handback) Addr() net.Addr { return b.addr }

// bare returns a conn of net/http as it was accepted, so that it can be watched, and what puts the guard on again.
func bare(conn net.Conn) (below net.Conn, again func(net.Conn) net.Conn) {
	below, again = guard.Unwrap(conn)
	if e, ok := below.(*earlyConn); ok && len(e.early) == 0 {
		below = e.Conn // what was read ahead is used up
	}
	return below, again
}

// earlyConn is a conn of which some bytes were read already. Read returns those first.
type earlyConn struct {
	net.Conn
	early []byte
}

func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
