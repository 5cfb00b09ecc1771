package actors

import (
	"sync/atomic"
	"testing"
	"time"
)

// With a collect window the first message after a pause leaves at once; what follows within the window leaves together.
func TestCollectWindowGathersWhatFollows(t *testing.T) {
	window := func(c *Config) { c.CollectWindow, c.Shards = 10*time.Millisecond, 1 }
	inBubble(t, window, func(w *world) {
		c, quiet := w.connect(), w.connect()
		c.subscribe("busy", nil)
		quiet.subscribe("quiet", nil)
		var wakes atomic.Int32
		c.link.onWake = func() { wakes.Add(1) }
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
		// Answers do not wait for a window.
		c.subscribe("busy", nil)
		w.pass(time.Second)
		if n := wakes.Load(); n != 3 {
			t.Errorf("%d wakes in the end, want 3", n)
		}
	})
}

// However many operations a lane has, one connection gets a bounded number of frames before its link is woken.
func TestALongBurstIsFlushedInSlices(t *testing.T) {
	inBubble(t, func(c *Config) { c.Shards = 1 }, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		release := w.blockShardOf(c)
		most := 0
		c.link.onWake = func() {
			frames, _ := c.conn.Outbox().Waiting()
			most = max(most, frames)
		}
		w.publishNumbers("news", 1, 700)
		release()
		same(t, "all", data(c.next(), "news"), numbers(1, 700))
		if most > 2*flushDeeds || most < 2 {
			t.Errorf("a link was woken for %d frames", most)
		}
	})
}
