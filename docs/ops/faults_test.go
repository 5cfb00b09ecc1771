package ops_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tidings/internal/teststack"
	"tidings/protocol"
)

// plain is nginx as people have it before they read our page: nothing but where to send requests. more goes into its
// location.
func plain(upstream, more string) func(string) string {
	return func(string) string {
		return fmt.Sprintf(`
			server {
				listen 443 ssl http2;
				ssl_certificate /etc/ssl/bus.example.com.crt;
				ssl_certificate_key /etc/ssl/bus.example.com.key;
				location / { proxy_pass http://%s; %s }
			}`, upstream, more)
	}
}

// A proxy that is not set up for it costs the WebSocket, or streams, and never the messages.
func TestUnpreparedProxies(t *testing.T) {
	stack := teststack.Start(t)
	for _, tt := range []struct {
		name, more string
		want       string
	}{
		{name: "F23 nginx as it is installed: no upgrade, HTTP/1.0", want: protocol.SSE},
		{name: "F19 nginx that buffers streams whatever the server says", more: "proxy_ignore_headers X-Accel-Buffering;", want: protocol.Poll},
		{name: "F20 nginx that compresses streams", more: "gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_proxied any;", want: protocol.SSE},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			channel := "unprepared/" + tt.want + tt.name[:3]
			p := startProxy(t, nginx, stack.Addr, plain(stack.Addr, tt.more))
			l := listen(t, p.base(), p.web(true), channel)
			for i := range 5 {
				stack.Publish(channel, fmt.Sprint(i))
				l.wants(prompt, numbers(i+1)...)
			}
			if got := l.transports(); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("connected over %v, want %s", got, tt.want)
			}
		})
	}
}

// A proxy that cuts what is silent for a second, where the heartbeat is 25 s: every cut is resumed, and nothing is
// lost. The matrix asks for more, that the heartbeat adapts to it.
func TestIdleCuts(t *testing.T) {
	stack := teststack.Start(t, behind)
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			channel := "cuts/" + k.name
			p := startProxy(t, k, stack.Addr, func(s string) string { return strings.NewReplacer("75s", "1s", "Timeout 75", "Timeout 1").Replace(s) })
			var all []*listener
			for _, transport := range transports {
				all = append(all, listen(t, p.base(), p.web(false), channel, transport))
			}
			for i := range 12 {
				stack.Publish(channel, fmt.Sprint(i))
				time.Sleep([]time.Duration{50 * time.Millisecond, 400 * time.Millisecond, 1600 * time.Millisecond}[i%3])
			}
			for i, l := range all {
				l.wants(patience, numbers(12)...)
				t.Logf("%s connected %d times", transports[i], len(l.transports()))
			}
		})
	}
}

// F22: the proxy goes away for a while with every connection; what was published meanwhile comes when it is back.
func TestF22_Restart(t *testing.T) {
	stack := teststack.Start(t, behind)
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			channel := "restarts/" + k.name
			p := startProxy(t, k, stack.Addr)
			var all []*listener
			for _, transport := range transports {
				all = append(all, listen(t, p.base(), p.web(false), channel, transport))
			}
			for i := range 9 {
				switch i {
				case 3:
					p.stop()
				case 6:
					p.start()
				}
				stack.Publish(channel, fmt.Sprint(i))
			}
			for _, l := range all {
				l.wants(patience, numbers(9)...)
			}
		})
	}
}

// F22: nginx -s reload, after which old workers end within worker_shutdown_timeout.
func TestF22_Reload(t *testing.T) {
	stack := teststack.Start(t, behind)
	p := startProxy(t, nginx, stack.Addr)
	var all []*listener
	for _, transport := range transports {
		all = append(all, listen(t, p.base(), p.web(true), "reload", transport))
	}
	for i := range 20 {
		if i%5 == 2 {
			p.cmd.Process.Signal(syscall.SIGHUP)
		}
		stack.Publish("reload", fmt.Sprint(i))
		time.Sleep(150 * time.Millisecond)
	}
	for _, l := range all {
		l.wants(patience, numbers(20)...)
	}
}

// F24: pages of HTML in place of answers are an outage, not data.
func TestF24_ErrorPages(t *testing.T) {
	for _, status := range []int{502, 503, 504, 403} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			stack := teststack.Start(t, behind)
			p := startProxy(t, nginx, stack.Addr)
			var all []*listener
			for _, transport := range transports {
				all = append(all, listen(t, p.base(), p.web(false), "pages", transport))
			}
			stack.Publish("pages", "0")
			for _, l := range all {
				l.wants(prompt, numbers(1)...)
			}
			good, err := os.ReadFile(p.path("config"))
			if err != nil {
				t.Fatal(err)
			}
			p.stop()
			p.write("config", replace(t, string(good), "location / {", fmt.Sprintf("location / { return %d '<html><h1>Sorry</h1></html>';", status)))
			p.start()
			stack.Publish("pages", "1")
			time.Sleep(2 * time.Second)
			p.stop()
			p.write("config", string(good))
			p.start()
			stack.Publish("pages", "2")
			for _, l := range all {
				l.wants(patience, numbers(3)...)
			}
		})
	}
}

// F25: a proxy that keeps answers of GET keeps none of ours.
func TestF25_Cache(t *testing.T) {
	stack := teststack.Start(t)
	p := startProxy(t, nginx, stack.Addr, func(s string) string {
		s = plain(stack.Addr, "proxy_cache all; proxy_cache_valid any 10m; add_header X-Cache $upstream_cache_status;")(s)
		return "proxy_cache_path cache keys_zone=all:1m;\n" + s
	})
	stack.Publish("cache", "0")
	from := positionOf(stack.History("cache")[0])
	answers := map[string]bool{}
	for _, path := range []string{"/bus", "/bus/poll?channel=cache&cursor=" + url.QueryEscape(from), "/bus/poll?channel=cache&cursor=" + url.QueryEscape(from)} {
		stack.Publish("cache", "1")
		answer, err := p.web(false).Get(p.base() + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if got := answer.Header.Get("X-Cache"); got != "MISS" || answers[string(text)] {
			t.Errorf("GET %s: the cache says %q, the answer is %s", path, got, text)
		}
		answers[string(text)] = true
	}
	a := listen(t, p.base(), p.web(false), "cache", protocol.Poll)
	b := listen(t, p.base(), p.web(false), "cache", protocol.SSE)
	stack.Publish("cache", `"both"`)
	a.wants(prompt, `"both"`)
	b.wants(prompt, `"both"`)
	if a.Status().Connection == b.Status().Connection {
		t.Error("two clients are one connection")
	}
}

func positionOf(m teststack.Message) string { return fmt.Sprintf("%s:%d:%s", m.Epoch, m.Offset, m.Tag) }

// F26: a proxy that repeats POST requests whose answer it lost. Every message stands once.
func TestF26_RepeatedRequests(t *testing.T) {
	stack := teststack.Start(t)
	var lost atomic.Int64
	deaf := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/send") || strings.HasSuffix(r.URL.Path, "/publish")) {
			stack.ServeHTTP(httptest.NewRecorder(), r)
			lost.Add(1)
			panic(http.ErrAbortHandler)
		}
		stack.ServeHTTP(w, r)
	}))
	t.Cleanup(deaf.Close)
	p := startProxy(t, nginx, stack.Addr, func(s string) string {
		s = plain("twice", "proxy_next_upstream error timeout non_idempotent;")(s)
		return fmt.Sprintf("upstream twice { server %s max_fails=0; server %s max_fails=0; }\n", strings.TrimPrefix(deaf.URL, "http://"), stack.Addr) + s
	})
	for _, transport := range []string{protocol.SSE, protocol.Poll} {
		channel := "repeated/" + transport
		l := listen(t, p.base(), p.web(false), channel, transport)
		var want []string
		for i := range 20 {
			l.publish(channel, fmt.Sprint("m", i))
			want = append(want, fmt.Sprintf(`"m%d"`, i))
		}
		l.wants(prompt, want...)
		if kept := stack.History(channel); len(kept) != 20 {
			t.Errorf("%s: the channel holds %d messages, want 20", transport, len(kept))
		}
	}
	for i := range 10 {
		body := fmt.Sprintf(`{"channel":"repeated/api","data":%d,"idempotencyKey":"key-%d"}`, i, i)
		request, _ := http.NewRequest("POST", p.base()+"/api/publish", strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer "+teststack.Key)
		request.Header.Set("Content-Type", "application/json")
		answer, err := p.web(false).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Offset int }
		err = json.NewDecoder(answer.Body).Decode(&got)
		answer.Body.Close()
		if err != nil || got.Offset != i+1 {
			t.Errorf("publish %d: got %s, offset %d, %v", i, answer.Status, got.Offset, err)
		}
	}
	if lost.Load() < 10 {
		t.Errorf("only %d answers were lost: the test tests nothing", lost.Load())
	}
}

// F27: an answer of a poll has at most 256 KiB of frames, so that no proxy has to put it on disk whole; all of it comes
// in several.
func TestF27_LargeRecoveryByPoll(t *testing.T) {
	stack := teststack.Start(t)
	var largest atomic.Int64
	counted := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &counter{ResponseWriter: w}
		stack.ServeHTTP(c, r)
		for n := c.n.Load(); n > largest.Load(); {
			largest.Store(n)
		}
	}))
	t.Cleanup(counted.Close)
	p := startProxy(t, nginx, stack.Addr, plain(strings.TrimPrefix(counted.URL, "http://"), ""))
	l := listen(t, p.base(), p.web(false), "large", protocol.Poll)
	l.Hold()
	var want []string
	for i := range 40 {
		data := fmt.Sprintf(`"%d %s"`, i, strings.Repeat("x", 40<<10))
		stack.Publish("large", data)
		want = append(want, data)
	}
	l.Heal()
	l.wants(patience, want...)
	if n := largest.Load(); n > protocol.RecoveryPageBytes+4096 || n < 100<<10 {
		t.Errorf("the largest answer has %d bytes, want up to %d", n, protocol.RecoveryPageBytes)
	}
}

// counter counts the bytes of an answer.
type counter struct {
	http.ResponseWriter
	n atomic.Int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return c.ResponseWriter.Write(b)
}

func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func numbers(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}
