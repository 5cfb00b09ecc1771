package httpapi

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tidings/protocol"
)

func withDemo(c *Config) {
	c.Demo = fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>demo</title>")}, "assets/app.js": {Data: []byte("export {}")}, "app.tsx": {Data: []byte("source")}}
}

func withDocs(c *Config) {
	c.Docs = func() (fs.FS, error) {
		return fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>docs</title>")}, "index.md": {Data: []byte("# docs")}}, nil
	}
}

// The documentation is made once, when it is first asked for. What cannot be made is an error of the server.
func TestDocsAreMadeWhenAskedFor(t *testing.T) {
	made := 0
	w := start(t, func(c *Config) {
		c.Docs = func() (fs.FS, error) {
			made++
			return fstest.MapFS{"index.html": {Data: []byte("docs")}}, nil
		}
	})
	w.do(request{method: "GET", path: "/healthz"})
	if made != 0 {
		t.Error("it was made before anybody asked for it")
	}
	for range 2 {
		if r := w.do(request{method: "GET", path: "/docs/"}); r.Code != 200 || r.Header().Get("Content-Security-Policy") != pagePolicy {
			t.Errorf("GET /docs/: %d with the policy %q, want 200 and %q", r.Code, r.Header().Get("Content-Security-Policy"), pagePolicy)
		}
	}
	if made != 1 {
		t.Errorf("it was made %d times, want once", made)
	}
	w = start(t, func(c *Config) { c.Docs = func() (fs.FS, error) { return nil, errors.New("no page") } })
	if r := w.do(request{method: "GET", path: "/docs/"}); r.Code != 500 {
		t.Errorf("GET /docs/ of what cannot be made: %d, want 500", r.Code)
	}
	if r := start(t).do(request{method: "GET", path: "/docs/"}); r.Code != 404 {
		t.Errorf("GET /docs/ without documentation: %d, want 404", r.Code)
	}
}

func TestEveryURL(t *testing.T) {
	for _, base := range []string{"", "/tidings"} {
		w := start(t, withDemo, withDocs, func(c *Config) { c.BasePath = base })
		for _, tt := range []struct {
			method, path string
			status       int
			media        string
		}{
			{"GET", "/bus", 200, "application/json"},
			{"OPTIONS", "/bus", 204, ""},
			{"POST", "/bus", 405, "application/json"},
			{"GET", "/bus/ws", 0, ""},
			{"POST", "/bus/send", 400, "application/json"},
			{"POST", "/bus/poll", 400, "application/json"},
			{"GET", "/api/history?channel=a", 200, "application/json"},
			{"GET", "/api/channels", 200, "application/json"},
			{"GET", "/api/connections", 200, "application/json"},
			{"GET", "/api/presence?channel=a", 200, "application/json"},
			{"GET", "/api/why?connection=c&channel=a&offset=1", 404, "application/json"},
			{"POST", "/api/batch", 400, "application/json"},
			{"POST", "/api/send", 400, "application/json"},
			{"POST", "/api/disconnect", 400, "application/json"},
			{"POST", "/api/revoke", 400, "application/json"},
			{"GET", "/api/batch", 405, "application/json"},
			{"GET", "/api/openapi.yaml", 200, "application/yaml"},
			{"GET", "/healthz", 200, "application/json"},
			{"GET", "/readyz", 200, "application/json"},
			{"HEAD", "/readyz", 200, "application/json"},
			{"GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
			{"GET", "/client/tidings.js", 200, "text/javascript; charset=utf-8"},
			{"HEAD", "/client/tidings.iife.js", 200, "text/javascript; charset=utf-8"},
			{"GET", "/client/none.js", 404, "application/json"},
			{"GET", "/client/", 404, "application/json"},
			{"GET", "/demo", 302, ""},
			{"GET", "/demo/", 200, "text/html; charset=utf-8"},
			{"GET", "/demo/assets/app.js", 200, "text/javascript; charset=utf-8"},
			{"GET", "/demo/app.tsx", 404, "application/json"},
			{"GET", "/doctor", 302, ""},
			{"GET", "/doctor/", 200, "text/html; charset=utf-8"},
			{"GET", "/doctor/checks.js", 200, "text/javascript; charset=utf-8"},
			{"GET", "/doctor/verdicts.json", 200, "application/json"},
			{"GET", "/doctor/../api/channels", 404, "application/json"},
			{"POST", "/doctor/", 405, "application/json"},
			{"GET", "/docs", 302, ""},
			{"GET", "/docs/", 200, "text/html; charset=utf-8"},
			{"GET", "/docs/index.md", 200, "text/markdown; charset=utf-8"},
			{"GET", "/docs/api/x", 404, "application/json"},
			{"POST", "/docs/", 405, "application/json"},
			{"POST", "/api/reply", 401, "application/json"},
			{"GET", "/", 404, "application/json"},
			{"GET", "/primus", 404, "application/json"},
		} {
			q := request{method: tt.method, path: base + tt.path}
			if tt.method == "POST" {
				q.body = "{}"
			}
			r := w.do(q)
			if tt.status != 0 && r.Code != tt.status || tt.status == 0 && (r.Code < 400 || r.Code >= 500) {
				t.Errorf("%s %s: got %d %s, want %d", tt.method, base+tt.path, r.Code, r.Body, tt.status)
			}
			if media := r.Header().Get("Content-Type"); tt.media != "" && media != tt.media {
				t.Errorf("%s %s: Content-Type %q, want %q", tt.method, base+tt.path, media, tt.media)
			}
		}
		for _, name := range []string{"demo", "doctor"} {
			for _, outside := range []string{base, "/below" + base} { // where a proxy that strips a path has it
				asked, _ := url.Parse("https://bus.example.com" + outside + "/" + name)
				to, err := asked.Parse(w.get(base + "/" + name).Header().Get("Location"))
				if err != nil || to.Path != outside+"/"+name+"/" || to.Host != asked.Host {
					t.Errorf("%s goes to %v (%v)", asked, to, err)
				}
			}
		}
		if base != "" {
			w.refusedWith(w.get("/healthz"), protocol.CodeNotFound)
		}
	}
}

func TestWithoutDemo(t *testing.T) {
	w := start(t)
	w.refusedWith(w.get("/demo/"), protocol.CodeNotFound)
}

func TestReadiness(t *testing.T) {
	w := start(t)
	if r := w.get("/readyz"); r.Code != 200 {
		t.Errorf("got %d %s", r.Code, r.Body)
	}
	w.broker.down = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker does not answer", Hint: "Try again later."}
	w.refusedWith(w.get("/readyz"), protocol.CodeBrokerUnavailable)
	w.broker.down = errors.New("dial tcp 10.0.0.5:6379: refused")
	r := w.get("/readyz")
	w.refusedWith(r, protocol.CodeInternal)
	if strings.Contains(r.Body.String(), "10.0.0.5") {
		t.Errorf("%s tells of the inside", r.Body)
	}
	if r := w.get("/healthz"); r.Code != 200 {
		t.Errorf("health: got %d %s", r.Code, r.Body)
	}
	w.broker.down = nil
	w.bus.Drain(t.Context())
	w.refusedWith(w.get("/readyz"), protocol.CodeShuttingDown)
}

func TestFilesAreCachedAndChecked(t *testing.T) {
	w := start(t, withDemo)
	r := w.get("/client/tidings.js")
	etag := r.Header().Get("ETag")
	if etag == "" || r.Header().Get("Cache-Control") != "no-cache" || r.Header().Get("Access-Control-Allow-Origin") != "*" || r.Body.Len() == 0 {
		t.Fatalf("got %v", r.Header())
	}
	r = w.do(request{path: "/client/tidings.js", header: http.Header{"If-None-Match": {etag}}})
	if r.Code != http.StatusNotModified || r.Body.Len() != 0 {
		t.Errorf("got %d with %d bytes, want 304", r.Code, r.Body.Len())
	}
	r = w.do(request{path: "/client/tidings.js", header: http.Header{"If-None-Match": {`"other"`}}})
	if r.Code != 200 {
		t.Errorf("got %d, want 200", r.Code)
	}
	for _, path := range []string{"/client/../api.go", "/client/%2e%2e/api.go", "/client//tidings.js", "/client/tidings.js/", "/client/tidings.js%00"} {
		if r := w.get(path); r.Code != 404 {
			t.Errorf("%s: got %d", path, r.Code)
		}
	}
}

// Files are compressed for clients that take it: what the docs say of the client's size is what goes over the wire.
func TestFilesAreCompressed(t *testing.T) {
	w := start(t, withDemo)
	plain := w.get("/client/tidings.js")
	for accept, want := range map[string]string{
		"gzip, deflate, br": "gzip", "br, GZIP;q=0.8": "gzip", "gzip;q=1": "gzip",
		"": "", "br": "", "identity": "", "gzip;q=0": "", "gzip; q=0.0, br": "", "x-gzip": "",
	} {
		r := w.do(request{path: "/client/tidings.js", header: http.Header{"Accept-Encoding": {accept}}})
		got := r.Header().Get("Content-Encoding")
		body, tag := r.Body.Bytes(), r.Header().Get("ETag")
		if got == "gzip" {
			unpacked, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			small := len(body)
			if body, err = io.ReadAll(unpacked); err != nil || small > len(body)/2 {
				t.Errorf("%d bytes became %d (%v)", len(body), small, err)
			}
			if tag == plain.Header().Get("ETag") {
				t.Error("both forms have the same ETag")
			}
		}
		if got != want || !bytes.Equal(body, plain.Body.Bytes()) || r.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: got %q, %d bytes, %v; want %q", accept, got, len(body), r.Header(), want)
		}
		again := w.do(request{path: "/client/tidings.js", header: http.Header{"Accept-Encoding": {accept}, "If-None-Match": {tag}}})
		if again.Code != http.StatusNotModified {
			t.Errorf("Accept-Encoding %q: got %d for the ETag of before, want 304", accept, again.Code)
		}
	}
	r := w.do(request{path: "/client/tidings.js", header: http.Header{"Accept-Encoding": {"gzip"}, "Range": {"bytes=0-9"}}})
	if r.Code != http.StatusPartialContent || r.Header().Get("Content-Encoding") != "" || !bytes.Equal(r.Body.Bytes(), plain.Body.Bytes()[:10]) {
		t.Errorf("a part: got %d %v %q", r.Code, r.Header(), r.Body)
	}
}

func TestDemoBackend(t *testing.T) {
	backend := func(c *Config) {
		c.DemoBackend = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Method+" "+r.URL.String()) })
	}
	for _, base := range []string{"", "/tidings"} {
		w := start(t, withDemo, backend, func(c *Config) { c.BasePath = base })
		for _, tt := range []struct{ method, path, want string }{
			{"GET", "/demo/api/visitors?still", "GET /visitors?still"},
			{"POST", "/demo/api/jobs", "POST /jobs"},
		} {
			if got := w.do(request{method: tt.method, path: base + tt.path}); got.Code != 200 || got.Body.String() != tt.want {
				t.Errorf("%s %s: %d %s, want %s", tt.method, base+tt.path, got.Code, got.Body, tt.want)
			}
		}
		if got := w.do(request{method: "POST", path: base + "/demo/index.html"}); got.Code != 404 {
			t.Errorf("POST to a file: %d", got.Code)
		}
	}
	w := start(t, withDemo)
	for _, method := range []string{"GET", "POST"} {
		if got := w.do(request{method: method, path: "/demo/api/visitors"}); got.Code < 404 || got.Code > 405 {
			t.Errorf("%s without a backend: %d", method, got.Code)
		}
	}
}

func TestPagesHaveSecurityHeaders(t *testing.T) {
	w := start(t, withDemo)
	header := w.get("/demo/").Header()
	policy := header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("policy %q lacks %q", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("got %v", header)
	}
}

func TestConfigNamesTheField(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"BasePath":           func(c *Config) { c.BasePath = "tidings/" },
		"Metrics":            func(c *Config) { c.Metrics = "everyone" },
		"TrustedProxies":     func(c *Config) { c.TrustedProxies = []string{"proxy"} },
		"Transports.Origins": func(c *Config) { c.Transports.Origins = []string{"https://example.com*"} },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("got %v, want it to start with %s", err, field)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if _, err := New(nil, DefaultConfig()); err == nil {
		t.Error("an API without a bus was made")
	}
}

// docs/HTTP.md names every field and parameter.
func TestDocumentNamesEveryField(t *testing.T) {
	page, err := os.ReadFile("../docs/HTTP.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Concat(publishFields, historyParameters, batchFields, itemFields, channelsParameters, connectionsParameters, presenceParameters, sendFields, disconnectFields, revokeFields, whyParameters) {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("docs/HTTP.md has no row for %s", name)
		}
	}
}
