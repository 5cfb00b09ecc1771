package fanout

import "sync/atomic"

// MaxInFlight bounds what is on its way to one channel. Above it the messages of the broker are left out, and read from
// history when there is space: below a quarter of it.
const (
	MaxInFlight = 1024
	lowWater    = MaxInFlight / 4
)

// Traffic counts what is on its way to one channel on this node: messages to its actor, and operations through its
// lanes.
type Traffic struct {
	// Low is called, once for each Await, when little is on its way. It must not wait, and is set before anything is
	// counted.
	Low func()

	n       atomic.Int64
	waiting atomic.Bool
}

// Add counts n more.
func (t *Traffic) Add(n int) { t.n.Add(int64(n)) }

// Try counts one more and reports true, unless that were more than max.
func (t *Traffic) Try(max int) bool {
	if t.n.Add(1) > int64(max) {
		t.n.Add(-1)
		return false
	}
	return true
}

// Done counts n less.
func (t *Traffic) Done(n int) {
	if t.n.Add(int64(-n)) <= lowWater && t.waiting.Load() && t.waiting.CompareAndSwap(true, false) {
		t.Low()
	}
}

// Len returns how much is on its way.
func (t *Traffic) Len() int { return int(t.n.Load()) }

// IsLow reports whether little is on its way.
func (t *Traffic) IsLow() bool { return t.n.Load() <= lowWater }

// Await has Low called when little is on its way. It reports true if that is so already, in which case Low may be
// called or not.
func (t *Traffic) Await() (low bool) {
	t.waiting.Store(true)
	return t.IsLow()
}

// Forget takes an Await back. Low may have been called.
func (t *Traffic) Forget() { t.waiting.Store(false) }
