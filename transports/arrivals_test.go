package transports

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// arrivingInMemory is pumpedInMemory with conns whose first request is read without net/http, if it is known.
func arrivingInMemory(t *testing.T, server *http.Server, chunk int) *rig {
	return pumpedFrom(t, server, chunk, func(h *Handler, l net.Listener) net.Listener {
		return h.Listener(l, Arrivals{Server: server})
	})
}

// entrance counts who came in and has said nothing.
type entrance struct {
	places int64
	in     atomic.Int64
	ended  atomic.Int64
}

func (e *entrance) enter(net.Conn) bool {
	if e.in.Load() == e.places {
		return false
	}
	e.in.Add(1)
	return true
}

func (e *entrance) leave(net.Conn) { e.in.Add(-1); e.ended.Add(1) }

// watchedArrivals is arrivingInMemory with an entrance for so many.
func watchedArrivals(t *testing.T, places int64) (*rig, *entrance) {
	e := &entrance{places: places}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 75 * time.Second}
	r := pumpedFrom(t, server, 4<<10, func(h *Handler, l net.Listener) net.Listener {
		return h.Listener(l, Arrivals{Server: server, Enter: e.enter, Leave: e.leave})
	})
	return r, e
}

func TestTheFirstRequestOfAConn(t *testing.T) {
	connect := string(text(`[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`))
	keyOf := func(key string) string {
		return strings.Replace(upgradeRequest(), "dGhlIHNhbXBsZSBub25jZQ==", key, 1)
	}
	for _, tt := range []struct {
		name   string
		sent   []string // each after the other has been dealt with
		want   string   // what the answer begins with
		has    string   // what it has somewhere
		opened int64    // handshakes that net/http did not see
		read   int64    // polls that it did not see
	}{
		{"a handshake", []string{upgradeRequest(), connect}, "HTTP/1.1 101 Switching Protocols\r\n", `"subscribed"`, 1, 0},
		{"a handshake as Firefox has it", []string{strings.Replace(upgradeRequest(), "Connection: Upgrade", "Connection: keep-alive, Upgrade", 1), connect}, "HTTP/1.1 101 Switching Protocols\r\n", `"subscribed"`, 1, 0},
		{"a handshake and frames in one", []string{upgradeRequest() + connect}, "HTTP/1.1 101 Switching Protocols\r\n", `"subscribed"`, 1, 0},
		{"a handshake and half a frame", []string{upgradeRequest() + connect[:20], connect[20:]}, "HTTP/1.1 101 Switching Protocols\r\n", `"subscribed"`, 1, 0},
		{"half a handshake", []string{upgradeRequest()[:40], upgradeRequest()[40:], connect}, "HTTP/1.1 101 Switching Protocols\r\n", `"subscribed"`, 0, 0},
		{"B8 a short key", []string{keyOf("AAAAAAAAAAAAAAAAAAAA")}, "HTTP/1.1 400 Bad Request\r\n", "Sec-WebSocket-Version: 13", 1, 0},
		{"B8 a key that is none", []string{keyOf("????????????????????????")}, "HTTP/1.1 400 Bad Request\r\n", "handshake is malformed", 1, 0},
		{"B9 version 8", []string{strings.Replace(upgradeRequest(), "Version: 13", "Version: 8", 1)}, "HTTP/1.1 400 Bad Request\r\n", "Sec-WebSocket-Version: 13", 1, 0},
		{"a page that may not", []string{strings.Replace(upgradeRequest(), "\r\n\r\n", "\r\nOrigin: https://evil.example\r\n\r\n", 1)}, "HTTP/1.1 403 Forbidden\r\n", "origin_forbidden", 1, 0},
		{"a poll", []string{post("/bus/poll", `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)}, "HTTP/1.1 200 OK\r\n", `"subscribed"`, 0, 1},
		{"two polls in one", []string{strings.Repeat(post("/bus/poll", `{"type":"poll","session":"nobody","received":0}`), 2)}, "HTTP/1.1 410 Gone\r\n", "session_gone", 0, 2},
		{"a poll of a bad conn", []string{post("/bus/poll", `{"type":"ping"}`, "Connection: close")}, "HTTP/1.1 200 OK\r\n", `"pong"`, 0, 0},
		{"a stream", []string{post("/bus/sse", `{"type":"connect"}`)}, "HTTP/1.1 200 OK\r\n", `"connected"`, 0, 0},
		{"another URL", []string{lines("GET /bus HTTP/1.1")}, "HTTP/1.1 200 OK\r\n", `"transports"`, 0, 0},
		{"no HTTP", []string{"hello\r\n\r\n"}, "HTTP/1.1 400 Bad Request\r\n", "", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, e := watchedArrivals(t, 10)
				c, err := r.dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				var got strings.Builder
				go io.Copy(&got, c)
				for _, part := range tt.sent {
					io.WriteString(c, part)
					synctest.Wait()
				}
				if !strings.HasPrefix(got.String(), tt.want) || !strings.Contains(strings.ToLower(got.String()), strings.ToLower(tt.has)) {
					t.Errorf("sent %q\ngot  %q\nwant %q, with %q in it", tt.sent, got.String(), tt.want, tt.has)
				}
				if r.opened.Load() != tt.opened || r.read.Load() != tt.read {
					t.Errorf("%d handshakes and %d polls were read without net/http, want %d and %d", r.opened.Load(), r.read.Load(), tt.opened, tt.read)
				}
				for l := range r.h.links {
					if in, ok := l.(inbound); ok && !in.base().watched {
						t.Errorf("%T has a goroutine of its own, want it watched", l)
					}
				}
				if e.in.Load() != 0 || e.ended.Load() != 1 {
					t.Errorf("%d conns still count as silent, and %d were taken out; want none and once", e.in.Load(), e.ended.Load())
				}
			})
		})
	}
}

// B17: a conn on which nothing is said is closed when the time for the head of its request is over, and counts as silent
// until then. One too many is closed at once.
func TestB17_aNewConnThatSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, e := watchedArrivals(t, 2)
		began := time.Now()
		first, gone := r.ended(t)
		r.ended(t)
		synctest.Wait()
		if e.in.Load() != 2 {
			t.Errorf("%d conns count as silent, want 2", e.in.Load())
		}
		_, refused := r.ended(t)
		<-refused
		if took := time.Since(began); took > 0 {
			t.Errorf("one too many was closed after %v, want at once", took)
		}
		if <-gone; time.Since(began) < 5*time.Second || time.Since(began) > 6*time.Second {
			t.Errorf("the first was closed after %v, want 5 s", time.Since(began))
		}
		synctest.Wait()
		if e.in.Load() != 0 {
			t.Errorf("%d conns count as silent after their end", e.in.Load())
		}
		first.Close()
		if n := r.h.linked(); n != 0 {
			t.Errorf("%d links are left", n)
		}
	})
}

// ended returns a new conn, and what is closed when the server has closed that.
func (r *rig) ended(t *testing.T) (net.Conn, <-chan struct{}) {
	t.Helper()
	c, err := r.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	over := make(chan struct{})
	go func() {
		defer close(over)
		io.Copy(io.Discard, c)
	}()
	return c, over
}

// A client that leaves before it has said anything leaves nothing behind.
func TestANewConnThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, e := watchedArrivals(t, 10)
		c, _ := r.ended(t)
		synctest.Wait()
		c.Close()
		synctest.Wait()
		if n := r.h.linked(); n != 0 || e.in.Load() != 0 {
			t.Errorf("%d links are left, %d count as silent", n, e.in.Load())
		}
	})
}

// While the server goes down net/http reads first requests, so that their answers end the conns.
func TestNoNewConnRestsWhileTheServerGoesDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := watchedArrivals(t, 10)
		early, _ := r.dial(t.Context())
		defer early.Close()
		synctest.Wait()
		r.h.StopResting()
		late, _ := r.dial(t.Context())
		defer late.Close()
		for name, c := range map[string]net.Conn{"that had come before": early, "that came then": late} {
			go io.WriteString(c, post("/bus/poll", `{"type":"poll","session":"nobody","received":0}`))
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || resp.StatusCode != http.StatusGone {
				t.Errorf("the conn %s: got %v, %v, want 410", name, resp, err)
			}
		}
		if n := r.read.Load(); n != 0 {
			t.Errorf("%d requests were read without net/http", n)
		}
	})
}

// Close ends conns on which nothing was said.
func TestCloseEndsNewConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, e := watchedArrivals(t, 10)
		_, gone := r.ended(t)
		synctest.Wait()
		r.h.Close()
		<-gone
		if e.in.Load() != 0 {
			t.Error("it still counts as silent")
		}
	})
}

// A handler that panics over the first request ends that conn, and nothing else.
func TestAPanicOverTheFirstRequest(t *testing.T) {
	r := onLoopback(t, nil)
	var harmless atomic.Bool
	r.bus.opens = func(l core.Link) {
		if !harmless.Load() {
			panic("the test wants it")
		}
	}
	p := r.poller(t)
	p.ask(`{"type":"connect"}`)
	if _, err := p.br.ReadByte(); err == nil {
		t.Error("it was answered")
	}
	harmless.Store(true)
	s := r.rawSocket(t)
	s.send(text(`{"type":"connect"}`))
	s.want(string(protocol.TypeConnected))
}
