package actors

import (
	"context"
	"sync"
	"tidings/actors/ground"
	"tidings/broker"
	"tidings/protocol"
	"time"
)

// heardEvery is how often at most the broker is told how many hear a channel on this node. A change after a pause is
// reported at once.
const heardEvery = time.Second

// maxHeard bounds the calls of the broker that report how many hear.
const maxHeard = 16

// heard reports to the broker how many subscriptions to all of a channel there are on this node, so that other nodes
// add them to the receivers of what they publish.
type heard struct {
	broker broker.Reach
	router *router
	call   func(func(context.Context) error) error // as the bus calls the broker
	calls  *ground.Pool
	wake   chan struct{} // has space for one signal: a pause has begun

	mu      sync.Mutex // guards the rest
	reports map[protocol.Channel]*report
	pauses  []pause // in the order in which they end
}

// report is what the broker knows of one channel. It is kept as long as that is not 0, and until the pause after it is
// over.
type report struct {
	said int  // unknown if the last call failed
	busy bool // its call is under way, or the pause after it: then the count is looked at again
}

// unknown is none of the counts that there are.
const unknown = -1

// pause is the time after a call for a channel.
type pause struct {
	name protocol.Channel
	over time.Time
}

// newHeard returns nil if the broker does not count who hears.
func newHeard(b broker.Broker, r *router, call func(func(context.Context) error) error) *heard {
	reach, ok := b.(broker.Reach)
	if !ok {
		return nil
	}
	return &heard{broker: reach, router: r, call: call, calls: ground.NewPool(maxHeard), wake: make(chan struct{}, 1), reports: map[protocol.Channel]*report{}}
}

// changed has the count of a channel reported, as far as it is another one than before.
func (h *heard) changed(name protocol.Channel) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.reports[name]
	if r == nil {
		r = &report{}
		h.reports[name] = r
	}
	if !r.busy {
		r.busy = true
		h.calls.Run(func() { h.report(name, r) })
	}
}

// report makes the call for a channel. There is one at a time.
func (h *heard) report(name protocol.Channel, r *report) {
	n := h.router.hearers(name)
	said := n
	if n != r.said {
		err := h.call(func(ctx context.Context) error { return h.broker.Heard(ctx, name, n) })
		if err != nil {
			said = unknown // repeated after the pause
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r.said = said
	h.pauses = append(h.pauses, pause{name, time.Now().Add(heardEvery)})
	select {
	case h.wake <- struct{}{}:
	default: // it is awake, or the timer wakes it
	}
}

// run looks at channels again after their pauses, until ctx ends.
func (h *heard) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-timer.C:
		}
		if next := h.resume(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// resume ends the pauses that are over, and returns when the next one is; zero if there is none.
func (h *heard) resume(now time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.pauses) > 0 {
		p := h.pauses[0]
		if p.over.After(now) {
			return p.over
		}
		h.pauses = h.pauses[1:]
		r := h.reports[p.name]
		switch n := h.router.hearers(p.name); {
		case n != r.said:
			h.calls.Run(func() { h.report(p.name, r) })
		case n == 0:
			delete(h.reports, p.name)
		default:
			r.busy = false
		}
	}
	h.pauses = nil
	return time.Time{}
}
