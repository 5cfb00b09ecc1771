package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/actors"
	"tidings/client"
	"tidings/httpapi"
	"tidings/internal/memnet"
)

// badNetwork is a network in memory whose manners change from phase to phase.
type badNetwork struct {
	lis *memnet.Listener

	mu     sync.Mutex
	rng    *rand.Rand // guarded by mu
	manner int        // guarded by mu
	since  time.Time  // guarded by mu: when somebody last got something through
	dials  int        // guarded by mu: since then
	loops  []string   // guarded by mu: silences in which too much was dialled
	conns  []net.Conn // guarded by mu
}

// The manners.
const (
	whole   = iota
	refuses // no connection is made
	short   // each connection is cut after 2,000 bytes down
	mutes   // what the server sends is swallowed
	deaf    // what the client sends is swallowed
	slow    // each read takes half a second
	manners
)

var errNetwork = errors.New("the network says no")

func (n *badNetwork) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dials++
	refused := n.manner == refuses
	n.mu.Unlock()
	if refused {
		return nil, errNetwork
	}
	c, err := n.lis.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	b := &badConn{Conn: c, n: n, closed: make(chan struct{})}
	n.mu.Lock()
	n.conns = append(n.conns, b)
	n.mu.Unlock()
	return b, nil
}

// turn begins another phase, half of them with a cut of everything.
func (n *badNetwork) turn(manner int) {
	n.mu.Lock()
	n.manner = manner
	conns, cut := n.conns, n.rng.IntN(2) == 0 || manner == whole
	if cut {
		n.conns = nil
	}
	n.mu.Unlock()
	if cut {
		for _, c := range conns {
			c.Close()
		}
	}
}

// progress is told of each message that arrives. Without any, the client may dial 20 times, and then once a second at most.
func (n *badNetwork) progress(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if quiet := now.Sub(n.since); n.dials > 20+int(quiet/time.Second) {
		n.loops = append(n.loops, fmt.Sprintf("%d connections in %v without a message", n.dials, quiet))
	}
	n.since, n.dials = now, 0
}

type badConn struct {
	net.Conn
	n      *badNetwork
	down   int
	once   sync.Once
	closed chan struct{}
}

func (b *badConn) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Conn.Close()
}

func (b *badConn) manner() int {
	b.n.mu.Lock()
	defer b.n.mu.Unlock()
	return b.n.manner
}

func (b *badConn) Read(p []byte) (int, error) {
	for {
		n, err := b.Conn.Read(p)
		if err != nil {
			return n, err
		}
		switch b.manner() {
		case mutes:
			continue
		case short:
			if b.down += n; b.down > 2000 {
				b.Close()
				return 0, io.ErrUnexpectedEOF
			}
		case slow:
			select {
			case <-time.After(500 * time.Millisecond):
			case <-b.closed:
			}
		}
		return n, nil
	}
}

func (b *badConn) Write(p []byte) (int, error) {
	if b.manner() == deaf {
		return len(p), nil
	}
	return b.Conn.Write(p)
}

// Through three minutes of a network that refuses, cuts, swallows and delays, two laws hold: there is progress, or the waits grow;
// and nobody is closed who did nothing wrong. After it everything was heard, once and in order.
func TestRandomNetwork(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playNetwork(t, seed) })
		})
	}
}

func playNetwork(t *testing.T, seed uint64) {
	n := &badNetwork{rng: rand.New(rand.NewPCG(seed, 7)), since: time.Now()}
	s := newStack(t, func(api *httpapi.API) (string, *http.Transport, func()) {
		server := api.Server("")
		n.lis = memnet.Listen()
		go server.Serve(n.lis)
		return "http://bus.test", &http.Transport{DialContext: n.dial}, func() { server.Close() }
	})
	jitter := rand.New(rand.NewPCG(seed, 8))
	var closed error
	c, err := client.New(client.Config{
		URL: s.url, HTTPClient: s.http, Logger: slog.New(slog.DiscardHandler), Random: jitter.Float64,
		OnStatus: func(st client.Status) {
			if st.State == client.Closed && st.Err != nil {
				closed = st.Err
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := s.listen(c, "a")
	_, err = c.Subscribe("a", func(client.Message) { n.progress(time.Now()) })
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	publish := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); sent++ {
			if _, err := s.bus.Publish(t.Context(), actors.Publish{Channel: "a", Data: fmt.Append(nil, sent)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
		}
	}
	for begun := time.Now(); time.Since(begun) < 3*time.Minute; {
		n.mu.Lock()
		manner, d := n.rng.IntN(manners), time.Duration(2+n.rng.IntN(25))*time.Second
		n.mu.Unlock()
		n.turn(manner)
		publish(d)
	}
	n.turn(whole)
	publish(time.Second)
	l.wantAll(t, sent, 0)
	n.progress(time.Now())
	for _, loop := range n.loops {
		t.Errorf("a loop: %s", loop)
	}
	if st := c.Status(); st.State != client.Connected || closed != nil {
		t.Errorf("status %+v, closed with %v, want it connected and never closed", st, closed)
	}
	c.Close()
}
