package httpapi

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/internal/guard"
	"tidings/protocol"
)

// over sends raw bytes to a server of its own over a pipe and returns everything that comes back, and after how long it
// ended.
func (w *world) over(send func(net.Conn)) (answer string, took time.Duration) {
	w.Helper()
	client, server := net.Pipe()
	web := w.api.Server("")
	var running sync.WaitGroup
	running.Go(func() { web.Serve(w.api.Listener(&once{conn: server, done: make(chan struct{})}, web)) })
	running.Go(func() { send(client) })
	began := time.Now()
	all, _ := io.ReadAll(client)
	took = time.Since(began)
	client.Close()
	web.Close()
	running.Wait()
	return string(all), took
}

// B12, B13, B14, B20: what is not quite HTTP is refused at once, and the connection closed.
func TestB12_B13_B14_B20_MalformedRequests(t *testing.T) {
	const head = "POST /api/publish HTTP/1.1\r\nHost: bus.example\r\nAuthorization: Bearer " + key + "\r\nContent-Type: application/json\r\n"
	for _, tt := range []struct{ name, raw, want string }{
		{name: "B12 two lengths", raw: head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", want: "400"},
		{name: "B12 length and chunks", raw: head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnull\r\n0\r\n\r\n", want: "400"},
		{name: "B121 chunks and length", raw: head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n4\r\nnull\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", want: "400"},
		{name: "B12 unknown transfer coding", raw: head + "Transfer-Encoding: xchunked\r\n\r\n", want: "501"},
		{name: "B12 space before the colon", raw: head + "Content-Length : 5\r\n\r\n", want: "400"},
		{name: "B13 no host", raw: "GET /healthz HTTP/1.1\r\n\r\n", want: "400"},
		{name: "B13 host with a space", raw: "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", want: "400"},
		{name: "B14 headers at their limit", raw: "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + strings.Repeat("x", maxHeader-1024) + "\r\n\r\n", want: "200"},
		{name: "B14 headers above it", raw: "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + strings.Repeat("x", maxHeader+1024) + "\r\n\r\n", want: "431"},
		{name: "B20 HTTP/2 without TLS", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: "404"},
		{name: "not HTTP at all", raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", want: "400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t)
				answer, took := w.over(func(c net.Conn) { io.WriteString(c, tt.raw) })
				if !strings.HasPrefix(answer, "HTTP/1.1 "+tt.want) && !strings.HasPrefix(answer, "HTTP/1.0 "+tt.want) {
					t.Errorf("got %.200q, want %s", answer, tt.want)
				}
				if got := w.api.guard.Stats().Large; (tt.want == "431") != (got == 1) {
					t.Errorf("%d heads are counted as too large", got)
				}
				if took > headerTimeout {
					t.Errorf("the connection was closed after %v", took)
				}
			})
		})
	}
}

// A connection without a request is kept as long as the balancer in front expects it.
func TestIdleTimeout(t *testing.T) {
	for set, want := range map[time.Duration]time.Duration{0: 75 * time.Second, 10 * time.Minute: 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			answer, took := start(t, func(c *Config) { c.IdleTimeout = set }).over(func(c net.Conn) {
				io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
			})
			if !strings.HasPrefix(answer, "HTTP/1.1 200") || took != want {
				t.Errorf("IdleTimeout %v: closed after %v with %.100q, want %v", set, took, answer, want)
			}
		})
	}
}

// B15: a head that does not come, or by drops, costs a connection for 5 s.
func TestB15_HeadByDrops(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first string
	}{{name: "nothing at all"}, {name: "by drops", first: "GET /healthz HTTP/1.1\r\n"}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, took := start(t).over(func(c net.Conn) {
					if tt.first == "" {
						return
					}
					io.WriteString(c, tt.first)
					for {
						if _, err := io.WriteString(c, "X"); err != nil {
							return
						}
						time.Sleep(100 * time.Millisecond)
					}
				})
				if took != headerTimeout {
					t.Errorf("closed after %v, want %v", took, headerTimeout)
				}
			})
		})
	}
}

// An idle connection is kept for 75 s, then closed.
func TestIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer, took := start(t).over(func(c net.Conn) { io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n") })
		if !strings.Contains(answer, `{"status":"ok"}`) || took != idleTimeout {
			t.Errorf("got %q, closed after %v", answer, took)
		}
	})
}

// F32, B111: a panic in a handler is one request's 500; the log has the stack, and nothing that the request brought.
func TestB111_F32_PanicInAHandler(t *testing.T) {
	w := start(t)
	w.api.engine.GET("/panic", func(*gin.Context) { panic(errors.New("boom")) })
	w.api.engine.GET("/late", func(c *gin.Context) { c.String(200, "half"); panic("late") })
	w.refusedWith(w.do(request{path: "/panic?secret=s3cr3t", header: http.Header{"Cookie": {"s3cr3t"}}}), protocol.CodeInternal)
	if r := w.get("/late"); r.Body.String() != "half" {
		t.Errorf("got %q", r.Body)
	}
	log := w.log.String()
	if !strings.Contains(log, "boom") || !strings.Contains(log, "server_test.go") || strings.Contains(log, "s3cr3t") || strings.Contains(log, key) {
		t.Errorf("logged %s", log)
	}
	if got := w.samples()["tidings_http_panics_total"]; got != "2" {
		t.Errorf("counted %s panics, want 2", got)
	}
	if r := w.get("/healthz"); r.Code != 200 {
		t.Errorf("afterwards: %d", r.Code)
	}
}

// F54: a broker that does not keep up costs the publisher a clear answer, and nobody else anything.
func TestF54_TooManyPublishesAtOnce(t *testing.T) {
	synctest.Test(t, tooManyPublishesAtOnce) // so that a busy machine's own slowness is no broker's
}

func tooManyPublishesAtOnce(t *testing.T) {
	w := start(t)
	w.broker.gate = make(chan struct{})
	const most = 4096 // actors.Config.MaxPendingPublishes
	var group sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range most + 100 {
		group.Go(func() {
			r := w.publish(publishBody)
			mu.Lock()
			defer mu.Unlock()
			if codes[r.Code]++; r.Code == http.StatusServiceUnavailable {
				w.refusedWith(r, protocol.CodeOverloaded)
				if r.Header().Get("Retry-After") == "" {
					t.Error("no Retry-After")
				}
				if codes[r.Code] == 100 {
					close(w.broker.gate)
				}
			}
		})
	}
	group.Wait()
	if codes[200] != most || codes[503] != 100 {
		t.Errorf("got %v, want %d taken and 100 refused", codes, most)
	}
}

// B46: what would break a line, a script or an event inside of data arrives as it was published, in one event.
func TestB46_DataOverSSE(t *testing.T) {
	w := start(t)
	web := httptest.NewServer(w.api)
	defer web.Close()
	stream, err := http.Get(web.URL + "/bus/sse?channel=a")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	next := func(kind string) map[string]json.RawMessage {
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			var frame map[string]json.RawMessage
			if ok && json.Unmarshal([]byte(data), &frame) == nil && string(frame["type"]) == `"`+kind+`"` {
				return frame
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return nil
	}
	next("subscribed")
	for _, data := range []string{`"</script><!--"`, `"\u2028\u2029"`, "\"\u2028\"", `"\r\n\r\nid: 9\ndata: x\n\n"`, `{"data: ":"event: admin"}`} {
		w.ok(w.publish(fmt.Sprintf(`{"channel":"a","data":%s}`, data)), &published{})
		if got := string(next("message")["data"]); got != data {
			t.Errorf("published %q, heard %q", data, got)
		}
	}
}

// once is a listener of one connection.
type once struct {
	conn net.Conn
	done chan struct{}
}

func (o *once) Accept() (net.Conn, error) {
	if c := o.conn; c != nil {
		o.conn = nil
		return c, nil
	}
	<-o.done
	return nil, net.ErrClosed
}

func (o *once) Close() error {
	select {
	case <-o.done:
	default:
		close(o.done)
	}
	return nil
}

func (o *once) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// 2,000 bodies that never come, announced at every kind of URL by one address, do not stop the next client.
func TestB119_BodiesThatNeverCome(t *testing.T) {
	const many = 2000
	w := start(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := w.api.Server("")
	go web.Serve(w.api.Listener(listener, web))
	defer web.Close()
	heads := []string{"GET /healthz", "GET /bus", "POST /api/publish", "POST /nope", "GET /client/tidings.js", "GET /api/history?channel=a"}
	for i := range many {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatalf("after %d: %v", i, err)
		}
		defer c.Close()
		fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", heads[i%len(heads)])
	}
	for began := time.Now(); w.api.guard.Stats().Crowded == 0; { // the server may be behind with accepting
		if time.Since(began) > time.Minute {
			t.Fatalf("of %d bodies that never come none was refused", many)
		}
		runtime.Gosched()
	}
	other := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}}
	answer, err := other.Post("http://"+listener.Addr().String()+"/bus/poll", "application/json", strings.NewReader(`[{"type":"ping","id":1}]`))
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("the next client: %v, %v", answer, err)
	}
	answer.Body.Close()
	if got := w.samples()["tidings_bodies_refused_total"]; got == "0" {
		t.Errorf("counted %s that were refused", got)
	}
}

// A body that never comes ends every URL's request within 10 s, and a second of grace for what is still being sent.
func TestB119_EveryURLBoundsItsBody(t *testing.T) {
	for _, head := range []string{
		"GET /healthz", "GET /bus", "POST /api/publish", "POST /nope", "GET /client/tidings.js", "GET /api/history?channel=a", "GET /metrics",
		"POST /bus/send", "POST /bus/poll", "POST /bus/sse", "GET /bus/ws", "POST /bus/ticket", "GET /bus/poll?channel=a", "GET /api/tail",
	} {
		for _, body := range []string{"Content-Length: 60000", "Transfer-Encoding: chunked"} {
			t.Run(head+" "+body, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := start(t)
					answer, took := w.over(func(c net.Conn) {
						io.WriteString(c, head+" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"+body+"\r\n\r\n")
					})
					if took > guard.BodyLimit+time.Second || !strings.HasPrefix(answer, "HTTP/1.1 ") {
						t.Errorf("ended after %v with %.100q", took, answer)
					}
				})
			})
		}
	}
}
