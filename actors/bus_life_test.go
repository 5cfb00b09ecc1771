package actors

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"tidings/protocol"
)

func TestDrainSendsEveryClientElsewhere(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		var clients []*client
		for range 700 {
			clients = append(clients, w.connect())
		}
		clients[0].subscribe("news", nil)
		clients[1].cut()
		if err := w.bus.Ready(ctx); err != nil {
			t.Errorf("before: not ready: %v", err)
		}
		start := time.Now()
		drained := make(chan error)
		go func() { drained <- w.bus.Drain(ctx) }()
		w.settle()
		if err := w.bus.Ready(ctx); err == nil {
			t.Error("ready while it drains")
		}
		if _, err := w.open(protocol.Peer{}, nil); !errors.Is(err, &protocol.Error{Code: protocol.CodeShuttingDown}) {
			t.Errorf("open: %v", err)
		}
		ended := 0
		for _, c := range clients {
			if c.link.end() != "" {
				ended++
			}
		}
		if ended >= 700 || ended == 0 {
			t.Errorf("%d of 700 ended in the first slice", ended)
		}
		if _, err := w.bus.Publish(ctx, Publish{Channel: "news", Data: []byte("1")}); err != nil {
			t.Errorf("publish while it drains: %v", err)
		}
		if err := <-drained; err != nil {
			t.Errorf("drain: %v", err)
		}
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("it took %v", d)
		}
		for i, c := range clients {
			if i == 1 {
				continue // it was parked: nobody to tell
			}
			last := c.link.farewell()
			if c.link.end() != protocol.CodeShuttingDown || !last.Frame.Retry || last.Frame.AfterMS != 1400 {
				t.Fatalf("client %d: ended with %q, %+v", i, c.link.end(), last)
			}
		}
		if s := w.bus.Stats(); s.Connections["websocket"] != 0 || s.Parked != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestDrainWaitsForPublishesAndGivesUpWithItsContext(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		gate := make(chan struct{})
		f.before(func(context.Context, string) error { <-gate; return nil })
		answered := make(chan error, 1)
		go func() {
			_, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1")})
			answered <- err
		}()
		w.settle()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.bus.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a publish under way: %v", err)
		}
		close(gate)
		if err := w.bus.Drain(context.Background()); err != nil {
			t.Errorf("after its answer: %v", err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the publish: %v", err)
		}
	})
}

func TestStopEndsEverything(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c, parked := w.connect(), w.connectOver(protocol.SSE, "")
		c.subscribe("news", nil)
		parked.subscribe("news", nil)
		parked.cut()
		early := make(chan error, 1)
		go func() { early <- parked.conn.Send(context.Background(), body(5)) }()
		w.settle()
		w.bus.Stop()
		w.bus.Stop()
		if c.link.end() != protocol.CodeShuttingDown {
			t.Errorf("the link ended with %q", c.link.end())
		}
		if err := <-early; !errors.Is(err, errGone) {
			t.Errorf("who waited with a body: %v", err)
		}
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1")}); !errors.Is(err, &protocol.Error{Code: protocol.CodeShuttingDown}) {
			t.Errorf("publish: %v", err)
		}
		if err := c.conn.Receive(c.gen, nil); !errors.Is(err, errGone) {
			t.Errorf("receive: %v", err)
		}
		if _, err := w.open(protocol.Peer{}, nil); err == nil {
			t.Error("open works after stop")
		}
	})
}

// Stop while much is going on: publishes, recoveries, comings and goings.
func TestStopInTheMidstOfThings(t *testing.T) {
	for range 5 {
		f := &faulty{}
		inBubble(t, withFaults(f, nil), func(w *world) {
			first := w.publishNumbers("news", 1, 500)
			f.before(func(ctx context.Context, _ string) error { time.Sleep(3 * time.Millisecond); return ctx.Err() })
			for i := range 20 {
				c := w.connect()
				c.say(
					protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news", Since: &first},
					protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 2, Channel: protocol.Channel(numbers(0, 20)[i])},
					protocol.ClientFrame{Type: protocol.TypePublish, ID: 3, Channel: "news", Data: []byte("1")},
				)
			}
			var publisher sync.WaitGroup
			publisher.Go(func() {
				for w.bus.Ready(context.Background()) == nil {
					w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1")})
				}
			})
			time.Sleep(10 * time.Millisecond)
			w.bus.Stop()
			publisher.Wait()
		})
	}
}
