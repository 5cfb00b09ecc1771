package actors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"tidings/broker/memory"
	"tidings/protocol"
)

// census is a node of a shared broker that writes down who is reported to hear.
type census struct {
	*memory.Node
	mu    sync.Mutex // guards the rest
	said  []string   // when, and how many
	fails bool
	start time.Time
}

func (c *census) Heard(ctx context.Context, ch protocol.Channel, n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, fmt.Sprintf("%v: %s %d", time.Since(c.start), ch, n))
	if c.fails {
		return errors.New("the broker is away")
	}
	return c.Node.Heard(ctx, ch, n)
}

func (c *census) failing(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails = on
}

// want checks what was reported since the last call.
func (c *census) want(t *testing.T, want ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if fmt.Sprint(c.said) != fmt.Sprint(want) {
		t.Errorf("reported %q, want %q", c.said, want)
	}
	c.said = nil
}

// countedIn plays fn with a node of a shared broker.
func countedIn(t *testing.T, fn func(w *world, c *census)) {
	t.Helper()
	c := &census{}
	inBubble(t, func(cfg *Config) {
		c.Node, c.start = cfg.Broker.(*memory.Broker).Node(), time.Now()
		cfg.Broker, cfg.SigningSecret = c, []byte("0123456789abcdef0123456789abcdef")
	}, func(w *world) {
		w.settle() // the node knows what all nodes know
		fn(w, c)
	})
}

func TestHearersAreReportedOnceASecondAtMost(t *testing.T) {
	countedIn(t, func(w *world, c *census) {
		first := w.connect()
		first.subscribe("a", nil)
		w.settle()
		c.want(t, "0s: a 1")
		for range 5 {
			w.pass(100 * time.Millisecond)
			w.connect().subscribe("a", nil)
		}
		w.settle()
		c.want(t)
		w.pass(500 * time.Millisecond)
		c.want(t, "1s: a 6")
		w.pass(9 * time.Second)
		c.want(t)
		first.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "a"})
		w.settle()
		c.want(t, "10s: a 5")
		first.subscribe("a", nil)
		first.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "a"})
		w.pass(5 * time.Second)
		c.want(t) // it came and went in the pause
	})
}

func TestHearersAreReportedAgainAfterAFailure(t *testing.T) {
	countedIn(t, func(w *world, c *census) {
		client := w.connect()
		c.failing(true)
		client.subscribe("a", nil)
		w.pass(1500 * time.Millisecond)
		c.want(t, "0s: a 1", "1s: a 1")
		c.failing(false)
		w.pass(time.Second)
		c.want(t, "2s: a 1")
		c.failing(true)
		w.pass(7500 * time.Millisecond)
		client.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "a"})
		w.pass(500 * time.Millisecond)
		c.failing(false)
		w.pass(time.Minute)
		c.want(t, "10s: a 0", "11s: a 0")
		w.bus.heard.mu.Lock()
		defer w.bus.heard.mu.Unlock()
		if n := len(w.bus.heard.reports); n != 0 {
			t.Errorf("%d reports are kept of channels that nobody hears, want none", n)
		}
	})
}

func TestOneNodeReportsNoHearers(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		w.connect().subscribe("a", nil)
		if w.bus.heard != nil {
			t.Error("a node that is alone reports who hears")
		}
	})
}
