package transports

import (
	"sync"
	"time"
)

// wheel keeps the deadlines of all links in one goroutine, coarsely. A link is looked at when its next deadline may be
// due, and then returns when to look again. A link costs three words here and no timer.
type wheel struct {
	tick time.Duration

	mu    sync.Mutex // guards all below and the links of alarms
	now   time.Time  // the time of the slot that was emptied last
	at    int
	slots [wheelSlots]*alarm

	once sync.Once
	done chan struct{}
	over chan struct{}
}

// wheelSlots times the tick, 64 s by default, is the furthest deadline. A later one is looked at too early, and set
// again.
const wheelSlots = 256

// alarm is one link's place in the wheel.
type alarm struct {
	owner      timed
	prev, next *alarm
	slot       int32 // where it hangs, from 1; 0: nowhere
	gone       bool  // removed for good
}

// timed has deadlines. due is called on the wheel's goroutine and must not block. It returns when to be called again,
// the zero time for never.
type timed interface{ due(now time.Time) time.Time }

func newWheel(heartbeat time.Duration) *wheel {
	w := &wheel{
		tick: min(max(heartbeat/100, 5*time.Millisecond), 250*time.Millisecond),
		now:  time.Now(),
		done: make(chan struct{}),
		over: make(chan struct{}),
	}
	go w.run()
	return w
}

func (w *wheel) close() {
	w.once.Do(func() { close(w.done) })
	<-w.over
}

func (w *wheel) run() {
	defer close(w.over)
	ticker := time.NewTicker(w.tick)
	defer ticker.Stop()
	for {
		select {
		case <-w.done:
			return
		case now := <-ticker.C:
			w.advance(now)
		}
	}
}

func (w *wheel) advance(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.now.Add(w.tick).After(now) {
		w.now = w.now.Add(w.tick)
		w.at = (w.at + 1) % wheelSlots
		for a := w.slots[w.at]; a != nil; a = w.slots[w.at] {
			w.unlink(a)
			w.mu.Unlock()
			next := a.owner.due(now)
			w.mu.Lock()
			if !next.IsZero() && !a.gone && a.slot == 0 {
				w.link(a, next)
			}
		}
	}
}

// set hangs the alarm, wherever it hung before, so that its owner is called at or soon after a time.
func (w *wheel) set(a *alarm, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.gone {
		return
	}
	w.unlink(a)
	w.link(a, at)
}

// remove takes the alarm out for good. A call of due may still be running.
func (w *wheel) remove(a *alarm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(a)
	a.gone = true
}

func (w *wheel) link(a *alarm, at time.Time) {
	ticks := int((at.Sub(w.now) + w.tick - 1) / w.tick)
	slot := (w.at + min(max(ticks, 1), wheelSlots-1)) % wheelSlots
	a.slot = int32(slot) + 1
	a.prev, a.next = nil, w.slots[slot]
	if a.next != nil {
		a.next.prev = a
	}
	w.slots[slot] = a
}

func (w *wheel) unlink(a *alarm) {
	if a.slot == 0 {
		return
	}
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		w.slots[a.slot-1] = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	}
	a.slot, a.prev, a.next = 0, nil, nil
}
