package actors

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// shard is a goroutine that delivers to its part of the connections. It appends to outboxes, and wakes their links when it has nothing
// else to do, so that frames which come together leave together. It waits for nobody.
type shard struct {
	bus   *Bus
	index int

	mu      sync.Mutex // guards all below, and the queues of the lanes
	active  []*lane    // have something to do, in turn
	spare   []operation
	asleep  bool
	stopped bool
	wake    chan struct{}

	// Of the shard's goroutine.
	pushed int            // since the clock was looked at
	since  time.Time      // when it was looked at first after the last flush
	timer  *time.Timer    // for what is collected
	dirty  []*lane        // delivered to their members since then
	single []*core.Outbox // others that were pushed to since then

	delivered atomic.Uint64 // messages, each to one member
}

// A lane's turn, and when a shard flushes although it has more to do.
const (
	turnPushes  = 8192 // pushes in one turn: about 0.3 ms
	turnDeeds   = 128  // operations in one turn
	flushDeeds  = 128  // frames that one outbox may get from a lane between two flushes
	flushEvery  = 2 * time.Millisecond
	clockPushes = 1024 // pushes between two looks at the clock
)

func newShard(b *Bus, index int) *shard {
	return &shard{bus: b, index: index, wake: make(chan struct{}, 1)}
}

// run delivers until stop.
func (s *shard) run() {
	var again *lane
	for {
		l := s.take(again)
		if l == nil {
			return
		}
		again = nil
		if s.turn(l) {
			again = l
		}
		if l.frames >= flushDeeds || s.pushed >= clockPushes && s.due() {
			s.flush()
			runtime.Gosched() // on few cores the writers must get a turn, lest the outboxes fill
		}
	}
}

// take gives the lane whose turn it is, after putting again, if not nil, at the end of the row. It sleeps while there is nothing to do. It
// answers nil after stop.
func (s *shard) take(again *lane) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	if again != nil {
		s.active = append(s.active, again)
	}
	for len(s.active) == 0 {
		if s.stopped {
			return nil
		}
		s.rest()
	}
	l := s.active[0]
	s.active[0] = nil
	if s.active = s.active[1:]; len(s.active) == 0 {
		s.active = nil
	}
	return l
}

// rest flushes and, if nothing came meanwhile, sleeps until something comes. It is called, and returns, with the lock.
func (s *shard) rest() {
	s.mu.Unlock()
	defer s.mu.Lock()
	again := s.after(s.flush())
	s.mu.Lock()
	sleep := len(s.active) == 0 && !s.stopped
	s.asleep = sleep
	s.mu.Unlock()
	if !sleep {
		return
	}
	select {
	case <-s.wake:
	case <-again:
		s.mu.Lock()
		missed := !s.asleep // somebody is about to wake us
		s.asleep = false
		s.mu.Unlock()
		if missed {
			<-s.wake
		}
	}
}

// due tells whether what was pushed waits for long enough.
func (s *shard) due() bool {
	s.pushed = 0
	if s.since.IsZero() {
		s.since = time.Now()
		return false
	}
	return time.Since(s.since) >= flushEvery
}

// after gives what fires after a time, nothing where it is 0.
func (s *shard) after(wait time.Duration) <-chan time.Time {
	if wait <= 0 {
		return nil
	}
	if s.timer == nil {
		s.timer = time.NewTimer(wait)
	} else {
		s.timer.Reset(wait)
	}
	return s.timer.C
}

// turn carries out operations of a lane. It answers whether there are more.
func (s *shard) turn(l *lane) (more bool) {
	defer s.survive(l, &more)
	budget := turnPushes
	for range turnDeeds {
		if l.next == len(l.batch) && !s.refill(l) {
			return false
		}
		o := &l.batch[l.next]
		if o.do != deliver && o.do != announce {
			budget -= l.carryOut(o)
		} else {
			n, done := l.walk(o, budget)
			s.delivering(l, o, n)
			budget -= n
			if !done {
				return true
			}
		}
		l.next++
		l.entry.finished(s.bus, 1)
		if budget <= 0 {
			break
		}
	}
	return true
}

func (s *shard) delivering(l *lane, o *operation, n int) {
	if n == 0 || o.do == announce { // which counts by itself
		return
	}
	s.pushed += n
	l.heat.pushes += n
	if l.frames++; l.frames == 1 {
		s.dirty = append(s.dirty, l)
	}
	if o.message {
		s.delivered.Add(uint64(n - l.passed))
		if l.passed > 0 {
			s.bus.tally.excluded.Add(uint64(l.passed))
			l.passed = 0
		}
	}
}

// refill takes what was put on the lane meanwhile. It answers false where there is nothing: then the lane has no turn any more.
func (s *shard) refill(l *lane) bool {
	clear(l.batch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if cap(l.batch) > cap(s.spare) && cap(l.batch) <= maxInFlight {
		s.spare = l.batch[:0] // so that a quiet lane holds no queue, and a busy one need not make one
	}
	l.batch, l.next = l.queue, 0
	l.queue = nil
	l.active = len(l.batch) > 0
	return l.active
}

// survive keeps a panic of one outbox's link from ending the process: that connection ends, the others go on.
func (s *shard) survive(l *lane, more *bool) {
	reason := recover()
	if reason == nil {
		return
	}
	s.bus.tally.failures.Add(1)
	s.bus.log.Error("a delivery failed", "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
	*more = true
	o := &l.batch[l.next]
	if sub := l.reached(o); sub != nil {
		sub.conn.fail()
		return // the walk goes on behind it
	}
	if o.sub != nil {
		o.sub.conn.fail()
	}
	l.next++
	l.walked = 0
	l.entry.finished(s.bus, 1)
}

// pushTo pushes a frame to one member.
func (s *shard) pushTo(sub *subscription, frame *protocol.Encoded) {
	if !sub.conn.out.Push(frame) {
		sub.conn.overflowed()
	}
	s.pushed++
	s.touched(sub.conn.out)
}

// touched lets the next flush wake the link of an outbox.
func (s *shard) touched(out *core.Outbox) {
	if n := len(s.single); n == 0 || s.single[n-1] != out {
		s.single = append(s.single, out)
	}
}

// flush wakes the links of all outboxes that were pushed to, but for those of lanes that collect. It answers when to call again for
// them, 0 where there are none.
func (s *shard) flush() (wait time.Duration) {
	for i, out := range s.single {
		s.single[i] = nil
		s.wakeLink(out)
	}
	s.single = s.single[:0]
	now := time.Now()
	kept := s.dirty[:0]
	for _, l := range s.dirty {
		if d := l.collecting(now); d > 0 {
			kept = append(kept, l)
			if wait == 0 || d < wait {
				wait = d
			}
			continue
		}
		l.heat.measure(now, l.frames, l.window)
		l.flushed, l.frames = now, 0
		for i := range l.members {
			s.wakeLink(l.members[i].out)
		}
	}
	clear(s.dirty[len(kept):])
	s.dirty = kept
	s.pushed, s.since = 0, time.Time{}
	return wait
}

// wakeLink calls foreign code: a panic there must not end the shard.
func (s *shard) wakeLink(out *core.Outbox) {
	defer func() {
		if reason := recover(); reason != nil {
			s.bus.tally.failures.Add(1)
			s.bus.log.Error("a link failed to wake", "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
		}
	}()
	out.Flush()
}

// depth is the number of lanes that wait for their turn.
func (s *shard) depth() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.active)
}

// stop lets the shard end when it has nothing more to do.
func (s *shard) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.asleep {
		s.asleep = false
		s.wake <- struct{}{}
	}
}
