package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

// restPatience is how long a test waits at most for what a server on a real port does.
const restPatience = 90 * time.Second

// port is a world behind a real port, where conns can rest.
type port struct {
	*world
	web     *http.Server
	address string
	through atomic.Int64   // requests that net/http has read
	under   sync.WaitGroup // of them, those whose handler has not returned
}

// onPort serves the API on a port of its own.
func (w *world) onPort() *port { return w.onPortBy(w.api.Listener) }

// onPortOfNetHTTP is onPort with conns whose first requests net/http reads.
func (w *world) onPortOfNetHTTP() *port {
	return w.onPortBy(func(l net.Listener, _ *http.Server) net.Listener { return w.api.guard.Listener(l, false) })
}

func (w *world) onPortBy(listen func(net.Listener, *http.Server) net.Listener) *port {
	w.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	p := &port{world: w, web: w.api.Server(""), address: listener.Addr().String()}
	next := p.web.Handler
	p.web.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p.through.Add(1)
		p.under.Add(1)
		defer p.under.Done()
		next.ServeHTTP(rw, r)
	})
	go p.web.Serve(listen(listener, p.web))
	w.Cleanup(func() { p.web.Close() })
	return p
}

// plainConn is a client's conn, which sends any bytes.
type plainConn struct {
	t    *testing.T
	conn net.Conn
	br   *bufio.Reader
}

func (p *port) dial(t *testing.T) *plainConn {
	t.Helper()
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(restPatience))
	return &plainConn{t, c, bufio.NewReader(c)}
}

// rested returns a conn that rests after its first publish.
func (p *port) rested(t *testing.T) *plainConn {
	t.Helper()
	c := p.dial(t)
	c.send(publishOf(publishBody))
	if got := c.answer(); !strings.HasPrefix(got, "200") {
		t.Fatalf("the first publish: %s", got)
	}
	return c
}

func (c *plainConn) send(raw string) { io.WriteString(c.conn, raw) }

// volatileParts are what differs from one answer to the next.
var volatileParts = regexp.MustCompile(`"(epoch|tag|id|offset|session|connection|time)":("[^"]*"|\d+)`)

// answer reads one answer and returns its status, headers and body in a form that can be compared; "" at the conn's end.
func (c *plainConn) answer() string {
	c.t.Helper()
	r, err := http.ReadResponse(c.br, nil)
	if err != nil {
		return ""
	}
	body, err := io.ReadAll(r.Body)
	if r.StatusCode == http.StatusRequestHeaderFieldsTooLarge {
		return r.Status // the conn is cut behind it
	}
	if err != nil || r.StatusCode == http.StatusOK && r.Header.Get("Date") == "" {
		c.t.Errorf("the answer %v is not whole: %v", r, err)
	}
	r.Header.Del("Date")
	r.Header.Del("Content-Length") // has been checked by reading so much
	var lines []string
	for name, values := range r.Header {
		lines = append(lines, fmt.Sprintf("%s: %q", name, values))
	}
	slices.Sort(lines)
	return fmt.Sprintf("%s close=%v %s %s", r.Status, r.Close, lines, volatileParts.ReplaceAllString(string(body), `"$1":0`))
}

func isEmpty(s string) bool { return s == "" }

func publishHead(headers ...string) string {
	return "POST /api/publish HTTP/1.1\r\nHost: bus.example\r\nAuthorization: Bearer " + key + "\r\nContent-Type: application/json\r\n" + strings.Join(headers, "")
}

func publishOf(body string, headers ...string) string {
	return publishHead(headers...) + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

// A request means the same to net/http, on a new conn, and on one that rests: the same answers in the same order, and the
// conn is kept or closed alike. known is how many of its requests net/http does not see.
func TestARequestMeansTheSameOnAConnThatRests(t *testing.T) {
	const chunked = "Transfer-Encoding: chunked\r\n\r\n"
	const handshake = "Host: bus.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	body := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(publishBody), publishBody)
	for _, tt := range []struct {
		name  string
		parts []string // each but the last is followed by an answer that is read
		known int
		cut   bool // the server ends the conn before it has read all
	}{
		{"a publish", []string{publishOf(publishBody)}, 1, false},
		{"a publish with a trace and a key of idempotency", []string{publishOf(publishBody, "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", "Idempotency-Key: k\r\n")}, 1, false},
		{"through a proxy", []string{publishOf(publishBody, "X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-Proto: https\r\n", "Via: 1.1 p\r\n")}, 1, false},
		{"a poll that opens a session", []string{"POST /bus/poll HTTP/1.1\r\nHost: bus.example\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"type\":\"connect\"}"}, 1, false},
		{"a poll of a session that is gone", []string{"POST /bus/poll HTTP/1.1\r\nHost: bus.example\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n{\"type\":\"poll\",\"session\":\"none\",\"received\":0}"}, 1, false},
		{"a poll of a page that may not", []string{"POST /bus/poll HTTP/1.1\r\nHost: bus.example\r\nOrigin: https://evil.example\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"type\":\"connect\"}"}, 1, false},
		{"a poll of a page that may", []string{"POST /bus/poll HTTP/1.1\r\nHost: bus.example\r\nOrigin: http://bus.example\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"type\":\"connect\"}"}, 1, false},
		{"no key", []string{strings.Replace(publishOf(publishBody), "Authorization", "X-Authorization", 1)}, 1, false},
		{"a bad key", []string{strings.Replace(publishOf(publishBody), key, "another-key-of-nobody-0123456789abcdef", 1)}, 1, false},
		{"two keys", []string{publishOf(publishBody, "Authorization: Bearer x\r\n")}, 0, false},
		{"B8 no Sec-WebSocket-Key", []string{"GET /bus/ws HTTP/1.1\r\n" + handshake + "Sec-WebSocket-Version: 13\r\n\r\n"}, 1, false},
		{"B8 a short Sec-WebSocket-Key", []string{"GET /bus/ws HTTP/1.1\r\n" + handshake + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n\r\n"}, 1, false},
		{"B9 version 8", []string{"GET /bus/ws HTTP/1.1\r\n" + handshake + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"}, 1, false},
		{"B10 POST upgrade", []string{"POST /bus/ws HTTP/1.1\r\n" + handshake + "Content-Length: 0\r\n\r\n"}, 0, false},
		{"B10 HTTP/1.0 upgrade", []string{"GET /bus/ws HTTP/1.0\r\n" + handshake + "\r\n"}, 0, false},
		{"B11 upgrade with a body", []string{"GET /bus/ws HTTP/1.1\r\n" + handshake + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 5\r\n\r\nhello"}, 0, false},
		{"B12 two lengths", []string{publishHead("Content-Length: 5\r\nContent-Length: 6\r\n\r\n")}, 0, false},
		{"B12 length and chunks", []string{publishHead("Content-Length: 4\r\n", chunked, "4\r\nnull\r\n0\r\n\r\n")}, 0, false},
		{"B12 unknown transfer coding", []string{publishHead("Transfer-Encoding: xchunked\r\n\r\n")}, 0, false},
		{"B12 bare line feeds in chunks", []string{publishHead(chunked, "4\nnull\n0\n\n")}, 0, false},
		{"B12 space before the colon", []string{publishHead("Content-Length : 5\r\n\r\n")}, 0, false},
		{"B12 a length that hides a request", []string{publishHead("Content-Length: +5\r\n\r\n") + publishOf(publishBody)}, 0, false},
		{"B13 no host", []string{"POST /api/publish HTTP/1.1\r\nContent-Type: application/json\r\n" + body}, 0, false},
		{"B13 host with a space", []string{"POST /api/publish HTTP/1.1\r\nHost: a b\r\nContent-Type: application/json\r\n" + body}, 0, false},
		{"B13 host with an @", []string{"POST /api/publish HTTP/1.1\r\nHost: a@b\r\nContent-Type: application/json\r\n" + body}, 0, false},
		{"B14 headers at their limit", []string{publishOf(publishBody, "X-A: "+strings.Repeat("x", maxHeader-1024)+"\r\n")}, 0, false},
		{"B14 headers above it", []string{publishOf(publishBody, "X-A: "+strings.Repeat("x", maxHeader+1024)+"\r\n")}, 0, true},
		{"B73 a body above its limit", []string{publishOf(`{"channel":"a","data":1` + strings.Repeat(" ", protocol.MaxAPIBodyBytes) + `}`)}, 0, false},
		{"B73 a body that announces more", []string{publishHead(fmt.Sprintf("Content-Length: %d\r\n\r\n", protocol.MaxAPIBodyBytes+1))}, 0, false},
		{"B75 text", []string{strings.Replace(publishOf(publishBody), "application/json", "text/plain", 1)}, 1, false},
		{"B75 no type", []string{strings.Replace(publishOf(publishBody), "Content-Type", "X-Type", 1)}, 1, false},
		{"B75 another character set", []string{strings.Replace(publishOf(publishBody), "application/json", "application/json; charset=utf-8", 1)}, 1, false},
		{"B76 compressed", []string{publishOf(publishBody, "Content-Encoding: gzip\r\n")}, 0, false},
		{"B77 an array", []string{publishOf(`[1]`)}, 1, false},
		{"B77 an unknown field", []string{publishOf(`{"channel":"a","data":1,"dtaa":2}`)}, 1, false},
		{"B82 a doubled slash", []string{strings.Replace(publishOf(publishBody), "/api/publish", "/api//publish", 1)}, 0, false},
		{"B82 a slash at the end", []string{strings.Replace(publishOf(publishBody), "/api/publish", "/api/publish/", 1)}, 0, false},
		{"B82 a zero in the path", []string{strings.Replace(publishOf(publishBody), "/api/publish", "/api/publish%00", 1)}, 0, false},
		{"B82 TRACE", []string{strings.Replace(publishOf(publishBody), "POST", "TRACE", 1)}, 0, false},
		{"B83 escapes in the agent", []string{publishOf(publishBody, "User-Agent: \x1b[31m\r\n")}, 0, false},
		{"B83 a long agent", []string{publishOf(`{"channel":"`+strings.Repeat("c", 4000)+`","data":1}`, "User-Agent: "+strings.Repeat("a", 3000)+"\r\n")}, 1, false},
		{"B85 1,000 parameters", []string{strings.Replace(publishOf(publishBody), "/api/publish", "/api/publish?"+strings.Repeat("a&", 1000), 1)}, 0, false},
		{"long bodies", []string{publishOf(`{"channel":"a","data":1}` + strings.Repeat(" ", 7000)), publishOf(`{"channel":"a","data":1}` + strings.Repeat(" ", 20_000)), publishOf(publishBody)}, 1, false},
		{"B134 three publishes at once", []string{strings.Repeat(publishOf(publishBody), 3)}, 3, false},
		{"B134 a known one, one of net/http, a known one", []string{publishOf(publishBody) + "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + publishOf(publishBody)}, 1, false},
		{"B134 behind one that is the last", []string{publishOf(publishBody, "Connection: close\r\n") + publishOf(publishBody)}, 0, false},
		{"B135 a body that waits for our leave", []string{publishHead("Expect: 100-continue\r\n", fmt.Sprintf("Content-Length: %d\r\n\r\n", len(publishBody))), publishBody}, 0, false},
		{"B135 a body that does not wait", []string{publishOf(publishBody, "Expect: 100-continue\r\n")}, 0, false},
		{"B135 another expectation", []string{publishOf(publishBody, "Expect: something\r\n")}, 0, false},
		{"B136 in chunks", []string{publishHead(chunked, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(publishBody), publishBody))}, 0, false},
		{"B136 in chunks, with another request behind", []string{publishHead(chunked, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(publishBody), publishBody)) + publishOf(publishBody)}, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play := func(c *plainConn) (answers []string) {
				for i, part := range tt.parts {
					c.send(part)
					if i < len(tt.parts)-1 {
						answers = append(answers, c.answer())
					}
				}
				answers = append(answers, c.answer())
				if tt.cut {
					return answers
				}
				c.send("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") // shows whether the conn was kept
				for {
					answer := c.answer()
					if answer == "" {
						return answers
					}
					answers = append(answers, answer)
				}
			}
			want := play(start(t).onPortOfNetHTTP().dial(t))
			for name, begin := range map[string]func(*port) *plainConn{
				"a new conn":        func(p *port) *plainConn { return p.dial(t) },
				"a conn that rests": func(p *port) *plainConn { return p.rested(t) },
			} {
				p := start(t).onPort()
				got := play(begin(p))
				if tt.cut { // the answer may be lost with what the server has not read
					got, want = slices.DeleteFunc(got, isEmpty), slices.DeleteFunc(want, isEmpty)
					if len(got)*len(want) == 0 {
						return
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("on %s\ngot  %q\nwant %q", name, got, want)
				}
				if runtime.GOOS != "linux" {
					return // no conn rests
				}
				if seen := int(p.through.Load()); seen > len(got)-tt.known {
					t.Errorf("on %s net/http has read %d of %d requests, want %d less", name, seen, len(got), tt.known)
				}
			}
		})
	}
}

// Behind a known request one that is smuggled is refused, and is the last of the conn.
func TestB134_B12_aBadRequestBehindAKnownOne(t *testing.T) {
	p := start(t).onPort()
	c := p.rested(t)
	const bad = "POST /api/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
	c.send(publishOf(publishBody) + bad + "0\r\n\r\n" + publishOf(publishBody))
	if got := c.answer(); !strings.HasPrefix(got, "200") {
		t.Errorf("the known one: %s", got)
	}
	rest, _ := io.ReadAll(c.br) // its end may be lost with what the server has not read
	if len(rest) > 0 && (!strings.HasPrefix(string(rest), "HTTP/1.1 400") || strings.Count(string(rest), "HTTP/1.1") > 1) {
		t.Errorf("then %q, want 400 and the end", rest)
	}
	var page struct{ Messages []struct{} }
	if p.ok(p.get("/api/history?channel=a"), &page); len(page.Messages) != 2 {
		t.Errorf("%d messages, want those of the two good publishes before it", len(page.Messages))
	}
}

// What is decided, counted and logged of a publish is the same, whoever has read it.
func TestAPublishCountsTheSameWhoeverHasReadIt(t *testing.T) {
	spans := &countedSpans{}
	p := start(t, func(c *Config) { c.Tracer = spans }).onPort()
	c := p.dial(t)
	const n = 5
	for i := range n {
		c.send(publishOf(fmt.Sprintf(`{"channel":"a","data":%d}`, i)))
		if got := c.answer(); !strings.HasPrefix(got, "200 OK close=false") {
			t.Fatalf("publish %d: %s", i, got)
		}
	}
	if got := p.through.Load(); got != 0 && runtime.GOOS == "linux" {
		t.Errorf("net/http has read %d requests, want none", got)
	}
	if got := spans.made.Load(); got != n {
		t.Errorf("%d spans, want %d", got, n)
	}
	var page struct{ Messages []struct{ Data int } }
	p.ok(p.get("/api/history?channel=a"), &page)
	if len(page.Messages) != n {
		t.Errorf("the history has %d messages, want %d", len(page.Messages), n)
	}
	for i, m := range page.Messages {
		if m.Data != i {
			t.Errorf("message %d is %d", i, m.Data)
		}
	}
	// The line of a request is written after its answer: all are there when no handler runs. Shutdown does not wait for
	// that of a conn which was taken from net/http.
	ctx, cancel := context.WithTimeout(t.Context(), restPatience)
	defer cancel()
	p.api.EndKeepAlives(p.web)
	if err := p.api.Shutdown(ctx, p.web); err != nil {
		t.Fatal(err)
	}
	p.under.Wait()
	line := regexp.MustCompile(`"method":"POST","path":"/api/publish","status":200,.*"key":"[^"]+","address":"127.0.0.1"`)
	if got := len(line.FindAllString(p.log.String(), -1)); got != n {
		t.Errorf("%d lines of the log match, want %d: %s", got, n, p.log)
	}
}

type countedSpans struct{ made atomic.Int64 }

func (s *countedSpans) Publish(parent, channel string) (string, func(string, uint64, int, error)) {
	s.made.Add(1)
	return parent, func(string, uint64, int, error) {}
}

func (s *countedSpans) Stats() (sent, lost uint64) { return 0, 0 }

// A server that goes down tells the clients of conns which rest that they have had their last answer.
func TestARestingConnIsToldToLeave(t *testing.T) {
	p := start(t).onPort()
	c := p.rested(t)
	p.api.EndKeepAlives(p.web)
	c.send(publishOf(publishBody))
	if got := c.answer(); !strings.HasPrefix(got, "200 OK close=true") {
		t.Errorf("got %s, want an answer that closes the conn", got)
	}
	if got := c.answer(); got != "" {
		t.Errorf("then %s, want the end", got)
	}
}

// A publish that is under way on a conn which rests is answered before the server is down.
func TestShutdownWaitsForARestingConn(t *testing.T) {
	w := startBus(t, actors.Config{Rules: access.Rules{Subscribe: access.Anyone, Publish: access.Anyone, Presence: access.Anyone}})
	p := w.onPort()
	c := p.rested(t)
	gate, reached := make(chan struct{}), make(chan struct{})
	p.broker.gate, p.broker.reached = gate, reached
	c.send(publishOf(publishBody))
	<-reached
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	p.api.EndKeepAlives(p.web)
	p.api.Close()
	if err := p.api.Shutdown(expired, p.web); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown did not wait: %v", err)
	}
	close(gate)
	if got := c.answer(); !strings.HasPrefix(got, "200") {
		t.Errorf("got %s, want the publish's answer", got)
	}
	if err := p.api.Shutdown(t.Context(), p.web); err != nil {
		t.Error(err)
	}
}
