package transports

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnswersRunOnFewGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a answers
		var wg sync.WaitGroup
		var now, most atomic.Int32
		for range 10 * maxAnswering {
			wg.Add(1)
			a.run(func() {
				defer wg.Done()
				n := now.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(time.Millisecond)
				now.Add(-1)
			})
		}
		wg.Wait()
		synctest.Wait()
		if most.Load() != maxAnswering || a.running != 0 || a.queue != nil {
			t.Errorf("%d ran at once, want %d; %d run in the end", most.Load(), maxAnswering, a.running)
		}
	})
}
