package httpapi

import (
	"maps"
	"sync"

	"tidings/protocol"
)

// refusals counts the errors that were answered, by code.
type refusals struct {
	mu    sync.Mutex // guards count
	count map[protocol.Code]uint64
}

func (r *refusals) add(code protocol.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count = map[protocol.Code]uint64{}
	}
	r.count[code]++
}

func (r *refusals) snapshot() map[protocol.Code]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.count)
}
