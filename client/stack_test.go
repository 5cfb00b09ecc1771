package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
	"tidings/client"
	"tidings/httpapi"
	"tidings/internal/memnet"
	"tidings/protocol"
)

var transports = []string{protocol.WebSocket, protocol.SSE, protocol.Poll}

// stack is the real house: API, actors and broker, and clients of it over some network.
type stack struct {
	t    *testing.T
	bus  *actors.Bus
	url  string
	http *http.Client
}

func newStack(t *testing.T, dial func(*httpapi.API) (url string, transport *http.Transport, stop func())) *stack {
	quiet := slog.New(slog.DiscardHandler)
	broker := memory.New(memory.DefaultConfig())
	bus, err := actors.Start(actors.Config{Broker: broker, Rules: access.Rules{Subscribe: access.Anyone, Publish: access.Anyone, Presence: access.Anyone}, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	cfg := httpapi.DefaultConfig()
	cfg.Log = quiet
	api, err := httpapi.New(bus, cfg)
	if err != nil {
		t.Fatal(err)
	}
	url, transport, stop := dial(api)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		api.Close()
		stop()
		bus.Stop()
		broker.Close()
	})
	return &stack{t: t, bus: bus, url: url + "/bus", http: &http.Client{Transport: transport}}
}

func loopback(api *httpapi.API) (string, *http.Transport, func()) {
	s := httptest.NewServer(api)
	return s.URL, &http.Transport{}, s.Close
}

func inMemory(api *httpapi.API) (string, *http.Transport, func()) {
	lis, server := memnet.Listen(), api.Server("")
	go server.Serve(lis)
	return "http://bus.test", &http.Transport{DialContext: lis.DialContext}, func() { server.Close() }
}

func (s *stack) client(transports ...string) *client.Client {
	c, err := client.New(client.Config{URL: s.url, Transports: transports, HTTPClient: s.http, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// listener subscribes and checks the guarantee as it listens.
type listener struct {
	live chan struct{} // gets one for each subscribed
	mu   sync.Mutex
	got  []string
	gaps []client.Gap
	bad  []string
}

func (s *stack) listen(c *client.Client, channel string) *listener {
	s.t.Helper()
	l := &listener{live: make(chan struct{}, 1000)}
	var last protocol.Position
	_, err := c.Subscribe(channel, func(m client.Message) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if m.Position.Epoch != last.Epoch || m.Position.Offset != last.Offset+1 {
			l.bad = append(l.bad, fmt.Sprintf("%v after %v", m.Position, last))
		}
		last = m.Position
		l.got = append(l.got, string(m.Data))
	}, client.OnGap(func(g client.Gap) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.gaps = append(l.gaps, g)
		last = g.From
	}), client.OnSubscribed(func(at protocol.Position, _ bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if last.IsZero() {
			last = at
		}
		l.live <- struct{}{}
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-l.live:
	case <-time.After(time.Minute):
		s.t.Fatalf("not subscribed after a minute: %+v", c.Status())
	}
	return l
}

// wantAll waits for n messages, numbers from 0, and nothing else.
func (l *listener) wantAll(t *testing.T, n, gaps int) {
	t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.got)
	}
	for deadline := time.Now().Add(40 * time.Second); count() < n && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, got := range l.got {
		if gaps == 0 && got != fmt.Sprint(i) {
			t.Fatalf("message %d is %s", i, got)
		}
	}
	if len(l.got) != n || len(l.gaps) != gaps || len(l.bad) != 0 {
		t.Errorf("%d messages of %d, gaps %v, out of order %v", len(l.got), n, l.gaps, l.bad)
	}
}

func (s *stack) publish(c *client.Client, channel string, from, to int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	for i := from; i < to; i++ {
		_, err := c.Publish(ctx, channel, i)
		for errors.Is(err, &protocol.Error{Code: protocol.CodeRateLimited}) {
			time.Sleep(time.Second)
			_, err = c.Publish(ctx, channel, i)
		}
		if err != nil {
			s.t.Fatalf("Publish %d: %v", i, err)
		}
	}
}

func onStack(t *testing.T, play func(t *testing.T, s *stack)) {
	t.Run("loopback", func(t *testing.T) { play(t, newStack(t, loopback)) })
	t.Run("bubble", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { play(t, newStack(t, inMemory)) })
	})
}

func TestStackDelivers(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			onStack(t, func(t *testing.T, s *stack) {
				c := s.client(transport)
				l := s.listen(c, "orders/new")
				s.publish(c, "orders/new", 0, 90)
				l.wantAll(t, 90, 0)
				page, err := c.History(t.Context(), "orders/new", protocol.Position{}, 10)
				if err != nil || len(page.Messages) != 10 || page.Position.Offset != 90 || string(page.Messages[9].Data) != "89" {
					t.Errorf("History: %+v, %v", page, err)
				}
			})
		})
	}
}

// A client that is cut and moved about hears everything once; so is what it publishes meanwhile.
func TestStackThroughCutsAndMoves(t *testing.T) {
	onStack(t, func(t *testing.T, s *stack) {
		roamer, steady := s.client(), s.client()
		l, all := s.listen(roamer, "a"), s.listen(steady, "a")
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		done := make(chan struct{})
		go func() {
			defer close(done)
			dice := rand.New(rand.NewPCG(1, 2))
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Duration(dice.IntN(40)) * time.Millisecond):
				}
				if n%3 == 0 {
					roamer.Cut()
				} else {
					roamer.Use(transports[dice.IntN(3)])
				}
			}
		}()
		for i := range 180 {
			from := roamer
			if i%2 == 0 {
				from = steady
			}
			s.publish(from, "a", i, i+1)
			time.Sleep(time.Millisecond)
		}
		stop()
		<-done
		if st := s.bus.Stats(); st.ResumesFailed["forgotten"]+st.ResumesFailed["unknown"] > 0 {
			t.Errorf("resumed %v times, failed: %v", st.Resumes, st.ResumesFailed)
		}
		all.wantAll(t, 180, 0)
		l.wantAll(t, 180, 0)
	})
}

// In virtual time: a dashboard loses its network for longer than its session is kept.
func TestStackOutlivesTheSession(t *testing.T) {
	for _, transport := range transports {
		for away, gaps := range map[time.Duration]int{10 * time.Second: 0, 2 * time.Minute: 0, time.Hour: 1} {
			t.Run(fmt.Sprint(transport, " away for ", away), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStack(t, inMemory)
					dash, backend := s.client(transport), s.client(protocol.WebSocket)
					l := s.listen(dash, "a")
					s.publish(backend, "a", 0, 10)
					l.wantAll(t, 10, 0)
					dash.Hold()
					s.publish(backend, "a", 10, 20)
					time.Sleep(away)
					dash.Heal()
					if gaps > 0 {
						<-l.live
						s.publish(backend, "a", 20, 30)
						l.wantAll(t, 20, 1)
						return
					}
					s.publish(backend, "a", 20, 30)
					l.wantAll(t, 30, 0)
				})
			})
		}
	}
}

func TestStackStaysQuiet(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, inMemory)
				c := s.client(transport)
				l := s.listen(c, "a")
				name := c.Status().Connection
				time.Sleep(3 * time.Hour)
				if st := c.Status(); st.State != client.Connected || st.Connection != name || len(l.live) != 0 {
					t.Errorf("after a while: %+v, connection was %s, %d times subscribed again", st, name, len(l.live))
				}
				s.publish(c, "a", 0, 5)
				l.wantAll(t, 5, 0)
			})
		})
	}
}

// A WebSocket that is accepted and swallows frames: the client finds its way, and the server keeps one connection.
func TestStackStepsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, func(api *httpapi.API) (string, *http.Transport, func()) {
			lis := memnet.Listen()
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/bus/ws" {
					<-r.Context().Done()
					return
				}
				api.ServeHTTP(w, r)
			})}
			go server.Serve(lis)
			return "http://bus.test", &http.Transport{DialContext: lis.DialContext}, func() { server.Close() }
		})
		c := s.client()
		l := s.listen(c, "a")
		if st := c.Status(); st.Transport != protocol.SSE {
			t.Errorf("connected over %s, want sse", st.Transport)
		}
		s.publish(c, "a", 0, 10)
		l.wantAll(t, 10, 0)
	})
}

// A connection that dies without a word, as under a NAT that forgot it.
func TestStackHalfOpen(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var dead []*blackHole
				s := newStack(t, func(api *httpapi.API) (string, *http.Transport, func()) {
					lis, server := memnet.Listen(), api.Server("")
					go server.Serve(lis)
					return "http://bus.test", &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
						conn, err := lis.Dial(ctx)
						if err != nil {
							return nil, err
						}
						mu.Lock()
						defer mu.Unlock()
						hole := &blackHole{Conn: conn}
						dead = append(dead, hole)
						return hole, nil
					}}, func() { server.Close() }
				})
				dash, backend := s.client(transport), s.client(protocol.WebSocket)
				l := s.listen(dash, "a")
				s.publish(dash, "a", 0, 5)
				l.wantAll(t, 5, 0)
				mu.Lock()
				for _, hole := range dead {
					hole.swallow()
				}
				mu.Unlock()
				time.Sleep(time.Second)
				s.publish(backend, "a", 5, 10)
				time.Sleep(time.Minute)
				l.wantAll(t, 10, 0)
			})
		})
	}
}

// blackHole is a connection that stops passing bytes, either way, and says nothing about it.
type blackHole struct {
	net.Conn
	mu   sync.Mutex
	dead bool
}

func (b *blackHole) swallow() {
	b.mu.Lock()
	b.dead = true
	b.mu.Unlock()
}

func (b *blackHole) isDead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dead
}

func (b *blackHole) Read(p []byte) (int, error) {
	for {
		n, err := b.Conn.Read(p)
		if err != nil || !b.isDead() {
			return n, err
		}
	}
}

func (b *blackHole) Write(p []byte) (int, error) {
	if b.isDead() {
		return len(p), nil
	}
	return b.Conn.Write(p)
}
