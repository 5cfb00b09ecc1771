// Package proxy is a bad network between clients and a server: a proxy for HTTP/1.1 and WebSocket that does to
// connections, requests and bytes what real networks and the boxes in them do. What it does is a list of rules, which a
// test changes while traffic goes through.
//
//	p := proxy.New(proxy.To("127.0.0.1:8080"), seed)
//	go p.Serve(listener)
//	end := p.Apply(proxy.Rule{Path: "/bus/poll", Delay: 300 * time.Millisecond})
//
// It needs no sockets: over pipes and inside of a testing/synctest bubble it works as well, for it waits on channels
// and timers alone.
package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Dial opens a connection to the server.
type Dial func(context.Context) (net.Conn, error)

// To returns a Dial that connects to a host:port over TCP.
func To(address string) Dial {
	return func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
}

// Bounds of one proxy.
const (
	maxConns = 4096            // more are closed at once
	maxBody  = 2 << 20         // bytes of a request's body; a longer one ends its connection
	lingers  = 5 * time.Second // how long one side stays open after the other was closed behind a mute wire
	giveUp   = time.Minute     // of a write that nobody reads
)

// Proxy stands between clients and one server. Its methods may be called at any time, from any goroutine.
type Proxy struct {
	// Watch, if it is set before Serve, is called for each answer of the server when its body has gone through, or was
	// lost. It must not wait.
	Watch func(Answer)

	dial   Dial
	seed   uint64
	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu    sync.Mutex // guards all below; never held while anything waits
	rules []*rule
	conns map[*conn]bool
	down  bool
	drawn uint64 // requests so far
	made  uint64 // rules so far
}

// Answer is an answer of the server.
type Answer struct {
	Request *http.Request
	Status  int
	Header  http.Header
	Bytes   int  // of the body
	Lost    bool // by a rule
}

func (p *Proxy) tell(a Answer) {
	if p.Watch != nil {
		p.Watch(a)
	}
}

// New returns a proxy without rules. The same seed, rules and order of requests lead to the same choices.
func New(dial Dial, seed uint64) *Proxy {
	p := &Proxy{dial: dial, seed: seed, conns: map[*conn]bool{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Serve takes connections of l until l or the proxy is closed. It returns why it ended, which is nil after Close.
func (p *Proxy) Serve(l net.Listener) error {
	stop := context.AfterFunc(p.ctx, func() { l.Close() })
	defer stop()
	for {
		client, err := l.Accept()
		if err != nil {
			if p.ctx.Err() != nil {
				return nil
			}
			return err
		}
		if !p.accept(client) {
			abort(client)
		}
	}
}

// accept begins to serve a client. It reports false if nobody may connect.
func (p *Proxy) accept(client net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down || p.ctx.Err() != nil || len(p.conns) >= maxConns {
		return false
	}
	c := newConn(p, client)
	p.conns[c] = true
	p.wait.Go(func() {
		c.run()
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
	})
	return true
}

// Close resets every connection and returns when the last one has ended.
func (p *Proxy) Close() {
	p.cancel()
	p.each(Rule{}, (*conn).end)
	p.wait.Wait()
}

// Apply adds a rule and returns what takes it away again; what the rule held back then goes on. A rule holds for
// connections that are open already, too, from their next byte or request on.
func (p *Proxy) Apply(r Rule) (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made++
	added := &rule{Rule: r, id: p.made, over: make(chan struct{})}
	p.rules = append(slices.Clip(p.rules), added)
	return sync.OnceFunc(func() {
		p.mu.Lock()
		p.rules = slices.DeleteFunc(slices.Clone(p.rules), func(other *rule) bool { return other == added })
		p.mu.Unlock()
		close(added.over)
	})
}

// Down refuses new connections while on is true. Those that are open stay so.
func (p *Proxy) Down(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = on
}

// Reset breaks the open connections whose last request the rule meets, on both sides, and returns how many these were.
func (p *Proxy) Reset(which Rule) int { return p.each(which, (*conn).end) }

// HalfClose ends what the server sends on the connections that the rule meets, and nothing else: the client reads the
// end, and may go on to write. It returns how many these were.
func (p *Proxy) HalfClose(which Rule) int {
	return p.each(which, func(c *conn) {
		if half, ok := c.client.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
			return
		}
		c.end() // a pipe has no halves
	})
}

// Open returns how many connections go through the proxy.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

func (p *Proxy) each(which Rule, do func(*conn)) int {
	p.mu.Lock()
	var met []*conn
	for c := range p.conns {
		if (&rule{Rule: which}).meets(c.last, p.seed) {
			met = append(met, c)
		}
	}
	p.mu.Unlock()
	for _, c := range met {
		do(c)
	}
	return len(met)
}

// begin notes a request of c and returns the rules that it meets, of which those with Times count it.
func (p *Proxy) begin(c *conn, r *request) []*rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drawn++
	r.number = p.drawn
	c.last = r
	var met []*rule
	for _, rule := range p.rules {
		if rule.meets(r, p.seed) && (rule.Times == 0 || rule.met.Load() < int64(rule.Times)) {
			rule.met.Add(1)
			met = append(met, rule)
		}
	}
	return met
}

// shapes returns the rules that meet the request which c carries now.
func (p *Proxy) shapes(c *conn, d Direction) []*rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	var met []*rule
	for _, r := range p.rules {
		if r.shapes() && (r.Direction == 0 || r.Direction == d) && r.meets(c.last, p.seed) {
			met = append(met, r)
		}
	}
	return met
}

// abort closes a connection so that its peer reads a reset rather than an end.
func abort(c net.Conn) {
	if tcp, ok := c.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

var errEnded = errors.New("proxy: the connection was ended")
