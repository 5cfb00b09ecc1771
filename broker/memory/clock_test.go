package memory_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidings/broker"
	"tidings/broker/memory"
	"tidings/protocol"
)

// F36: somebody sets the wall clock. Messages tell the new time; nothing expires early, and nothing stays for long.
func TestF36_WallClockJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{"an hour ahead": time.Hour, "an hour back": -time.Hour, "ten years ahead": 10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var off atomic.Int64
				cfg := memory.DefaultConfig()
				cfg.Wall = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
				b := memory.New(cfg)
				defer b.Close()
				keyed := broker.Publish{Channel: "a", Data: []byte("1"), IdempotencyKey: "k", Principal: "p"}
				first, err := b.Publish(t.Context(), keyed)
				if err != nil {
					t.Fatal(err)
				}
				off.Store(int64(jump))
				time.Sleep(time.Minute)
				must(t, b, "a")
				if again, err := b.Publish(t.Context(), keyed); err != nil || !again.Duplicate || again.Position != first.Position {
					t.Errorf("the key was forgotten: %+v, %v", again, err)
				}
				page, err := b.History(t.Context(), "a", first.Position, 10)
				if err != nil || page.Lost != "" || len(page.Messages) != 1 {
					t.Fatalf("history after the jump: %+v, %v", page, err)
				}
				if got, want := page.Messages[0].TimeMS, time.Now().Add(jump).UnixMilli(); got != want {
					t.Errorf("the message tells %d, want %d", got, want)
				}
				time.Sleep(9*time.Minute + time.Second) // the first is ten minutes old, the second is not
				if page, _ := b.History(t.Context(), "a", first.Position, 10); page.Lost != protocol.GapHistoryExpired || page.Top.Offset != 2 {
					t.Errorf("after its time: %+v", page)
				}
				time.Sleep(time.Minute)
				if page, _ := b.Last(t.Context(), "a", 10); len(page.Messages) != 0 {
					t.Errorf("%d messages stay longer than they should", len(page.Messages))
				}
			})
		})
	}
}
