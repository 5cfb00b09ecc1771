package scenario

import (
	"bytes"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// proxy is an HTTP proxy between clients and the front, with the habits that proxies have. Its fields are set before the first request,
// or under Change.
type proxy struct {
	w        *World
	link     *link // to the front
	lis      *listener
	web      *http.Server
	trip     *http.Transport
	upgrades http.Handler

	mu          sync.Mutex // guards all below
	swallow     bool       // answers 101 to a WebSocket and passes no byte
	strip       bool       // takes Upgrade away
	buffer      bool       // holds the answer of a stream until it ends
	status      int        // answers this itself, in HTML
	repeat      bool       // sends each POST twice
	cache       bool       // keeps answers to GET, as far as they may be kept
	lose        map[string]int
	kept        map[string]*answer
	seen        map[string]int // requests by path
	largest     map[string]int // answer by path, bytes
	lostAnswers int
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// Proxy starts a proxy.
func (w *World) Proxy(change func(*proxy)) *proxy {
	p := &proxy{w: w, lis: newListener(), lose: map[string]int{}, kept: map[string]*answer{}, seen: map[string]int{}, largest: map[string]int{}}
	if change != nil {
		change(p)
	}
	p.link = w.link("proxy", w.front)
	p.trip = &http.Transport{DialContext: p.link.dial, DisableCompression: true}
	target, _ := url.Parse("http://bus.test")
	p.upgrades = &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: p.trip,
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	p.web = &http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0)}
	go p.web.Serve(p.lis)
	w.proxies = append(w.proxies, p)
	return p
}

// Change sets habits.
func (p *proxy) Change(fn func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn(p)
}

// LoseAnswers lets the next n answers to path get lost after the server sent them.
func (p *proxy) LoseAnswers(path string, n int) { p.Change(func(p *proxy) { p.lose[path] = n }) }

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
	p.web.Close()
	p.trip.CloseIdleConnections()
}

func (p *proxy) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen[r.URL.Path]++
	swallow, status := p.swallow && r.Header.Get("Upgrade") != "", p.status
	kept := p.kept[r.URL.String()]
	if r.Method != http.MethodGet || !p.cache {
		kept = nil
	}
	if p.strip {
		r.Header.Del("Upgrade")
		r.Header.Del("Connection")
	}
	p.mu.Unlock()
	switch {
	case status != 0:
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(status)
		io.WriteString(rw, "<html><body>the page that a proxy shows: {\"frames\":[]}</body></html>")
	case swallow:
		p.swallowed(rw, r)
	case kept != nil:
		maps.Copy(rw.Header(), kept.header)
		rw.WriteHeader(kept.status)
		rw.Write(kept.body)
	case r.Header.Get("Upgrade") != "":
		p.upgrades.ServeHTTP(rw, r)
	default:
		p.forward(rw, r)
	}
}

// forward is a ReverseProxy that flushes what comes, but for its lock: it is held while a write waits, which stops time in a bubble.
func (p *proxy) forward(rw http.ResponseWriter, r *http.Request) {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", "bus.test", ""
	out.Header.Del("Connection")
	resp, err := p.RoundTrip(out)
	if err == nil {
		err = p.modify(resp)
	}
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	maps.Copy(rw.Header(), resp.Header)
	rw.WriteHeader(resp.StatusCode)
	flush := http.NewResponseController(rw).Flush
	flush()
	b := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(b)
		if n > 0 {
			if _, err := rw.Write(b[:n]); err != nil || flush() != nil {
				return
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // what was begun cannot be taken back
		}
	}
}

// swallowed opens a WebSocket to nowhere.
func (p *proxy) swallowed(rw http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		acceptKey(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
	io.Copy(io.Discard, conn)
}

// RoundTrip sends a request on.
func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	repeat := p.repeat && r.Method == http.MethodPost && r.URL.Path != "/bus/sse"
	p.mu.Unlock()
	if !repeat {
		return p.trip.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	first := r.Clone(r.Context())
	first.Body = io.NopCloser(bytes.NewReader(body))
	if resp, err := p.trip.RoundTrip(first); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return p.trip.RoundTrip(r)
}

func (p *proxy) modify(resp *http.Response) error {
	path := resp.Request.URL.Path
	stream := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream")
	p.mu.Lock()
	buffer, lose := p.buffer, p.lose[path] > 0
	if lose {
		p.lose[path]--
		p.lostAnswers++
	}
	cache := p.cache && resp.Request.Method == http.MethodGet && !strings.Contains(resp.Header.Get("Cache-Control"), "no-store")
	p.mu.Unlock()
	if stream {
		if buffer {
			resp.Body = &held{ReadCloser: resp.Body}
		}
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return err
	}
	if lose {
		panic(http.ErrAbortHandler)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.largest[path] = max(p.largest[path], len(body))
	if cache {
		p.kept[resp.Request.URL.RequestURI()] = &answer{resp.StatusCode, resp.Header.Clone(), body}
	}
	return nil
}

// held gives nothing before its stream ended.
type held struct {
	io.ReadCloser
	all io.Reader
}

func (h *held) Read(b []byte) (int, error) {
	if h.all == nil {
		all, _ := io.ReadAll(h.ReadCloser)
		h.all = bytes.NewReader(all)
	}
	return h.all.Read(b)
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
