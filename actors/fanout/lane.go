package fanout

import (
	"tidings/protocol"
	"time"
)

// Lane is what one channel has to say in one shard: to the shard's members of the channel, first in, first out. The channel's
// actor appends operations, the shard carries them out. Lanes of a shard take turns, so that a busy channel delays the others
// by a turn and no more. Its methods never wait; one goroutine at a time calls them.
type Lane[M Member] struct {
	shard   *Shard[M]
	traffic *Traffic
	window  time.Duration // how long a hot lane collects; 0: never

	queue  []operation[M] // guarded by shard.mu
	active bool           // in shard.active, or at hand; guarded by shard.mu

	// Of the shard's goroutine.
	batch   []operation[M] // taken off the queue
	next    int            // in batch
	walked  int            // members that the deliver at hand has reached
	passed  int            // of them, those that got no message
	all     crowd[M]
	watch   *watchers[M] // nil if there is none
	frames  int          // delivered since the last flush
	flushed time.Time    // when the last flush began
	heat    heat
}

// NewLane returns the lane of a channel in a shard, without members. traffic counts what is on its way through the channel's lanes. window
// is how long the deliveries of a hot lane may wait for more, zero for not at all.
func NewLane[M Member](s *Shard[M], traffic *Traffic, window time.Duration) *Lane[M] {
	return &Lane[M]{shard: s, traffic: traffic, window: window}
}

// Deliver pushes a frame to all members.
func (l *Lane[M]) Deliver(frame *protocol.Encoded) { l.put(operation[M]{do: deliver, frame: frame}) }

// Message pushes the frame of a message to all members but those of but, if that is not nil.
func (l *Lane[M]) Message(frame *protocol.Encoded, but *Exception) {
	l.put(operation[M]{do: deliver, frame: frame, message: true, but: but})
}

// Announce pushes a frame of news to the members that hear of them.
func (l *Lane[M]) Announce(frame *protocol.Encoded, to Audience) {
	l.put(operation[M]{do: announce, frame: frame, to: to})
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

// Enter makes m a member. If it has recovered Port.Live is called then.
func (l *Lane[M]) Enter(m M, recovered bool) {
	do := enter
	if recovered {
		do = arrive
	}
	l.put(operation[M]{do: do, member: m})
}

// hear makes m hear these news from now on, or none. It does nothing if m is no member.
func (l *Lane[M]) Hear(m M, news Audience) {
	l.put(operation[M]{do: hear, member: m, to: news & Everybody})
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
