package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"tidings/internal/memnet"
	"tidings/sim/nemesis/proxy"
)

// stand is a server behind a proxy, and a client in front of it.
type stand struct {
	*proxy.Proxy
	http   *http.Client
	bodies atomic.Int64 // requests that reached the server
	last   atomic.Value // body of the last one
}

// behind runs fn in a bubble of virtual time.
func behind(t *testing.T, fn func(t *testing.T, s *stand)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stand{}
		origin, front := memnet.Listen(), memnet.Listen()
		web := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
		go web.Serve(origin)
		s.Proxy = proxy.New(origin.Dial, 1)
		served := make(chan error, 1)
		go func() { served <- s.Serve(front) }()
		trip := &http.Transport{DialContext: front.DialContext}
		s.http = &http.Client{Transport: trip}
		fn(t, s)
		s.Proxy.Close()
		trip.CloseIdleConnections()
		web.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: got %v, want nil after Close", err)
		}
	})
}

// ServeHTTP is the server: an echo, a stream of a line a second, and an echo over WebSocket.
func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/stream":
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			if i > 0 {
				select {
				case <-time.After(time.Second):
				case <-r.Context().Done():
					return
				}
			}
			fmt.Fprintf(w, "line %d %s\n", i, strings.Repeat("x", i*100))
			w.(http.Flusher).Flush()
		}
	case "/ws":
		if r.Header.Get("Upgrade") == "" {
			http.Error(w, "no upgrade", http.StatusUpgradeRequired)
			return
		}
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		for {
			kind, text, err := conn.Read(context.Background())
			if err != nil || conn.Write(context.Background(), kind, text) != nil {
				return
			}
		}
	default:
		body, _ := io.ReadAll(r.Body)
		s.bodies.Add(1)
		s.last.Store(string(body))
		fmt.Fprintf(w, "%s %s", r.Method, body)
	}
}

// post returns the status and the text of an answer, or "cut" where there was none within a minute.
func (s *stand) post(path, body string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://bus.test"+path, strings.NewReader(body))
	r.GetBody = nil // or the client repeats what was cut
	answer, err := s.http.Do(r)
	if errors.Is(err, context.DeadlineExceeded) {
		return "silence"
	}
	if err != nil {
		return "cut"
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return "cut"
	}
	return fmt.Sprint(answer.StatusCode, " ", string(text[:min(len(text), 20)]))
}

func TestRequests(t *testing.T) {
	const blocked = "403 <!doctype html><titl"
	for _, tt := range []struct {
		name    string
		rule    proxy.Rule
		body    string
		want    string
		reached int64
		took    time.Duration
	}{
		{name: "none", body: "hello", want: "200 POST hello", reached: 1},
		{name: "a word that a box refuses", rule: proxy.Rule{Contains: "select", Answer: 403}, body: "select 1", want: blocked},
		{name: "another word", rule: proxy.Rule{Contains: "select", Answer: 403}, body: "choose 1", want: "200 POST choose 1", reached: 1},
		{name: "a body above the box's size", rule: proxy.Rule{Larger: 4, Answer: 403}, body: "12345", want: blocked},
		{name: "a body of just that size", rule: proxy.Rule{Larger: 4, Answer: 403}, body: "1234", want: "200 POST 1234", reached: 1},
		{name: "another path", rule: proxy.Rule{Path: "/other", Answer: 403}, body: "x", want: "200 POST x", reached: 1},
		{name: "another method", rule: proxy.Rule{Method: "GET", Answer: 403}, body: "x", want: "200 POST x", reached: 1},
		{name: "none of all, by share", rule: proxy.Rule{Share: 1e-9, Answer: 403}, body: "x", want: "200 POST x", reached: 1},
		{name: "late", rule: proxy.Rule{Late: 3 * time.Second}, body: "x", want: "200 POST x", reached: 1, took: 3 * time.Second},
		{name: "twice", rule: proxy.Rule{Twice: true}, body: "x", want: "200 POST x", reached: 2},
		{name: "the answer is lost", rule: proxy.Rule{Lose: true}, body: "x", want: "cut", reached: 1},
		{name: "swallowed", rule: proxy.Rule{Swallow: true}, body: "x", want: "silence", took: time.Minute},
		{name: "mute upwards", rule: proxy.Rule{Direction: proxy.Up, Mute: true}, body: "x", want: "silence", took: time.Minute},
		{name: "mute downwards", rule: proxy.Rule{Direction: proxy.Down, Mute: true}, body: "x", want: "silence", reached: 1, took: time.Minute},
		{name: "delayed each way", rule: proxy.Rule{Delay: time.Second}, body: "x", want: "200 POST x", reached: 1, took: 3 * time.Second},
		{name: "cut within the answer", rule: proxy.Rule{Direction: proxy.Down, ResetAt: 20}, body: "x", want: "cut", reached: 1},
		{name: "connections that are older", rule: proxy.Rule{After: time.Second, Answer: 403}, body: "x", want: "200 POST x", reached: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			behind(t, func(t *testing.T, s *stand) {
				if tt.name != "none" {
					defer s.Apply(tt.rule)()
				}
				begin := time.Now()
				got := s.post("/echo", tt.body)
				if took := time.Since(begin); got != tt.want || s.bodies.Load() != tt.reached || took != tt.took {
					t.Errorf("%+v, body %q: got %q, %d at the server, after %v; want %q, %d, after %v",
						tt.rule, tt.body, got, s.bodies.Load(), took, tt.want, tt.reached, tt.took)
				}
			})
		})
	}
}

// A trickle of 10 bytes a second; a stall that ends with its rule; a rule for the first two requests alone.
func TestRulesEnd(t *testing.T) {
	behind(t, func(t *testing.T, s *stand) {
		end := s.Apply(proxy.Rule{Direction: proxy.Up, Rate: 100})
		begin := time.Now()
		if got, took := s.post("/echo", strings.Repeat("x", 100)), time.Since(begin); !strings.HasPrefix(got, "200 ") || took < time.Second || took > 4*time.Second {
			t.Errorf("100 bytes and a head at 100 bytes a second: got %q after %v, want 200 after 1 to 4 s", got, took)
		}
		end()
		end = s.Apply(proxy.Rule{Stall: true})
		time.AfterFunc(7*time.Second, end)
		begin = time.Now()
		if got, took := s.post("/echo", "held"), time.Since(begin); got != "200 POST held" || took != 7*time.Second {
			t.Errorf("a stall of 7 s: got %q after %v", got, took)
		}
		defer s.Apply(proxy.Rule{Answer: 503, Times: 2})()
		for i, want := range []string{"503", "503", "200"} {
			if got := s.post("/echo", "x"); !strings.HasPrefix(got, want) {
				t.Errorf("request %d with a rule for two: got %q, want %s", i, got, want)
			}
		}
	})
}

// The same seed draws the same requests, another one draws others.
func TestSeed(t *testing.T) {
	drawn := func(seed uint64) (met string) {
		p := proxy.New(nil, seed)
		for i := range 40 {
			met += map[bool]string{true: "x", false: "."}[p.Draws(1, uint64(i), 0.3)]
		}
		return met
	}
	if a, b, c := drawn(1), drawn(1), drawn(2); a != b || a == c || strings.Count(a, "x") < 4 || strings.Count(a, "x") > 24 {
		t.Errorf("seeds 1, 1 and 2 with a share of 0.3 drew %s, %s and %s", a, b, c)
	}
}

// lines reads a stream and returns when each line came.
func (s *stand) lines(ctx context.Context) (got []string) {
	begin := time.Now()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://bus.test/stream", nil)
	answer, err := s.http.Do(r)
	if err != nil {
		return []string{"cut"}
	}
	defer answer.Body.Close()
	scanner := bufio.NewScanner(answer.Body)
	for scanner.Scan() {
		got = append(got, fmt.Sprintf("%.6s at %v", scanner.Text(), time.Since(begin)))
	}
	if scanner.Err() != nil {
		got = append(got, fmt.Sprintf("cut at %v", time.Since(begin)))
	}
	return got
}

func TestStreams(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(s *stand)
		want string
	}{
		{name: "as it comes", do: func(s *stand) {}, want: "[line 0 at 0s line 1 at 1s line 2 at 2s line 3 at 3s line 4 at 4s]"},
		{name: "held until it ends", do: func(s *stand) { s.Apply(proxy.Rule{Path: "/stream", Buffer: true}) }, want: "[line 0 at 4s line 1 at 4s line 2 at 4s line 3 at 4s line 4 at 4s]"},
		{name: "pieces above 300 bytes vanish", do: func(s *stand) { s.Apply(proxy.Rule{Drop: 300}) }, want: "[line 0 at 0s line 1 at 1s line 2 at 2s]"},
		{name: "reset after 2.5 s", do: func(s *stand) { time.AfterFunc(2500*time.Millisecond, func() { s.Reset(proxy.Rule{Path: "/stream"}) }) }, want: "[line 0 at 0s line 1 at 1s line 2 at 2s cut at 2.5s]"},
		{name: "half-closed after 2.5 s", do: func(s *stand) { time.AfterFunc(2500*time.Millisecond, func() { s.HalfClose(proxy.Rule{}) }) }, want: "[line 0 at 0s line 1 at 1s line 2 at 2s cut at 2.5s]"},
		// A pipe has no room: the server waits for who reads, and writes its line 4 a second after line 3.
		{name: "stalled from 1.5 to 3.5 s", do: func(s *stand) {
			time.AfterFunc(1500*time.Millisecond, func() { time.AfterFunc(2*time.Second, s.Apply(proxy.Rule{Direction: proxy.Down, Stall: true})) })
		}, want: "[line 0 at 0s line 1 at 1s line 2 at 3.5s line 3 at 3.5s line 4 at 4.5s]"},
		{name: "nobody may connect", do: func(s *stand) { s.Down(true) }, want: "[cut]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			behind(t, func(t *testing.T, s *stand) {
				tt.do(s)
				if got := fmt.Sprint(s.lines(t.Context())); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestWebSockets(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule proxy.Rule
		want string // what comes back of messages of 3, 300 and 3 bytes
	}{
		{name: "as it is", want: "3 300 3"},
		{name: "messages above 200 bytes vanish", rule: proxy.Rule{Drop: 200}, want: "3 3 silence"},
		{name: "opened to nowhere", rule: proxy.Rule{DeadSocket: true}, want: "silence"},
		{name: "without upgrade", rule: proxy.Rule{NoUpgrade: true}, want: "refused"},
		{name: "reset after 250 bytes", rule: proxy.Rule{Direction: proxy.Down, ResetAt: 250}, want: "3 cut"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			behind(t, func(t *testing.T, s *stand) {
				s.Apply(tt.rule)
				if got := s.echoes(t.Context()); got != tt.want {
					t.Errorf("%+v: got %s, want %s", tt.rule, got, tt.want)
				}
			})
		})
	}
}

func (s *stand) echoes(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://bus.test/ws", &websocket.DialOptions{HTTPClient: s.http})
	if err != nil {
		return "refused"
	}
	defer conn.CloseNow()
	for _, n := range []int{3, 300, 3} {
		conn.Write(ctx, websocket.MessageText, []byte(strings.Repeat("x", n)))
	}
	var got []string
	for range 3 {
		_, text, err := conn.Read(ctx)
		if ctx.Err() != nil {
			return strings.Join(append(got, "silence"), " ")
		}
		if err != nil {
			return strings.Join(append(got, "cut"), " ")
		}
		got = append(got, fmt.Sprint(len(text)))
	}
	return strings.Join(got, " ")
}

// Over TCP an end of one half is an end, not a reset.
func TestHalfCloseOverTCP(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := proxy.New(proxy.To(server.Addr().String()), 1)
	go p.Serve(front)
	defer p.Close()
	defer server.Close()
	client, err := net.Dial("tcp", front.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	behind, err := server.Accept() // the proxy has dialled: so it has taken the client
	if err != nil {
		t.Fatal(err)
	}
	defer behind.Close()
	if n := p.HalfClose(proxy.Rule{}); n != 1 {
		t.Fatalf("half-closed %d connections, want 1", n)
	}
	if n, err := client.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("the client read %d bytes and %v, want the end", n, err)
	}
	if _, err := client.Write([]byte("GET /still HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Errorf("the client cannot write any more: %v", err)
	}
	if line, err := bufio.NewReader(behind).ReadString('\n'); line != "GET /still HTTP/1.1\r\n" {
		t.Errorf("the server read %q, %v", line, err)
	}
}
