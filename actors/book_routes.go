package actors

import (
	"crypto/sha256"
	"sync"
	"tidings/access"
	"tidings/core"
	"time"
)

// targets are where publishes with idempotency keys went, for a time.
type targets struct {
	mu       sync.Mutex // guards all below
	known    map[targetKey]*target
	queue    []targetKey // oldest first
	channels int         // of all
}

type targetKey struct{ principal, key string }

type target struct {
	access.Routed
	asked [sha256.Size]byte
	at    time.Duration // after the start of the node
}

// Bounds of targets: above them the oldest is forgotten before its time.
const (
	targetLife        = 5 * time.Minute
	maxTargets        = 100_000
	maxTargetChannels = 1_000_000
)

func (t *target) answer(asked [sha256.Size]byte) (access.Routed, error) {
	if t.asked != asked {
		return access.Routed{}, core.ErrIdempotencyConflict
	}
	return t.Routed, nil
}

func (s *targets) get(k targetKey, now time.Duration) *target {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	return s.known[k]
}

// put remembers t, unless there is one by now, which it gives.
func (s *targets) put(k targetKey, t *target) *target {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(t.at)
	if known := s.known[k]; known != nil {
		return known
	}
	if s.known == nil {
		s.known = map[targetKey]*target{}
	}
	s.known[k], s.queue, s.channels = t, append(s.queue, k), s.channels+len(t.Channels)
	return t
}

func (s *targets) expire(now time.Duration) {
	for len(s.queue) > 0 {
		t := s.known[s.queue[0]]
		if now-t.at < targetLife && len(s.queue) < maxTargets && s.channels < maxTargetChannels {
			return
		}
		delete(s.known, s.queue[0])
		s.queue, s.channels = s.queue[1:], s.channels-len(t.Channels)
	}
	s.known, s.queue = nil, nil // a map never shrinks by itself
}
