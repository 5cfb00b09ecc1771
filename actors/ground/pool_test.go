package ground

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPoolBoundsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(3)
		var running, most, done atomic.Int32
		for range 20 {
			p.Run(func() {
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(time.Second)
				running.Add(-1)
				done.Add(1)
			})
		}
		if p.Depth() != 17 {
			t.Errorf("%d wait", p.Depth())
		}
		p.Wait()
		if most.Load() != 3 || done.Load() != 20 {
			t.Errorf("at most %d ran, %d in all", most.Load(), done.Load())
		}
	})
}
