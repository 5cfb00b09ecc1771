package transports

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"tidings/internal/memnet"
	"tidings/protocol"
	"tidings/transports/transporttest"
)

// TestConformanceOfReadiness runs the suite over conns that are read only when something is there, as with epoll, but
// in a bubble.
func TestConformanceOfReadiness(t *testing.T) {
	for _, chunk := range []int{100, 4 << 10} { // in the larger one polls and handshakes are whole, and known
		for name, start := range map[string]func(*testing.T, *http.Server, int) *rig{"read by net/http first": pumpedInMemory, "from the first request": arrivingInMemory} {
			t.Run(fmt.Sprint(chunk, " ", name), func(t *testing.T) {
				transporttest.Run(t, func(t *testing.T) transporttest.Target {
					r := start(t, &http.Server{}, chunk)
					return transporttest.Target{URL: r.url, Dial: r.dial, Publish: func(channel, data string) { r.bus.publish(protocol.Channel(channel), data) }}
				})
			})
		}
	}
}

// pumpedInMemory starts a server in a bubble whose conns are read only when something is there, at most chunk bytes at
// once.
func pumpedInMemory(t *testing.T, server *http.Server, chunk int) *rig {
	return pumpedFrom(t, server, chunk, func(_ *Handler, l net.Listener) net.Listener { return l })
}

// pumpedFrom is pumpedInMemory with a listener of the handler's own.
func pumpedFrom(t *testing.T, server *http.Server, chunk int, listener func(*Handler, net.Listener) net.Listener) *rig {
	r := inMemory(t, nil)
	ready := newReadiness()
	ready.system = pumps{ready.note}
	r.h.readers = ready
	l := memnet.Listen()
	server.Handler = r.h.mux()
	go server.Serve(listener(r.h, pumpListener{l, chunk}))
	r.dial = l.Dial
	t.Cleanup(func() { server.Close() })
	return r
}

type pumpListener struct {
	net.Listener
	chunk int
}

func (l pumpListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &pumped{Conn: c, chunk: l.chunk, some: make(chan struct{}, 1)}, nil
}

// pumps is a notifier for conns without a socket: a goroutine for each reads ahead.
type pumps struct{ fire func(at place, ended bool) }

func (p pumps) add(s *source, at place) error {
	c, ok := s.conn.(*pumped)
	if !ok {
		return net.ErrClosed
	}
	c.mu.Lock()
	first := !c.pumping
	c.pumping, c.fire = true, func() { p.fire(at, true) }
	c.mu.Unlock()
	if first {
		go c.pump()
	}
	return nil
}

func (p pumps) remove(s *source) {
	c := s.conn.(*pumped)
	c.mu.Lock()
	c.fire = func() {}
	c.mu.Unlock()
}

func (p pumps) can(net.Addr) bool { return true }

func (p pumps) close() {}

type pumped struct {
	net.Conn
	chunk int
	some  chan struct{}

	mu       sync.Mutex // guards all below
	pumping  bool
	fire     func()
	ahead    []byte
	err      error
	deadline time.Time
}

func (c *pumped) pump() {
	b := make([]byte, c.chunk)
	for err := error(nil); err == nil; {
		var n int
		n, err = c.Conn.Read(b)
		c.mu.Lock()
		c.ahead, c.err = append(c.ahead, b[:n]...), err
		fire := c.fire
		c.mu.Unlock()
		select {
		case c.some <- struct{}{}:
		default:
		}
		fire()
	}
}

func (c *pumped) TryRead(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.ahead) > 0:
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	case c.err != nil:
		return 0, c.err
	}
	return 0, errDry
}

func (c *pumped) Read(p []byte) (int, error) {
	c.mu.Lock()
	pumping := c.pumping
	c.mu.Unlock()
	if !pumping {
		return c.Conn.Read(p)
	}
	for {
		n, err := c.TryRead(p)
		if err != errDry {
			return n, err
		}
		c.mu.Lock()
		at := c.deadline
		c.mu.Unlock()
		var late <-chan time.Time
		if !at.IsZero() {
			late = time.After(time.Until(at))
		}
		select {
		case <-c.some:
		case <-late:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

func (c *pumped) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pumping {
		c.deadline = t
		select {
		case c.some <- struct{}{}:
		default:
		}
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// TestReadinessGivesThePlaceOfTheDeadToOthers: a late event of a conn that is gone reaches nobody.
func TestReadinessGivesThePlaceOfTheDeadToOthers(t *testing.T) {
	r := newReadiness()
	first := r.occupy(nil)
	r.vacate(first)
	second := r.occupy(nil)
	if second.index != first.index || second == first {
		t.Fatalf("places %v and %v", first, second)
	}
	r.fire(first)
	r.fire(place{})
	r.fire(place{index: 9, use: 1})
	if !r.rest(second, true) {
		t.Error("an event of the first reached the second")
	}
	if r.spots[second.index].state != quiet {
		t.Error("it does not rest")
	}
}

func (c *pumped) SetDeadline(t time.Time) error {
	c.Conn.SetWriteDeadline(t)
	return c.SetReadDeadline(t)
}
