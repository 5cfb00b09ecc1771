package fanout

import (
	"sync"
	"sync/atomic"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// Shard is a goroutine that delivers to its part of the connections. It appends to outboxes, and wakes their links when it has
// nothing else to do, so that frames which come together leave together. It waits for nobody.
type Shard[M Member] struct {
	port  Port[M]
	index int

	mu      sync.Mutex // guards all below, and the queues of the lanes
	active  []*Lane[M] // have something to do, in turn
	spare   []operation[M]
	asleep  bool
	stopped bool
	wake    chan struct{}

	// Of the shard's goroutine.
	pushed int            // since the clock was looked at
	since  time.Time      // when it was looked at first after the last flush
	timer  *time.Timer    // for what is collected
	dirty  []*Lane[M]     // delivered to their members since then
	single []*core.Outbox // others that were pushed to since then

	delivered, passedBy atomic.Uint64 // messages, each to one member
}

// A lane's turn, and when a shard flushes although it has more to do.
const (
	turnPushes     = 8192 // pushes in one turn: about 0.3 ms
	turnOperations = 128  // operations in one turn
	flushFrames    = 128  // frames that one outbox may get from a lane between two flushes
	flushEvery     = 2 * time.Millisecond
	clockPushes    = 1024 // pushes between two looks at the clock
)

// NewShard returns a shard that has still to Run. index is its number among the node's shards.
func NewShard[M Member](index int, port Port[M]) *Shard[M] {
	return &Shard[M]{port: port, index: index, wake: make(chan struct{}, 1)}
}

// Index returns the shard's number among the node's shards.
func (s *Shard[M]) Index() int { return s.index }

// Delivered returns how many messages were pushed, each to one member, and how many passed a member by, since it was excluded.
func (s *Shard[M]) Delivered() (pushed, passedBy uint64) {
	return s.delivered.Load(), s.passedBy.Load()
}

// Depth returns how many lanes wait for their turn.
func (s *Shard[M]) Depth() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.active)
}

// Stop makes Run return when it has nothing more to do.
func (s *Shard[M]) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.asleep {
		s.asleep = false
		s.wake <- struct{}{}
	}
}

// Wake wakes the link of an outbox. It may be called from any goroutine.
func (s *Shard[M]) Wake(out *core.Outbox) {
	defer func() { // the link is foreign code: a panic there must not end the shard
		if reason := recover(); reason != nil {
			s.port.Failed("a link failed to wake", reason)
		}
	}()
	out.Flush()
}

// pushTo pushes a frame to one member.
func (s *Shard[M]) pushTo(m M, frame *protocol.Encoded) {
	out := m.Outbox()
	if !out.Push(frame) {
		s.port.Overflowed(m)
	}
	s.pushed++
	s.touched(out)
}

// touched makes the next flush wake the link of an outbox.
func (s *Shard[M]) touched(out *core.Outbox) {
	if n := len(s.single); n == 0 || s.single[n-1] != out {
		s.single = append(s.single, out)
	}
}
