// Package ops_test runs the files of this folder: the proxies' as real processes in front of the server, Prometheus'
// and Grafana's against the metrics that there are.
package ops_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/httpapi"
	"tidings/internal/teststack"
	"tidings/protocol"
)

var transports = []string{protocol.WebSocket, protocol.SSE, protocol.Poll}

// behind trusts the proxy, as docs/ops/tidings.yaml does.
func behind(cfg *httpapi.Config) {
	cfg.TrustedProxies, cfg.Metrics = []string{"127.0.0.1"}, httpapi.MetricsNobody
}

// prompt is how long a message may take through a proxy that does not hold it back, on a machine that is busy.
const prompt = 5 * time.Second

func TestMessagesPass(t *testing.T) {
	stack := teststack.Start(t, behind)
	for _, k := range kinds(t) {
		p := startProxy(t, k, stack.Addr)
		for _, transport := range transports {
			for _, http2 := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, HTTP/2 %v", k.name, transport, http2), func(t *testing.T) {
					channel := strings.NewReplacer(" ", "", ",", "/").Replace(t.Name())
					l := listen(t, p.base(), p.web(http2), channel, transport)
					stack.Publish(channel, `"from a backend"`)
					l.wants(prompt, `"from a backend"`)
					l.publish(channel, "from the page")
					l.wants(prompt, `"from a backend"`, `"from the page"`)
					got := l.transports()
					if k.name == "caddy" && !http2 {
						// Caddy 2.6 may close a stream that it carries over HTTP/1.1 as it begins, where it is answered
						// before Caddy has noticed the end of the request: "aborting with incomplete response" in its
						// log. The client comes back.
						got = slices.Compact(got)
					}
					if !slices.Equal(got, []string{transport}) {
						t.Errorf("connected over %v, want %s once\n%s", got, transport, p.log())
					}
				})
			}
		}
	}
}

// What else an operator wants of a proxy: its own pages may connect and no others, backends can publish, nobody sees
// /metrics, and nobody passes for another address.
func TestRequestsPass(t *testing.T) {
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			stack := teststack.Start(t, behind)
			p := startProxy(t, k, stack.Addr)
			for _, tt := range []struct {
				name, method, path, body string
				header                   map[string]string
				status                   int
				holds                    string
			}{
				{name: "a page of the bus's own origin", path: "/bus", header: map[string]string{"Origin": p.base()}, status: 200, holds: `"transports"`},
				{name: "a page of that host without TLS", path: "/bus", header: map[string]string{"Origin": "http://" + host}, status: 403, holds: "origin_forbidden"},
				{name: "a page from elsewhere", path: "/bus", header: map[string]string{"Origin": "https://evil.example"}, status: 403, holds: "origin_forbidden"},
				{name: "the client", path: "/client/tidings.iife.js", status: 200, holds: "tidings"},
				{name: "metrics", path: "/metrics", header: map[string]string{"Authorization": "Bearer " + teststack.Key}, status: 404},
				{name: "a publish", method: "POST", path: "/api/publish", body: `{"channel":"a","data":1}`, header: map[string]string{"Authorization": "Bearer " + teststack.Key}, status: 200, holds: `"offset":1`},
				{name: "a publish near the limit", method: "POST", path: "/api/publish", body: `{"channel":"a","data":"` + strings.Repeat("x", 65530) + `"}`, header: map[string]string{"Authorization": "Bearer " + teststack.Key}, status: 200},
				{name: "a body above the limit", method: "POST", path: "/api/publish", body: strings.Repeat(" ", 1<<20+1), header: map[string]string{"Authorization": "Bearer " + teststack.Key}, status: 413},
			} {
				if tt.method == "" {
					tt.method = "GET"
				}
				if k.name == "apache" && tt.path == "/metrics" {
					tt.status = 403
				}
				request, err := http.NewRequest(tt.method, p.base()+tt.path, strings.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Content-Type", "application/json")
				for name, value := range tt.header {
					request.Header.Set(name, value)
				}
				answer, err := p.web(true).Do(request)
				if err != nil {
					t.Errorf("%s: %v", tt.name, err)
					continue
				}
				text, _ := io.ReadAll(answer.Body)
				answer.Body.Close()
				if answer.StatusCode != tt.status || !strings.Contains(string(text), tt.holds) {
					t.Errorf("%s: got %s %.300s, want %d and %q", tt.name, answer.Status, text, tt.status, tt.holds)
				}
			}
			// Ten wrong keys close an address for a minute; a header of its own does not make a client another one.
			for i := range 11 {
				request, _ := http.NewRequest("GET", p.base()+"/api/history?channel=a", nil)
				request.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i))
				answer, err := p.web(true).Do(request)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if want := map[bool]int{false: 401, true: 429}[i == 10]; answer.StatusCode != want {
					t.Errorf("request %d without a key: got %s, want %d", i+1, answer.Status, want)
				}
			}
		})
	}
}

// The timeouts in the files must be longer than the longest silence, and need not be longer: here both are 25 times as
// short.
func TestSilenceIsNotCut(t *testing.T) {
	stack := teststack.Start(t, behind, func(cfg *httpapi.Config) {
		cfg.Transports.Heartbeat, cfg.Transports.PollHold = time.Second, time.Second
	})
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			shorter := func(s string) string { return strings.NewReplacer("75s", "3s", "Timeout 75", "Timeout 3").Replace(s) }
			p := startProxy(t, k, stack.Addr, shorter)
			var all []*listener
			for _, transport := range transports {
				all = append(all, listen(t, p.base(), p.web(true), "silence/"+k.name, transport))
			}
			time.Sleep(8 * time.Second)
			stack.Publish("silence/"+k.name, "1")
			for i, l := range all {
				l.wants(prompt, "1")
				if got := l.transports(); len(got) != 1 {
					t.Errorf("%s: connected %d times, want once", transports[i], len(got))
				}
			}
		})
	}
}
