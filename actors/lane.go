package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"tidings/core"
	"tidings/protocol"
)

// lane is what one channel has to say in one shard: to the shard's members of the channel, first in, first out. The channel's
// actor appends operations, the shard carries them out. Lanes of a shard take turns, so that a busy channel delays the others
// by a turn and no more.
type lane struct {
	shard  *shard
	entry  *entry
	window time.Duration // how long a hot lane collects; 0: never

	queue  []operation // guarded by shard.mu
	active bool        // in shard.active, or at hand; guarded by shard.mu

	// Of the shard's goroutine.
	batch   []operation // taken off the queue
	next    int         // in batch
	walked  int         // members that the deliver at hand has reached
	passed  int         // of them, those that got no message
	members []member
	watch   *watchers // nil where there is none
	frames  int       // delivered since the last flush
	flushed time.Time // when the last flush began
	heat    heat
}

// member is kept apart from its subscription so that a walk touches little memory.
type member struct {
	out *core.Outbox
	sub *subscription
}

type operation struct {
	do      deed
	message bool                // deliver: the frame is a message
	to      audience            // announce: of those who watch; hear
	asker   uint32              // replay: the incarnation of the actor that takes the Continue
	sub     *subscription       // but for deliver and displace
	frame   *protocol.Encoded   // deliver, push
	frames  []*protocol.Encoded // replay
	tell    *displacement
	but     *exception // deliver: but to these; nil for most
}

type deed uint8

const (
	deliver  deed = iota // frame to all members
	push                 // frame to sub alone
	replay               // frames to sub; then it takes more when there is room
	lastPage             // frames to sub; it has no more to replay
	enter                // sub becomes a member
	arrive               // sub becomes a member after a recovery, which its connection is told
	leave                // sub is one no more
	withdraw             // what waits of the channel for sub's connection is taken back; then frame, if not nil, is pushed
	hear                 // sub hears the news named by to, or none
	announce             // frame to those who watch
	displace             // nobody is one any more; tell says whom to tell
)

type displacement struct {
	to *actor.PID
	at protocol.Position
}

func (l *lane) deliver(frame *protocol.Encoded) { l.put(operation{do: deliver, frame: frame}) }
func (l *lane) message(frame *protocol.Encoded, but *exception) {
	l.put(operation{do: deliver, frame: frame, message: true, but: but})
}
func (l *lane) announce(frame *protocol.Encoded, to audience) {
	l.put(operation{do: announce, frame: frame, to: to})
}
func (l *lane) push(sub *subscription, frame *protocol.Encoded) {
	l.put(operation{do: push, sub: sub, frame: frame})
}
func (l *lane) leave(sub *subscription) { l.put(operation{do: leave, sub: sub}) }
func (l *lane) withdraw(sub *subscription, last *protocol.Encoded) {
	l.put(operation{do: withdraw, sub: sub, frame: last})
}
func (l *lane) displace(to *actor.PID, at protocol.Position) {
	l.put(operation{do: displace, tell: &displacement{to, at}})
}

func (l *lane) enter(sub *subscription, recovered bool) {
	do := enter
	if recovered {
		do = arrive
	}
	l.put(operation{do: do, sub: sub})
}

func (l *lane) replay(sub *subscription, frames []*protocol.Encoded, more bool) {
	do := lastPage
	if more {
		do = replay
	}
	l.put(operation{do: do, sub: sub, frames: frames, asker: sub.incarnation})
}

// put appends an operation and wakes the shard. It never waits for it.
func (l *lane) put(o operation) {
	l.entry.inFlight.Add(1)
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

// walk pushes a frame to the members that it has not reached yet, at most budget of them. It answers how many that were,
// and whether it is through.
func (l *lane) walk(o *operation, budget int) (n int, done bool) {
	if o.do == announce {
		return l.herald(o, budget)
	}
	end := min(len(l.members), l.walked+budget)
	n = end - l.walked
	for l.walked < end {
		m := &l.members[l.walked]
		l.walked++ // first: should this push fail, the next turn goes on behind it
		frame := o.frame
		if o.but != nil && o.but.has(m.out) {
			l.passed++
			if frame = o.but.frame; frame == nil {
				continue
			}
		}
		if !m.out.Push(frame) {
			m.sub.conn.overflowed()
		}
	}
	if l.walked < len(l.members) {
		return n, false
	}
	l.walked = 0
	return n, true
}

// carryOut does what concerns few. It answers how many frames it pushed.
func (l *lane) carryOut(o *operation) int {
	s := l.shard
	switch o.do {
	case push:
		s.pushTo(o.sub, o.frame)
		return 1
	case replay, lastPage:
		for _, frame := range o.frames {
			s.pushTo(o.sub, frame)
		}
		s.delivered.Add(messagesOf(o.frames))
		if o.do == replay {
			o.sub.conn.whenRoomy(l.entry.pid, Continue{Sub: o.sub, Incarnation: o.asker})
		}
		return len(o.frames)
	case arrive:
		l.add(o.sub)
		s.bus.send(o.sub.conn.pid, Joined{Sub: o.sub}) // now, when all that was replayed is in the outbox
	case enter:
		l.add(o.sub)
	case hear:
		l.setWatcher(o.sub, o.to)
	case leave:
		l.remove(o.sub)
	case withdraw:
		o.sub.conn.withdraw(func(ch protocol.Channel) bool { return ch == l.entry.name })
		if o.frame != nil {
			s.pushTo(o.sub, o.frame)
			return 1
		}
	case displace:
		s.bus.send(o.tell.to, Displaced{Subs: l.clear(), At: o.tell.at})
	}
	return 0
}

func (l *lane) add(sub *subscription) {
	if sub.index == 0 {
		l.members = append(l.members, member{sub.conn.out, sub})
		sub.index = int32(len(l.members))
	}
}

func (l *lane) remove(sub *subscription) {
	i := int(sub.index) - 1
	if i < 0 {
		return
	}
	l.shard.touched(sub.conn.out) // what was pushed is not flushed by way of the members any more
	l.removeWatcher(sub)
	last := len(l.members) - 1
	l.members[i] = l.members[last]
	l.members[i].sub.index = int32(i + 1)
	l.members[last] = member{}
	l.members = l.members[:last]
	sub.index = 0
	if cap(l.members) > 64 && len(l.members) < cap(l.members)/4 {
		l.members = append(make([]member, 0, cap(l.members)/2), l.members...)
	}
}

func (l *lane) clear() []*subscription {
	subs := make([]*subscription, len(l.members))
	for i, m := range l.members {
		subs[i] = m.sub
		m.sub.index = 0
		l.shard.touched(m.out)
	}
	l.members, l.watch = nil, nil
	return subs
}
