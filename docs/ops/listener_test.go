package ops_test

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"tidings/client"
	"tidings/protocol"
)

const patience = time.Minute

// listener is a real client that hears one channel and writes down what it is told.
type listener struct {
	*client.Client
	t     *testing.T
	live  chan struct{}
	mu    sync.Mutex
	got   []string
	gaps  []client.Gap
	links []string // each transport that connected, in order
}

func listen(t *testing.T, url string, web *http.Client, channel string, transports ...string) *listener {
	t.Helper()
	l := &listener{t: t, live: make(chan struct{}, 100)}
	c, err := client.New(client.Config{
		URL: url + "/bus", HTTPClient: web, Transports: transports, Logger: slog.New(slog.DiscardHandler),
		OnStatus: func(s client.Status) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if s.State == client.Connected {
				l.links = append(l.links, s.Transport)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	l.Client = c
	_, err = c.Subscribe(channel, func(m client.Message) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got = append(l.got, string(m.Data))
	}, client.OnGap(func(g client.Gap) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.gaps = append(l.gaps, g)
	}), client.OnSubscribed(func(protocol.Position, bool) { l.live <- struct{}{} }))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.live:
	case <-time.After(patience):
		t.Fatalf("not subscribed: %+v", c.Status())
	}
	return l
}

// wants waits until exactly these messages came, in order and without a gap.
func (l *listener) wants(within time.Duration, want ...string) {
	l.t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		n := len(l.got)
		l.mu.Unlock()
		if n >= len(want) {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.got, want) || len(l.gaps) > 0 {
		l.t.Fatalf("after %v heard %d messages %.200q and gaps %v over %v, want %d messages %.200q; status %+v", within, len(l.got), l.got, l.gaps, l.links, len(want), want, l.Status())
	}
}

func (l *listener) transports() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.links)
}

func (l *listener) publish(channel, data string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := l.Publish(ctx, channel, data); err != nil {
		l.t.Fatal(err)
	}
}
