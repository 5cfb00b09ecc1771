package fanout

import (
	"sync"
	"sync/atomic"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// Shard is a goroutine that delivers to its part of the connections. It appends to outboxes, and wakes their links when
// it has nothing else to do, so that frames which come together leave together. It waits for nobody.
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
	temper temper[M]

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

// Delivered returns how many messages were pushed, each to one member, and how many passed a member by, since it was
// excluded.
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

// Lane is what one channel has to say in one shard: to the shard's members of the channel, first in, first out. The
// channel's actor appends operations, the shard carries them out. Lanes of a shard take turns, so that a busy channel
// delays the others by a turn and no more. Its methods never wait; one goroutine at a time calls them.
type Lane[M Member] struct {
	shard   *Shard[M]
	traffic *Traffic
	window  time.Duration // how long a hot lane collects; 0: never

	queue  []operation[M] // guarded by shard.mu
	active bool           // in shard.active, or at hand; guarded by shard.mu

	// Of the shard's goroutine.
	batch   []operation[M] // taken off the queue
	next    int            // in batch
	at      int            // in the groups of the deliver at hand
	grouped bool           // it has gone through those who hear everything
	walked  int            // members of the crowd at hand that it has reached
	passed  int            // of them, those that got no message
	all     crowd[M]
	groups  map[*Group]*crowd[M]    // of the groups that have members here; nil if there is none
	dirty   []*crowd[M]             // pushed to since the last flush
	watch   map[*Group]*watchers[M] // by whose news they hear, which is nil for the channel's; nil if there is none
	frames  int                     // delivered since the last flush
	flushed time.Time               // when the last flush began
	rested  time.Time               // when it ended
	heat    heat
}

// NewLane returns the lane of a channel in a shard, without members. traffic counts what is on its way through the
// channel's lanes. window is how long the deliveries of a hot lane may wait for more, zero for not at all.
func NewLane[M Member](s *Shard[M], traffic *Traffic, window time.Duration) *Lane[M] {
	return &Lane[M]{shard: s, traffic: traffic, window: window}
}

// Deliver pushes a frame to all members that hear everything.
func (l *Lane[M]) Deliver(frame *protocol.Encoded) { l.put(operation[M]{do: deliver, frame: frame}) }

// Select pushes frames to the members of groups.
func (l *Lane[M]) Select(groups []Selected) { l.put(operation[M]{do: deliver, groups: groups}) }

// Message pushes the frame of a message to all members that hear everything, if it is not nil, and its frames for
// groups to theirs. Members of but, if that is not nil, are left out.
func (l *Lane[M]) Message(frame *protocol.Encoded, groups []Selected, but *Exception) {
	l.put(operation[M]{do: deliver, frame: frame, groups: groups, message: true, but: but})
}

// Announce pushes a frame of news, of a group or, if that is nil, of the channel, to the members that hear of them.
func (l *Lane[M]) Announce(frame *protocol.Encoded, of *Group, to Audience) {
	l.put(operation[M]{do: announce, frame: frame, group: of, to: to})
}

// Push pushes a frame to m alone, which need not be a member.
func (l *Lane[M]) Push(m M, frame *protocol.Encoded) {
	l.put(operation[M]{do: push, member: m, frame: frame})
}

// Replay pushes a page of history to m. If there is more, Port.Next is asked for it, with asker.
func (l *Lane[M]) Replay(m M, frames []*protocol.Encoded, asker uint32, more bool) {
	do := lastPage
	if more {
		do = replay
	}
	l.put(operation[M]{do: do, member: m, frames: frames, asker: asker})
}

// Enter makes m a member, of a group or, if that is nil, one that hears everything. If it has recovered Port.Live is
// called then.
func (l *Lane[M]) Enter(m M, group *Group, recovered bool) {
	do := enter
	if recovered {
		do = arrive
	}
	l.put(operation[M]{do: do, member: m, group: group})
}

// Hear makes m hear these news, of a group or, if that is nil, of the channel, from now on, or none. It does nothing if
// m is no member. The group need not be the one that m is a member of.
func (l *Lane[M]) Hear(m M, of *Group, news Audience) {
	l.put(operation[M]{do: hear, member: m, group: of, to: news & Everybody})
}

// leave removes m from the members.
func (l *Lane[M]) Leave(m M) { l.put(operation[M]{do: leave, member: m}) }

// Withdraw takes back what waits of the channel for m's connection, and then pushes last, if that is not nil.
func (l *Lane[M]) Withdraw(m M, last *protocol.Encoded) {
	l.put(operation[M]{do: withdraw, member: m, frame: last})
}

// Displace removes all members, and hands them to then, which must not wait.
func (l *Lane[M]) Displace(then func([]M)) { l.put(operation[M]{do: displace, then: then}) }

// put appends an operation and wakes the shard. It never waits for it.
func (l *Lane[M]) put(o operation[M]) {
	l.traffic.Add(1)
	s := l.shard
	s.mu.Lock()
	if l.queue == nil {
		l.queue = s.spare
		s.spare = nil
	}
	l.queue = append(l.queue, o)
	wake := false
	if !l.active {
		l.active = true
		s.active = append(s.active, l)
		wake, s.asleep = s.asleep, false
	}
	s.mu.Unlock()
	if wake {
		s.wake <- struct{}{}
	}
}
