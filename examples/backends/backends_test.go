// Package backends_test runs the programs of this folder as they are shown in docs/backends.md, against the real server.
package backends_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/internal/teststack"
)

// programs is how each of them is started. What is missing here fails the tests: `make deps` installs it.
func programs(t *testing.T) map[string][]string {
	t.Helper()
	goProgram := filepath.Join(t.TempDir(), "publish-go")
	if out, err := exec.Command("go", "build", "-o", goProgram, "./publish-go").CombinedOutput(); err != nil {
		t.Fatalf("go build ./publish-go: %v\n%s", err, out)
	}
	return map[string][]string{
		"sh":     {"sh", "publish.sh"},
		"go":     {goProgram},
		"python": {"python3", "publish.py"},
		"php":    {"php", "publish.php"},
		"node":   {"node", "publish.mjs"},
	}
}

// ran is the end of a program.
type ran struct {
	stdout, stderr string
	err            error
}

func run(t *testing.T, url, key string, program []string, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], append(program[1:len(program):len(program)], args...)...)
	cmd.Env = append(os.Environ(), "TIDINGS_URL="+url, "TIDINGS_API_KEY="+key)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("%s does not start, is it installed? %v", program[0], err)
	}
	return ran{stdout.String(), stderr.String(), err}
}

func TestPublish(t *testing.T) {
	stack := teststack.Start(t)
	for name, program := range programs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			channel := "orders/" + name
			const data = `{"id": 17, "note": "Grüße, \"Ada\" 🎉 \u003c/script\u003e", "empty": {}, "list": [], "none": null, "price": 1.50}`
			first := run(t, stack.URL, teststack.Key, program, channel, data, "order-17")
			again := run(t, stack.URL, teststack.Key, program, channel, data, "order-17")
			other := run(t, stack.URL, teststack.Key, program, channel, `"a text"`)
			for i, r := range []ran{first, again, other} {
				if r.err != nil {
					t.Fatalf("run %d: %v\n%s", i, r.err, r.stderr)
				}
			}
			kept := stack.History(channel)
			if len(kept) != 2 {
				t.Fatalf("got %d messages, want 2: one key has one effect", len(kept))
			}
			if first.stdout != position(kept[0]) || again.stdout != position(kept[0]) || other.stdout != position(kept[1]) {
				t.Errorf("printed %q, %q and %q, want the positions of %+v", first.stdout, again.stdout, other.stdout, kept)
			}
			if !sameJSON(t, kept[0].Data, data) || string(kept[1].Data) != `"a text"` {
				t.Errorf("arrived as %s and %s", kept[0].Data, kept[1].Data)
			}
		})
	}
}

// A network that loses answers and a proxy that answers instead of the server: the message stands once.
func TestPublishOverABadNetwork(t *testing.T) {
	stack := teststack.Start(t)
	for name, program := range programs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := newBad(t, stack, loseTheAnswer, htmlOf502, tidings503)
			channel := "retries/" + name
			got := run(t, bad.url, teststack.Key, program, channel, `{"id": 1}`)
			if got.err != nil {
				t.Fatalf("%v\n%s", got.err, got.stderr)
			}
			kept := stack.History(channel)
			if len(kept) != 1 || got.stdout != position(kept[0]) {
				t.Errorf("printed %q, and the channel holds %+v", got.stdout, kept)
			}
			if n := bad.requests(); n != 4 {
				t.Errorf("sent %d requests, want 4", n)
			}
		})
	}
}

func TestRefusalsAreFinal(t *testing.T) {
	stack := teststack.Start(t)
	for name, program := range programs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range []struct{ channel, key, want string }{
				{channel: "orders/new", key: "not-a-key-of-this-server", want: "unauthorized"},
				{channel: "orders//new", key: teststack.Key, want: "bad_channel"},
			} {
				bad := newBad(t, stack)
				got := run(t, bad.url, tt.key, program, tt.channel, `1`)
				if got.err == nil || !strings.Contains(got.stderr, tt.want) || got.stdout != "" || bad.requests() != 1 {
					t.Errorf("%s: ended with %v after %d requests, saying %q %q; want one request and an error", tt.want, got.err, bad.requests(), got.stdout, got.stderr)
				}
			}
		})
	}
}

func position(m teststack.Message) string { return fmt.Sprintf("%s:%d:%s\n", m.Epoch, m.Offset, m.Tag) }

func sameJSON(t *testing.T, a []byte, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	xs, _ := json.Marshal(x)
	ys, _ := json.Marshal(y)
	return string(xs) == string(ys)
}

// fault is what happens to one request on its way to the server.
type fault func(server http.Handler, w http.ResponseWriter, r *http.Request)

// loseTheAnswer lets the server do its work and drops what it says.
func loseTheAnswer(server http.Handler, w http.ResponseWriter, r *http.Request) {
	server.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func htmlOf502(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	fmt.Fprint(w, "<html><h1>502 Bad Gateway</h1></html>")
}

func tidings503(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprint(w, `{"error":{"code":"shutting_down","message":"this node is going down","hint":"Come back.","retry":true}}`)
}

// bad stands before the server and spoils the first requests, one fault each.
type bad struct {
	url   string
	mu    sync.Mutex
	count int // guarded by mu
}

func newBad(t *testing.T, server http.Handler, faults ...fault) *bad {
	b := &bad{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		n := b.count
		b.count++
		b.mu.Unlock()
		if n < len(faults) {
			faults[n](server, w, r)
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

func (b *bad) requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}
