package actors

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"tidings/protocol"
)

// writing is how long the link of a client takes in crowded: with twenty of them and a message each millisecond the
// shard is busy for three quarters of its time.
const writing = 40 * time.Microsecond

// crowded is a bus with one shard and a collect window, in which one client of twenty in a channel is looked at.
func crowded(t *testing.T, fn func(w *world, c *client, wakes *atomic.Int32)) {
	window := func(c *Config) { c.CollectWindow, c.Shards = 10*time.Millisecond, 1 }
	inBubble(t, window, func(w *world) {
		c := w.connect()
		c.subscribe("busy", nil)
		for range 19 {
			other := w.connect()
			other.subscribe("busy", nil)
			other.link.onWake = func() { time.Sleep(writing) }
		}
		var wakes atomic.Int32
		c.link.onWake = func() { wakes.Add(1) }
		fn(w, c, &wakes)
	})
}

// heat publishes one message a millisecond for a time.
func (w *world) heat(ms int) {
	for i := range ms {
		w.publish("busy", numbers(0, ms)[i])
		w.pass(time.Millisecond)
	}
}

// In a hot channel the first message after a pause leaves at once; what follows within the window leaves together. No
// other channel waits.
func TestAHotChannelCollects(t *testing.T) {
	crowded(t, func(w *world, c *client, wakes *atomic.Int32) {
		quiet := w.connect()
		quiet.subscribe("quiet", nil)
		w.heat(100)
		w.pass(20 * time.Millisecond)
		same(t, "all", data(c.next(), "busy"), numbers(0, 99))
		if n := wakes.Load(); n < 50 || n > 70 {
			t.Errorf("%d wakes for 100 messages, want one each for the 50 before the channel was hot, then one each window", n)
		}
		wakes.Store(0)
		w.publish("busy", "1")
		same(t, "the first, at once", data(c.next(), "busy"), numbers(1, 1))
		for i := 2; i <= 9; i++ {
			w.pass(time.Millisecond)
			w.publish("busy", numbers(0, 9)[i])
		}
		same(t, "within the window", data(c.next(), "busy"), nil)
		w.publish("quiet", "1")
		same(t, "another channel, at once", data(quiet.next(), "quiet"), numbers(1, 1))
		w.pass(2 * time.Millisecond)
		same(t, "after the window", data(c.next(), "busy"), numbers(2, 9))
		if n := wakes.Load(); n != 2 {
			t.Errorf("%d wakes for 9 messages, want 2", n)
		}
		w.pass(time.Millisecond) // the others are written to
		// Answers do not wait for a window.
		w.publish("busy", "10")
		before := time.Now()
		c.subscribe("busy", nil)
		if d := time.Since(before); d != 0 {
			t.Errorf("the answer came after %v", d)
		}
	})
}

// A channel that was hot and is not any more keeps nobody waiting.
func TestACooledChannelDoesNotCollect(t *testing.T) {
	crowded(t, func(w *world, c *client, wakes *atomic.Int32) {
		w.heat(100)
		w.pass(time.Second)
		c.next()
		for i := range 20 {
			w.publish("busy", numbers(0, 20)[i])
			same(t, "each, at once", data(c.next(), "busy"), numbers(i, i))
			w.pass(6 * time.Millisecond) // the shard is busy for an eighth of its time
		}
	})
}

// Few members are not worth waiting for, however many messages there are.
func TestAChannelOfOneDoesNotCollect(t *testing.T) {
	inBubble(t, func(c *Config) { c.CollectWindow, c.Shards = 10*time.Millisecond, 1 }, func(w *world) {
		c := w.connect()
		c.subscribe("busy", nil)
		c.link.onWake = func() { time.Sleep(writing / 4) }
		for i := range 200 {
			w.publish("busy", numbers(0, 200)[i])
			w.pass(writing)
			same(t, "each, at once", data(c.next(), "busy"), numbers(i, i))
			w.pass(time.Millisecond)
		}
	})
}

// What is collected is not lost if its connection leaves the channel, loses its link or is sent away before the window
// is over.
func TestWhatIsCollectedIsNotLost(t *testing.T) {
	for _, how := range []struct {
		name string
		do   func(w *world, c *client)
	}{
		{"unsubscribe", func(w *world, c *client) {
			c.say(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 99, Channel: "busy"})
		}},
		{"drain", func(w *world, c *client) {
			ctx, cancel := context.WithCancel(w.t.Context())
			cancel()
			w.bus.Drain(ctx)
		}},
	} {
		t.Run(how.name, func(t *testing.T) {
			crowded(t, func(w *world, c *client, wakes *atomic.Int32) {
				w.heat(100)
				w.pass(20 * time.Millisecond)
				w.publish("busy", "1")
				c.next()
				w.pass(time.Millisecond) // the others are written to
				w.publish("busy", "2")
				same(t, "collected", data(c.next(), "busy"), nil)
				how.do(w, c)
				same(t, "after it", data(c.next(), "busy"), numbers(2, 2))
			})
		})
	}
}
