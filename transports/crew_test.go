package transports

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Places are served in their order, each once, and one whose serving waits holds nobody up.
func TestACrewServesWhoeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var began []uint32
		stuck := make(chan struct{})
		c := &crew{}
		c.serve = func(at place) {
			mu.Lock()
			began = append(began, at.index)
			mu.Unlock()
			if at.index%3 == 0 {
				<-stuck
			}
		}
		defer c.close()
		const n = 1000
		for i := range uint32(n) {
			c.add(place{i, 1})
		}
		synctest.Wait()
		mu.Lock()
		slices.Sort(began)
		for i := range uint32(n) {
			if int(i) >= len(began) || began[i] != i {
				t.Fatalf("served %v beside those that wait, want each of %d once", began, n)
			}
		}
		mu.Unlock()
		close(stuck)
		synctest.Wait()
		if len(c.idle) > maxIdle || c.coming {
			t.Errorf("%d workers wait in the end, want at most %d; one is coming: %v", len(c.idle), maxIdle, c.coming)
		}
	})
}

// What nobody has to wait for is served by one worker after another, and what a crew keeps does not grow with the places
// that it has served.
func TestACrewIsNoLargerThanNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var served []uint32
		c := &crew{}
		c.serve = func(at place) {
			served = append(served, at.index) // by one worker at a time, as the race detector sees
			time.Sleep(time.Millisecond)
			if at.index < 10_000 {
				c.add(place{at.index + 1, 1})
			}
		}
		c.add(place{0, 1})
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(served) != 10_001 || len(c.idle) > 2 || cap(c.queue) > 8 {
			t.Errorf("served %d places, want 10,001; %d workers wait, want at most 2; there is space for %d places", len(served), len(c.idle), cap(c.queue))
		}
		c.close()
		c.serve = func(at place) { served = append(served, at.index) }
		c.add(place{1, 1}) // also after close, since a conn that ends must learn it
		synctest.Wait()
		if len(served) != 10_002 || len(c.idle) > 0 {
			t.Errorf("after close: served %d places, want 10,002; %d workers wait, want none", len(served), len(c.idle))
		}
	})
}

// A queue that is never empty keeps no space for those that were served.
func TestACrewsQueueKeepsItsLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		left, most := 100_000, 0
		c := &crew{}
		c.serve = func(place) {
			mu.Lock()
			defer mu.Unlock()
			if left--; left > 0 {
				c.add(place{})
			}
			c.mu.Lock()
			most = max(most, cap(c.queue))
			c.mu.Unlock()
		}
		for range 10 {
			c.add(place{})
		}
		synctest.Wait()
		c.close()
		if left > 0 || most > 64 {
			t.Errorf("%d places were not served; there was space for %d in the queue, want at most 64", left, most)
		}
	})
}
