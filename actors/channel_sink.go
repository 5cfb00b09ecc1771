package actors

import (
	"sync"
	"sync/atomic"
	"tidings/actors/fanout"
	"tidings/protocol"

	"github.com/asynkron/protoactor-go/actor"
)

// sink takes what the broker brings for one incarnation of a channel, on the broker's goroutine.
type sink struct {
	ending
	entry *entry
	pid   *actor.PID
}

// Message implements broker.Sink.
func (s *sink) Message(m *protocol.Message) {
	if s.closed.Load() {
		return
	}
	if !s.entry.traffic.Try(fanout.MaxInFlight) {
		s.bus.tally.skipped.Add(1)
		if s.entry.skipped.CompareAndSwap(false, true) {
			s.bus.send(s.pid, skipped{})
		}
		return
	}
	s.bus.send(s.pid, arrived{m})
}

// interrupted implements broker.Sink.
func (s *sink) Interrupted() {
	if !s.closed.Load() {
		s.bus.send(s.pid, interrupted{})
	}
}

// ending ends a subscription at the broker.
type ending struct {
	bus    *Bus
	closed atomic.Bool

	mu   sync.Mutex // guards stop
	stop func()
}

// opened keeps what ends the subscription, or ends it if the sink was closed meanwhile.
func (s *ending) opened(stop func()) {
	s.mu.Lock()
	s.stop = stop
	s.mu.Unlock()
	if s.closed.Load() {
		s.end()
	}
}

// close lets nothing more through, and ends the subscription without waiting for it.
func (s *ending) close() {
	s.closed.Store(true)
	s.bus.reads.Run(s.end)
}

func (s *ending) end() {
	s.mu.Lock()
	stop := s.stop
	s.stop = nil
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
}
