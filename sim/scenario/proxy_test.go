package scenario

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	network "tidings/sim/nemesis/proxy"
)

// proxy is an HTTP proxy between clients and the front, with the habits of its rules.
type proxy struct {
	*network.Proxy
	w    *World
	link *link // to the front
	lis  *listener

	mu          sync.Mutex // guards all below
	ends        []func()   // of the rules that stand until Whole
	seen        map[string]int
	largest     map[string]int // answer by path, bytes
	keepable    int            // answers to GET that a cache may keep
	lostAnswers int
}

// Proxy starts a proxy whose rules stand for good.
func (w *World) Proxy(rules ...network.Rule) *proxy {
	p := &proxy{w: w, lis: newListener(), seen: map[string]int{}, largest: map[string]int{}}
	p.link = w.link("proxy", w.front)
	p.Proxy = network.New(func(ctx context.Context) (net.Conn, error) { return p.link.dial(ctx, "", "") }, 1)
	p.Watch = p.watch
	for _, r := range rules {
		p.Apply(r)
	}
	go p.Serve(p.lis)
	w.proxies = append(w.proxies, p)
	return p
}

// The habits of some proxies.
var (
	swallows = network.Rule{DeadSocket: true} // answers 101 to a WebSocket and passes no byte
	strips   = network.Rule{NoUpgrade: true}
	buffers  = network.Rule{Buffer: true}
)

// repeats sends each POST twice, but for the beginning of a stream.
var repeats = []network.Rule{
	{Method: http.MethodPost, Path: "/bus/send", Twice: true},
	{Method: http.MethodPost, Path: "/bus/poll", Twice: true},
	{Method: http.MethodPost, Path: "/api", Twice: true},
}

// watch counts an answer.
func (p *proxy) watch(a network.Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := a.Request.URL.Path
	p.seen[path]++
	if a.Lost {
		p.lostAnswers++
		return
	}
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream") {
		p.largest[path] = max(p.largest[path], a.Bytes)
	}
	if a.Request.Method == http.MethodGet && !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
		p.keepable++
	}
}

// until adds a rule that stands until Whole.
func (p *proxy) until(r network.Rule) {
	end := p.Apply(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends = append(p.ends, end)
}

// Shows answers everything itself, in HTML, until Whole.
func (p *proxy) Shows(status int) { p.until(network.Rule{Answer: status}) }

// LoseAnswers lets the next n answers to path get lost after the server sent them.
func (p *proxy) LoseAnswers(path string, n int) {
	p.until(network.Rule{Path: path, Lose: true, Times: n})
}

// Whole ends what Shows and LoseAnswers began.
func (p *proxy) Whole() {
	p.mu.Lock()
	ends := p.ends
	p.ends = nil
	p.mu.Unlock()
	for _, end := range ends {
		end()
	}
}

// Restart breaks everything that goes through the proxy; it is there again at once.
func (p *proxy) Restart() {
	for _, l := range p.w.allLinks() {
		l.crash(p.lis)
	}
	p.link.Blink()
}

func (p *proxy) listener() *listener { return p.lis }

func (p *proxy) close() {
	p.lis.Close()
	p.Close()
}

// CutIdle breaks connections through the proxy, on both sides of it, over which nothing went for d.
func (p *proxy) CutIdle(d time.Duration) {
	p.link.CutIdle(d)
	for _, l := range p.w.allLinks() {
		if l.to != nil && l.to() == p.lis {
			l.CutIdle(d)
		}
	}
}
