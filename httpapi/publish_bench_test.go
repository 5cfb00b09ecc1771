package httpapi

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
)

// BenchmarkPublish is POST /api/publish without net/http: what is ours of it.
func BenchmarkPublish(b *testing.B) {
	log := slog.New(slog.DiscardHandler)
	brk := memory.New(memory.DefaultConfig())
	defer brk.Close()
	bus, err := actors.Start(actors.Config{Broker: brk, Logger: log})
	if err != nil {
		b.Fatal(err)
	}
	defer bus.Stop()
	cfg := DefaultConfig()
	cfg.Log = log
	if cfg.Keys, err = access.NewKeys(key); err != nil {
		b.Fatal(err)
	}
	api, err := New(bus, cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer api.Close()
	body := `{"channel":"a","data":{"n":1,"text":"` + strings.Repeat("x", 100) + `"}}`
	r, err := http.NewRequest(http.MethodPost, "/api/publish", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + key}}
	r.ContentLength = int64(len(body))
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(body))
		w := &blank{header: http.Header{}}
		api.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}

// blank is an answer that nobody reads.
type blank struct {
	header http.Header
	status int
}

func (b *blank) Header() http.Header         { return b.header }
func (b *blank) Write(p []byte) (int, error) { return len(p), nil }
func (b *blank) WriteHeader(status int)      { b.status = status }
