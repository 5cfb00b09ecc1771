package ops_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/internal/doctor"
	"tidings/internal/teststack"
)

// examine runs the doctor through a proxy.
func examine(t *testing.T, url string, client *http.Client, idle time.Duration) *doctor.Report {
	t.Helper()
	report, err := doctor.Run(t.Context(), doctor.Options{URL: url, Client: client, Idle: idle, By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// What the doctor says of each fault, through real proxies: the summary, and the verdicts and no others.
var faults = []struct {
	name     string
	kind     kind
	change   func(upstream string) func(string) string // of the file of this folder
	idle     time.Duration
	summary  string
	verdicts []string
}{
	{name: "nginx as this folder has it", kind: nginx, summary: "best"},
	{name: "HAProxy as this folder has it", kind: haproxy, summary: "best"},
	{name: "Apache as this folder has it", kind: apache, summary: "best"},
	{name: "Apache that passes no Upgrade on", kind: apache, change: func(string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, " upgrade=websocket", "") }
	}, summary: "sse", verdicts: []string{"websocket_refused"}},
	{name: "Apache that denies POST", kind: apache, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "    ProxyPass /", "    <Location /bus>\n<LimitExcept GET>\nRequire all denied\n</LimitExcept>\n</Location>\n    ProxyPass /")
		}
	}, summary: "websocket", verdicts: []string{"sse_failed", "poll_failed"}},
	{name: "nginx as it is installed", kind: nginx, change: func(u string) func(string) string { return plain(u, "") },
		summary: "sse", verdicts: []string{"websocket_refused"}},
	{name: "nginx that drops Upgrade", kind: nginx, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Upgrade '';")
		}
	}, summary: "sse", verdicts: []string{"websocket_refused"}},
	{name: "nginx that buffers streams whatever the server says", kind: nginx,
		change:  func(u string) func(string) string { return plain(u, "proxy_ignore_headers X-Accel-Buffering;") },
		summary: "poll", verdicts: []string{"websocket_refused", "sse_buffered"}},
	{name: "nginx that buffers streams and passes WebSockets", kind: nginx, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "proxy_buffering off;", "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;")
		}
	}, summary: "websocket", verdicts: []string{"sse_buffered"}},
	{name: "nginx that cuts silence after 2 s", kind: nginx, idle: 4 * time.Second, change: func(string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, "75s", "2s") }
	}, summary: "websocket", verdicts: []string{"idle_cut"}},
	{name: "nginx that takes 8 KiB", kind: nginx, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "client_max_body_size 1m;", "client_max_body_size 8k;")
		}
	}, summary: "websocket", verdicts: []string{"upload_limited"}},
	{name: "nginx that sends /bus elsewhere", kind: nginx, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "location / {", "location /bus { return 404; } location / {")
		}
	}, summary: "elsewhere", verdicts: []string{"server_foreign"}},
	{name: "nginx that forbids POST to streams and polls", kind: nginx, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "location / {", "location ~ ^/bus/(sse|poll)$ { return 405; } location / {")
		}
	}, summary: "websocket", verdicts: []string{"sse_failed", "poll_failed"}},
	{name: "HAProxy that judges texts, as a firewall", kind: haproxy, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "    default_backend tidings", "    option http-buffer-request\n    http-request deny if { req.body -m sub passwd }\n    default_backend tidings")
		}
	}, summary: "websocket", verdicts: []string{"words_refused"}},
	{name: "HAProxy that denies Upgrade", kind: haproxy, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "    default_backend tidings", "    http-request deny if { hdr(Upgrade) -m found }\n    default_backend tidings")
		}
	}, summary: "sse", verdicts: []string{"websocket_refused"}},
	{name: "HAProxy that drops Upgrade", kind: haproxy, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "    default_backend tidings", "    http-request del-header Upgrade\n    default_backend tidings")
		}
	}, summary: "sse", verdicts: []string{"websocket_refused"}},
	{name: "HAProxy that collects responses", kind: haproxy, change: func(string) func(string) string {
		return func(s string) string {
			return strings.ReplaceAll(s, "    option httpchk", "    http-response wait-for-body time 60s if { res.hdr(Content-Type) -m beg text/event-stream }\n    option httpchk")
		}
	}, summary: "websocket", verdicts: []string{"sse_buffered"}},
	{name: "HAProxy that cuts silence after 2 s", kind: haproxy, idle: 4 * time.Second, change: func(string) func(string) string {
		return func(s string) string { return strings.NewReplacer("75s", "2s").Replace(s) }
	}, summary: "websocket", verdicts: []string{"idle_cut"}},
}

func TestDoctorThroughProxies(t *testing.T) {
	stack := teststack.Start(t, behind)
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var changes []func(string) string
			if tt.change != nil {
				changes = append(changes, tt.change(stack.Addr))
			}
			p := startProxy(t, tt.kind, stack.Addr, changes...)
			if tt.idle == 0 {
				tt.idle = time.Second
			}
			r := examine(t, p.base(), p.web(false), tt.idle)
			if r.Summary != tt.summary || !slices.Equal(without(r.Verdicts, "six_connections"), tt.verdicts) {
				t.Errorf("got %s %q, want %s %q; %v\n%s", r.Summary, r.Verdicts, tt.summary, tt.verdicts, r.Facts, p.log())
			}
			if tt.idle > 2*time.Second && r.Facts["idleCutAfter"] != "2" {
				t.Errorf("cut after %s s on %s, want 2", r.Facts["idleCutAfter"], r.Facts["idleOn"])
			}
			t.Log(r.Facts, r.Took)
		})
	}
}

func without(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == name })
}

// HTTP/2 to the proxy: WebSockets still work, and no note warns of six connections.
func TestDoctorOverHTTP2(t *testing.T) {
	stack := teststack.Start(t, behind)
	p := startProxy(t, nginx, stack.Addr)
	r := examine(t, p.base(), p.web(true), -1)
	if r.Summary != "best" || r.Facts["http"] != "2" || len(r.Verdicts) > 0 {
		t.Errorf("got %s %q %v", r.Summary, r.Verdicts, r.Facts)
	}
}

// A device that answers 101 and then swallows every frame, as inspecting firewalls do.
func TestDoctorBehindAnEater(t *testing.T) {
	stack := teststack.Start(t)
	// Not httptest's: closing that one races with a poll's connection that comes back to the server.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	eater := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			stack.ServeHTTP(w, r)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		server, err := net.Dial("tcp", stack.Addr)
		if err != nil {
			t.Error(err)
			return
		}
		defer server.Close()
		r.Write(server)
		answer := make([]byte, 4096)
		n, _ := server.Read(answer)
		conn.Write(answer[:n])
		for {
			if _, err := conn.Read(answer); err != nil {
				return
			}
		}
	})}
	go eater.Serve(listener)
	t.Cleanup(func() { eater.Close() })
	r := examine(t, "http://"+listener.Addr().String(), nil, -1)
	if r.Summary != "sse" || !slices.Equal(without(r.Verdicts, "six_connections"), []string{"websocket_eaten"}) {
		t.Errorf("got %s %q %v", r.Summary, r.Verdicts, r.Facts)
	}
}

func TestDoctorWithoutAServer(t *testing.T) {
	r := examine(t, "http://"+teststack.FreeAddress(t), nil, -1)
	if r.Summary != "unreachable" || fmt.Sprint(r.Verdicts) != "[server_unreachable]" {
		t.Errorf("got %s %q", r.Summary, r.Verdicts)
	}
}

// Sessions do not stay behind.
func TestDoctorLeavesNothing(t *testing.T) {
	stack := teststack.Start(t)
	examine(t, stack.URL, nil, -1)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		n := stack.Connections()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are left", n)
		}
	}
}
