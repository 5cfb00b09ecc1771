// Package counts has counters by key, for what is counted by words that are known only when they happen.
package counts

import (
	"maps"
	"sync"
)

// MaxKeys bounds the keys of one Map. Codes and transports are few; the bound is for what clients may choose.
const MaxKeys = 256

// Map counts by key. Its zero value is empty and ready; a Map must not be copied after its first use.
type Map[K comparable] struct {
	mu sync.Mutex // guards n
	n  map[K]uint64
}

// Add counts n more of key. A key beyond the first MaxKeys is not counted.
func (m *Map[K]) Add(key K, n uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n == nil {
		m.n = map[K]uint64{}
	}
	if _, ok := m.n[key]; ok || len(m.n) < MaxKeys {
		m.n[key] += n
	}
}

// Snapshot returns a copy of what was counted so far.
func (m *Map[K]) Snapshot() map[K]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.n)
}
