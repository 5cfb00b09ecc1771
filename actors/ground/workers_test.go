package ground

import (
	"sync"
	"sync/atomic"
	"testing"
)

// An answer of the broker may come while the bus stops, to an actor that has just ended: no worker begins then, so that
// stop waits for all there ever are.
func TestNoWorkerBeginsAfterStop(t *testing.T) {
	for range 50 {
		w := NewWorkers(4)
		var senders sync.WaitGroup
		var over atomic.Bool
		for range 3 {
			senders.Go(func() {
				for i := 0; i < 1000 && !over.Load(); i++ {
					w.Schedule(func() {
						if over.Load() {
							t.Error("a worker ran after stop")
						}
					})
				}
			})
		}
		w.Stop()
		over.Store(true)
		senders.Wait()
		w.Schedule(func() { t.Error("a worker ran after stop") })
	}
}
