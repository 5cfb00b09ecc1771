package actors

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tidings/access"
	"tidings/broker/memory"
	"tidings/protocol"
)

// inTheOpen makes a bus in real time, for what fake time would hide: races for locks and cores.
func inTheOpen(t testing.TB, change func(*Config)) *world {
	mem := memory.New(memory.DefaultConfig())
	w := &world{log: &logBook{}}
	w.t, _ = t.(*testing.T)
	cfg := Config{Broker: mem, Rules: access.Rules{Subscribe: access.Anyone, Publish: access.Anyone}, Logger: slog.New(slog.NewTextHandler(w.log, nil))}
	if change != nil {
		change(&cfg)
	}
	bus, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.bus = bus
	t.Cleanup(func() {
		bus.Stop()
		mem.Close()
		if t.Failed() {
			t.Logf("the log: %s", w.log)
		}
		if w.t != nil {
			goleak.VerifyNone(t)
		}
	})
	return w
}

// connectInTheOpen makes a client that does not wait for the world to settle, which it does not in real time.
func (w *world) connectInTheOpen(plain bool) *client {
	c := &client{w: w, link: &link{}}
	conn, gen, err := w.bus.Open(context.Background(), protocol.Peer{Plain: plain}, nil, c.link)
	if err != nil {
		w.t.Fatal(err)
	}
	c.use(conn, gen)
	return c
}

// request says a frame and waits for its answer.
func (c *client) request(answer string, f protocol.ClientFrame) {
	c.w.t.Helper()
	if err := c.conn.Receive(c.gen, []protocol.ClientFrame{f}); err != nil {
		c.w.t.Error(err)
		return
	}
	c.link.await(c.w.t, func(e *protocol.Encoded) bool {
		if e.Message != nil {
			return false
		}
		list, err := protocol.DecodeServerFrames(e.JSON)
		return err == nil && list[0].ID == f.ID && list[0].Type == answer
	})
}

// await waits until a frame that is asked for has come, and forgets those up to it.
func (l *link) await(t testing.TB, is func(*protocol.Encoded) bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Microsecond) {
		l.mu.Lock()
		for i, f := range l.frames {
			if is(f) {
				l.frames = l.frames[i+1:]
				l.mu.Unlock()
				return
			}
		}
		l.mu.Unlock()
	}
	t.Error("a frame did not come within 10 s")
}
