package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"tidings/access"
	"tidings/actors"
	"tidings/broker"
	"tidings/broker/memory"
	"tidings/protocol"
)

const key = "a-key-of-a-backend-0123456789abcdef"

// world is the real house but for the network: API, actors and broker in one process.
type world struct {
	*testing.T
	api    *API
	bus    *actors.Bus
	broker *fakeable
	log    *logBuffer
}

// start builds a world in production mode with one key, where anyone may do anything; change adapts it.
func start(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	return startBus(t, actors.Config{Rules: access.Rules{Subscribe: access.Anyone, Publish: access.Anyone, Presence: access.Anyone}}, change...)
}

// startBus builds one over a bus of this config.
func startBus(t *testing.T, bc actors.Config, change ...func(*Config)) *world {
	t.Helper()
	log := &logBuffer{}
	brk := &fakeable{Broker: memory.New(memory.DefaultConfig())}
	bc.Broker, bc.Logger = brk, slog.New(slog.DiscardHandler)
	bus, err := actors.Start(bc)
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	if cfg.Keys, err = access.NewKeys(key); err != nil {
		t.Fatal(err)
	}
	cfg.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, f := range change {
		f(&cfg)
	}
	api, err := New(bus, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		api.Close()
		bus.Stop()
		brk.Close()
	})
	return &world{t, api, bus, brk, log}
}

// fakeable is the memory broker with a failure that a test may set before it asks.
type fakeable struct {
	*memory.Broker
	down    error
	gate    chan struct{} // not nil: a publish waits until it is closed
	reached chan struct{} // not nil: closed by the one publish that comes to the gate
}

func (f *fakeable) Ping(ctx context.Context) error {
	if f.down != nil {
		return f.down
	}
	return f.Broker.Ping(ctx)
}

func (f *fakeable) Publish(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
	if f.down != nil {
		return broker.Receipt{}, f.down
	}
	if f.gate != nil {
		if f.reached != nil {
			close(f.reached)
		}
		<-f.gate
	}
	return f.Broker.Publish(ctx, p)
}

// in is the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	c := *w
	c.T = t
	return &c
}

// request is one call; the zero value of a field means the usual.
type request struct {
	method string // GET, or POST where there is a body
	path   string
	body   string
	header http.Header
	remote string // 192.0.2.1:1234
	noKey  bool
}

func (w *world) do(q request) *httptest.ResponseRecorder {
	w.Helper()
	if q.method == "" {
		q.method = "GET"
		if q.body != "" {
			q.method = "POST"
		}
	}
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	r := httptest.NewRequest(q.method, q.path, body)
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if !q.noKey {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if q.remote != "" {
		r.RemoteAddr = q.remote
	}
	for name, values := range q.header {
		r.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, r)
	return recorder
}

func (w *world) get(path string) *httptest.ResponseRecorder {
	w.Helper()
	return w.do(request{path: path})
}

func (w *world) publish(body string) *httptest.ResponseRecorder {
	w.Helper()
	return w.do(request{path: "/api/publish", body: body})
}

// ok decodes an answer that must be 200.
func (w *world) ok(r *httptest.ResponseRecorder, into any) {
	w.Helper()
	if r.Code != http.StatusOK {
		w.Fatalf("got %d %s, want 200", r.Code, r.Body)
	}
	if err := json.Unmarshal(r.Body.Bytes(), into); err != nil {
		w.Fatalf("%s: %v", r.Body, err)
	}
}

// refusedWith checks an error's answer whole: code, status, retry and words, by the table of codes.
func (w *world) refusedWith(r *httptest.ResponseRecorder, code protocol.Code) {
	w.Helper()
	var got struct {
		Error struct {
			Code    protocol.Code
			Message string
			Hint    string
			Retry   *bool
		}
	}
	if err := json.Unmarshal(r.Body.Bytes(), &got); err != nil {
		w.Fatalf("got %d %q, want %s: %v", r.Code, r.Body, code, err)
	}
	row := code.Row()
	if got.Error.Code != code || r.Code != row.HTTP {
		w.Fatalf("got %d %s, want %d %s", r.Code, r.Body, row.HTTP, code)
	}
	if got.Error.Retry == nil || *got.Error.Retry != row.Retry || got.Error.Message == "" || got.Error.Hint == "" {
		w.Errorf("%s: want a message, a hint and retry %v", r.Body, row.Retry)
	}
	if media := r.Header().Get("Content-Type"); media != "application/json" {
		w.Errorf("Content-Type is %q", media)
	}
}

// logBuffer takes a log from many goroutines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
