package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker"
	"tidings/broker/memory"
	"tidings/client"
	"tidings/internal/forward"
	"tidings/internal/memnet"
	"tidings/protocol"
)

// fleet is nodes of one bus, in one process, behind a balancer that sends each request to the next one.
type fleet struct {
	*testing.T
	shared *memory.Broker
	nodes  []*vessel // the test alone adds to it, with the lock

	mu     sync.Mutex // guards the rest
	next   int
	apart  bool             // the nodes do not reach each other
	handed int              // conns that one node made to another
	mute   *memnet.Listener // where the node ghost-00 is; nil: nowhere
}

// vessel is one of several nodes.
type vessel struct {
	id     string
	broker *memory.Node
	bus    *actors.Bus
	api    *API
	server *http.Server
	lis    *memnet.Listener
	direct *http.Client // to this node alone
	dead   bool
}

var openRules = access.Rules{Subscribe: access.Anyone, Publish: access.Anyone, Presence: access.Anyone}

// startFleet starts n nodes. Call it in a bubble of synctest.
func startFleet(t *testing.T, n int, change ...func(*actors.Config, *Config)) *fleet {
	c := &fleet{T: t, shared: memory.New(memory.DefaultConfig())}
	for range n {
		c.add(change...)
	}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			if !n.dead {
				n.stop()
			}
		}
		c.shared.Close()
	})
	synctest.Wait() // all know each other
	return c
}

func (c *fleet) add(change ...func(*actors.Config, *Config)) *vessel {
	c.Helper()
	quiet := slog.New(slog.DiscardHandler)
	n := &vessel{id: fmt.Sprintf("node-%03d", len(c.nodes)), broker: c.shared.Node(), lis: memnet.Listen()}
	bc := actors.Config{
		Broker: n.broker, Rules: openRules, Logger: quiet, SigningSecret: []byte(strings.Repeat("s", access.MinSecretBytes)),
		Node: actors.NodeConfig{ID: n.id, URL: "http://" + n.id, Version: "test"},
	}
	cfg := DefaultConfig()
	cfg.Log = quiet
	var err error
	if cfg.Keys, err = access.NewKeys(key); err != nil {
		c.Fatal(err)
	}
	cfg.Forward = forward.New(forward.Config{Dial: c.between})
	for _, f := range change {
		f(&bc, &cfg)
	}
	if n.bus, err = actors.Start(bc); err != nil {
		c.Fatal(err)
	}
	if n.api, err = New(n.bus, cfg); err != nil {
		c.Fatal(err)
	}
	n.server = n.api.Server("")
	go n.server.Serve(n.lis)
	n.direct = &http.Client{Transport: &http.Transport{DialContext: n.lis.DialContext}}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, n)
	return n
}

func (n *vessel) stop() {
	n.dead = true
	n.direct.CloseIdleConnections()
	n.api.Close()
	n.server.Close()
	n.bus.Stop()
	n.broker.Close()
}

// kill ends a node as a killed process does: nobody is told anything.
func (c *fleet) kill(n *vessel) {
	c.mu.Lock()
	n.dead = true
	c.mu.Unlock()
	n.broker.Kill()
	n.direct.CloseIdleConnections()
	n.server.Close()
	n.api.Close()
	n.bus.Stop()
}

var errNoWay = errors.New("no route to that node")

// between is how a node reaches another one.
func (c *fleet) between(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	c.mu.Lock()
	c.handed++
	apart := c.apart
	var to *vessel
	for _, n := range c.nodes {
		if n.id == host && !n.dead {
			to = n
		}
	}
	mute := c.mute
	c.mu.Unlock()
	if mute != nil && host == "ghost-00" {
		return mute.DialContext(ctx, network, address)
	}
	if apart || to == nil {
		return nil, errNoWay
	}
	return to.lis.DialContext(ctx, network, address)
}

// RoundTrip sends each request to the next node that lives: the balancer.
func (c *fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	var to *vessel
	for to == nil || to.dead {
		to = c.nodes[c.next%len(c.nodes)]
		c.next++
	}
	c.mu.Unlock()
	return to.direct.Transport.RoundTrip(r)
}

// reader is a client that checks the guarantee as it listens.
type reader struct {
	*client.Client
	mu   sync.Mutex // guards the rest
	got  []string
	gaps []client.Gap
}

func (c *fleet) listen(channel string, over ...string) *reader {
	c.Helper()
	r := &reader{}
	var err error
	r.Client, err = client.New(client.Config{
		URL: "http://bus.test/bus", Transports: over, HTTPClient: &http.Client{Transport: c}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		c.Fatal(err)
	}
	live := make(chan struct{}, 1000)
	_, err = r.Subscribe(channel, func(m client.Message) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, string(m.Data))
	}, client.OnGap(func(g client.Gap) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.gaps = append(r.gaps, g)
	}), client.OnSubscribed(func(protocol.Position, bool) { live <- struct{}{} }))
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(r.Close)
	select {
	case <-live:
	case <-time.After(time.Minute):
		c.Fatalf("not subscribed after a minute: %+v", r.Status())
	}
	return r
}

// ask sends a request of a backend to one node.
func (c *fleet) ask(n *vessel, method, path, body string) (int, string) {
	c.Helper()
	q, err := http.NewRequest(method, "http://bus.test"+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	r, err := n.direct.Do(q)
	if err != nil {
		c.Fatal(err)
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		c.Fatal(err)
	}
	return r.StatusCode, string(answer)
}

func (c *fleet) publish(n *vessel, channel string, i int) {
	c.Helper()
	if status, answer := c.ask(n, "POST", "/api/publish", fmt.Sprintf(`{"channel":%q,"data":%d}`, channel, i)); status != 200 {
		c.Fatalf("publish %d at %s: %d %s", i, n.id, status, answer)
	}
}

// wantAll waits in virtual time until r heard the numbers 0 to n-1, each once and in order.
func (c *fleet) wantAll(r *reader, n int) {
	c.Helper()
	for range 600 {
		r.mu.Lock()
		done := len(r.got) >= n
		r.mu.Unlock()
		if done {
			break
		}
		time.Sleep(100 * time.Millisecond) // virtual
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.gaps) > 0 {
		c.Errorf("gaps: %+v", r.gaps)
	}
	for i := range max(n, len(r.got)) {
		if i >= len(r.got) || i >= n || r.got[i] != fmt.Sprint(i) {
			c.Fatalf("heard %d messages, %v, want 0 to %d in order", len(r.got), r.got, n-1)
		}
	}
}

// ownerOf is the place of the node that a client is on, as the name of its connection shows.
func (c *fleet) ownerOf(r *reader) int {
	c.Helper()
	id, _, _ := strings.Cut(r.Status().Connection, ".")
	for i, n := range c.nodes {
		if n.id == id {
			return i
		}
	}
	c.Fatalf("the connection %q is of no node", r.Status().Connection)
	return -1
}

func (c *fleet) connections() (all int) {
	for _, n := range c.nodes {
		if !n.dead {
			for _, some := range n.bus.Stats().Connections {
				all += some
			}
		}
	}
	return all
}

func TestPollsAndSendsAreHandedToTheirNode(t *testing.T) {
	for _, over := range []string{protocol.Poll, protocol.SSE} {
		t.Run(over, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startFleet(t, 3)
				r := c.listen("orders", over)
				session := r.Status().Connection
				for i := range 30 {
					c.publish(c.nodes[i%3], "orders", i)
				}
				for i := 30; i < 60; i++ {
					if _, err := r.Publish(t.Context(), "orders", i); err != nil {
						t.Fatal(err)
					}
				}
				c.wantAll(r, 60)
				if now := r.Status().Connection; now != session || session == "" {
					t.Errorf("the client is on session %q, want the first one, %q, all the time", now, session)
				}
				if n := c.connections(); n != 1 {
					t.Errorf("there are %d connections, want 1", n)
				}
				if c.handed == 0 {
					t.Error("nothing went from node to node")
				}
			})
		})
	}
}

// TestNodeIsKilled shows that the clients of a node that is killed go on elsewhere, and miss nothing.
func TestNodeIsKilled(t *testing.T) {
	for _, over := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		t.Run(over, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startFleet(t, 3)
				r := c.listen("orders", over)
				owner := c.ownerOf(r)
				next := c.nodes[(owner+1)%3]
				for i := range 20 {
					c.publish(next, "orders", i)
				}
				c.kill(c.nodes[owner])
				for i := 20; i < 40; i++ {
					c.publish(next, "orders", i)
				}
				c.wantAll(r, 40)
				if now := c.ownerOf(r); now == owner {
					t.Errorf("the client is on %q, the node that was killed", r.Status().Connection)
				}
			})
		})
	}
}

// TestHandedRequestsGoNoFurther shows that a node answers what another one handed to it, and hands on nothing itself.
func TestHandedRequestsGoNoFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 2)
		r := c.listen("orders", protocol.Poll)
		owner := c.ownerOf(r)
		session := c.nodes[owner].id + ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		before := c.handed
		for _, tt := range []struct {
			name  string
			to    int
			meant []string
		}{
			{name: "meant for the node that has the session", to: 1 - owner, meant: []string{c.nodes[owner].id}},
			{name: "meant for a node that is no more", to: owner, meant: []string{"gone-000"}},
			{name: "meant for two", to: owner, meant: []string{c.nodes[owner].id, c.nodes[owner].id}},
			{name: "an unknown session of the node", to: owner, meant: []string{c.nodes[owner].id}},
			{name: "a session of a node that never was", to: owner},
		} {
			if tt.meant == nil {
				session = "gone-000.AAAA"
			}
			body := fmt.Sprintf(`{"type":"poll","session":%q,"received":0}`, session)
			q, _ := http.NewRequest("POST", "http://bus.test/bus/poll", strings.NewReader(body))
			q.Header.Set("Content-Type", "application/json")
			if tt.meant != nil {
				q.Header[forward.Header] = tt.meant
			}
			res, err := c.nodes[tt.to].direct.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			answer, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusGone || !strings.Contains(string(answer), string(protocol.CodeSessionGone)) {
				t.Errorf("%s: got %d %s, want session_gone", tt.name, res.StatusCode, answer)
			}
		}
		if c.handed != before {
			t.Errorf("%d requests were handed on, want none", c.handed-before)
		}
	})
}

// TestPollEndsWithItsNode shows that a poll which was handed to a node does not wait for it beyond its lease.
func TestPollEndsWithItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startFleet(t, 2)
		var mute net.Listener = memnet.Listen() // takes requests and never answers
		go func() {
			for {
				conn, err := mute.Accept()
				if err != nil {
					return
				}
				go io.Copy(io.Discard, conn)
			}
		}()
		defer mute.Close()
		ghost := c.shared.Node()
		if err := ghost.Enter(t.Context(), broker.Node{ID: "ghost-00", URL: "http://ghost-00"}, broker.Lease); err != nil {
			t.Fatal(err)
		}
		c.mute = mute.(*memnet.Listener)
		time.Sleep(time.Second) // virtual: the table of nodes is not read again at once
		start := time.Now()
		q, _ := http.NewRequest("POST", "http://bus.test/bus/poll", strings.NewReader(`{"type":"poll","session":"ghost-00.AAAA","received":0}`))
		q.Header.Set("Content-Type", "application/json")
		res, err := c.nodes[0].direct.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if took := time.Since(start); res.StatusCode != http.StatusGone || took < broker.Lease/2 || took > 2*broker.Lease {
			t.Errorf("got %d after %v, want session_gone about when the lease ends, after %v", res.StatusCode, took, broker.Lease)
		}
	})
}
