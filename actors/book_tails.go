package actors

import (
	"sync"
	"sync/atomic"
	"tidings/protocol"
)

// Tail sees what is published through this node, as far as it keeps up. Close it.
type Tail struct {
	C       <-chan Seen
	dropped atomic.Uint64
	only    func(protocol.Channel) bool // nil: all
	c       chan Seen
	of      *tails
}

// Seen is one message that was published.
type Seen struct {
	Channel  protocol.Channel
	Position protocol.Position // zero offset if it is volatile
	ID       string
	Event    string
	Trace    string
	Data     []byte // nobody may change it
	Volatile bool
}

// Dropped returns how many messages were left out since the last call, since C was full.
func (t *Tail) Dropped() uint64 { return t.dropped.Swap(0) }

// Close ends the tail; C stays open.
func (t *Tail) Close() {
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	if _, ok := t.of.all[t]; ok {
		delete(t.of.all, t)
		t.of.n.Add(-1)
	}
}

// tails are the tails of a bus. A publish looks at n alone while there are none.
type tails struct {
	n       atomic.Int32
	dropped atomic.Uint64 // of all there were
	mu      sync.Mutex    // guards all
	all     map[*Tail]struct{}
}

// MaxTails bounds the tails of a node, and tailBuffer the messages that wait in one.
const (
	MaxTails   = 8
	tailBuffer = 256
)

// tell never waits: what does not fit is counted.
func (s *tails) tell(m Seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.all {
		if t.only != nil && !t.only(m.Channel) {
			continue
		}
		select {
		case t.c <- m:
		default:
			t.dropped.Add(1)
			s.dropped.Add(1)
		}
	}
}
