// Package forward hands a request to another node of the bus, at the same URL, and brings the answer back. There is no
// protocol between nodes beside that: a node asks another what the client, or the backend, asked it.
package forward

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// Header names the node that a request is for. That node does not hand it on, and another one refuses it.
const Header = "Tidings-Node"

// Why no answer came. Other errors are those of the context.
var (
	ErrUnreachable = errors.New("forward: the node cannot be reached") // it has not seen the request
	ErrBroken      = errors.New("forward: no whole answer came")       // it may have seen the request
	ErrFull        = errors.New("forward: too many requests are handed on")
)

// Times and bounds of one request.
const (
	dialTimeout   = time.Second
	headerTimeout = 70 * time.Second // longer than a poll is held
	idleTimeout   = 90 * time.Second
	maxIdle       = 1024    // conns to one node
	maxAnswer     = 2 << 20 // bytes of an answer; the longest page of a list is shorter
)

// Forwarder hands on requests. It is made by New.
type Forwarder struct {
	client  http.RoundTripper
	max     int64
	running atomic.Int64

	handed, unreachable, broken, full atomic.Uint64
}

// Counts are what a Forwarder does now, and has done.
type Counts struct {
	Running                           int
	Handed, Unreachable, Broken, Full uint64
}

// Config is how a Forwarder reaches other nodes.
type Config struct {
	Max  int                                                                  // requests at once; 0: 10,000
	TLS  *tls.Config                                                          // how certificates of nodes are checked; nil: as the system does
	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: TCP, within a second
}

const defaultMax = 10_000

// New returns a Forwarder.
func New(cfg Config) *Forwarder {
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return &Forwarder{max: int64(cmp.Or(cfg.Max, defaultMax)), client: &http.Transport{
		DialContext:           cfg.Dial,
		DialTLSContext:        cfg.dialTLS,
		ResponseHeaderTimeout: headerTimeout,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConnsPerHost:   maxIdle,
		DisableCompression:    true,
		WriteBufferSize:       4 << 10,
		ReadBufferSize:        4 << 10,
	}}
}

// hostKey is under what a request's context has the name that its client asked for.
type hostKey struct{}

// dialTLS checks the node's certificate against the name that the client asked for, for which every node has one. Nodes
// are reached by addresses, for which they have none.
func (cfg *Config) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := cfg.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	verify := cfg.TLS.Clone()
	if verify == nil {
		verify = &tls.Config{}
	}
	name, _ := ctx.Value(hostKey{}).(string)
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	verify.ServerName = name
	secure := tls.Client(conn, verify)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// Counts counts.
func (f *Forwarder) Counts() Counts {
	return Counts{int(f.running.Load()), f.handed.Load(), f.unreachable.Load(), f.broken.Load(), f.full.Load()}
}

// Close ends idle conns.
func (f *Forwarder) Close() {
	if t, ok := f.client.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// Node is whom a request is handed to.
type Node struct {
	ID  string
	URL string // scheme and host, without a path
}

// Answer is what a node answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Ask hands a request with a body to a node, and returns its answer. address is that of the client, "" if it is not
// known. It gives up when ctx ends.
func (f *Forwarder) Ask(ctx context.Context, to Node, r *http.Request, body []byte, address string) (*Answer, error) {
	if f.running.Add(1) > f.max {
		f.running.Add(-1)
		f.full.Add(1)
		return nil, ErrFull
	}
	defer f.running.Add(-1)
	res, err := f.send(ctx, to, r, body, address)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(answer) > maxAnswer {
		return nil, f.failed(ctx, true)
	}
	f.handed.Add(1)
	return &Answer{Status: res.StatusCode, Header: res.Header, Body: answer}, nil
}

// Stream is Ask for an answer that is read while it comes. Its caller closes it. Streams do not count to the most at
// once.
func (f *Forwarder) Stream(ctx context.Context, to Node, r *http.Request, address string) (*http.Response, error) {
	return f.send(ctx, to, r, nil, address)
}

// Reaches reports whether a node answers at a path, whatever it answers. host is the name that a client asked for.
func (f *Forwarder) Reaches(ctx context.Context, to Node, path, host string) bool {
	ctx = context.WithValue(ctx, hostKey{}, host)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, to.URL+path, nil)
	if err != nil {
		return false
	}
	res, err := f.client.RoundTrip(q)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // so that the conn can be used again
	res.Body.Close()
	return true
}

func (f *Forwarder) send(ctx context.Context, to Node, r *http.Request, body []byte, address string) (*http.Response, error) {
	reached := false
	ctx = context.WithValue(ctx, hostKey{}, r.Host)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { reached = true }})
	q, err := http.NewRequestWithContext(ctx, r.Method, to.URL+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, f.failed(ctx, false)
	}
	q.Host = r.Host
	copyHeader(q.Header, r.Header)
	q.Header.Set(Header, to.ID)
	if address != "" {
		q.Header.Add("X-Forwarded-For", address)
	}
	res, err := f.client.RoundTrip(q)
	if err != nil {
		return nil, f.failed(ctx, reached)
	}
	return res, nil
}

func (f *Forwarder) failed(ctx context.Context, reached bool) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case reached:
		f.broken.Add(1)
		return ErrBroken
	}
	f.unreachable.Add(1)
	return ErrUnreachable
}

// hops are headers of one conn alone, and those that the request gets anew.
var hops = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Proxy-Connection": true, "Proxy-Authorization": true, "Content-Length": true, "Accept-Encoding": true, "Expect": true, Header: true,
}

func copyHeader(to, from http.Header) {
	named := strings.Join(from["Connection"], ",")
	for name, values := range from {
		if !hops[name] && (named == "" || !containsToken(named, name)) {
			to[name] = append([]string(nil), values...)
		}
	}
}

func containsToken(list, token string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(t), token) {
			return true
		}
	}
	return false
}
