package actors

import (
	"hash/maphash"
	"sync"
	"tidings/protocol"
)

// router finds channels by name, and starts them. A channel's actor stops only with the router's leave (retire), which it
// does not give while anybody holds the entry: so nobody ever joins a channel that is going away.
type router struct {
	start  func(*entry) // spawns the actor and sets pid
	seed   maphash.Seed
	shards [64]routerShard
}

type routerShard struct {
	mu      sync.Mutex // guards entries and their holders
	entries map[protocol.Channel]*entry
	_       [40]byte // apart from the next one
}

func newRouter(start func(*entry)) *router {
	r := &router{start: start, seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].entries = map[protocol.Channel]*entry{}
	}
	return r
}

func (r *router) shard(name protocol.Channel) *routerShard {
	return &r.shards[maphash.String(r.seed, string(name))%uint64(len(r.shards))]
}

// hold returns the channel's entry, started if need be, and holds it for one subscription. The channel releases it.
func (r *router) hold(name protocol.Channel) *entry {
	s := r.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[name]
	if e == nil {
		e = &entry{name: name}
		r.start(e)
		s.entries[name] = e
	}
	e.holders++
	return e
}

func (r *router) release(e *entry) {
	s := r.shard(e.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.holders--
}

// retire forgets an entry that nobody holds. If it answers true the actor must stop.
func (r *router) retire(e *entry) bool {
	s := r.shard(e.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.holders > 0 {
		return false
	}
	delete(s.entries, e.name)
	return true
}

// find returns the channel's entry, or nil.
func (r *router) find(name protocol.Channel) *entry {
	s := r.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries[name]
}

// each calls fn for every entry, without the lock.
func (r *router) each(fn func(*entry)) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		list := make([]*entry, 0, len(s.entries))
		for _, e := range s.entries {
			list = append(list, e)
		}
		s.mu.Unlock()
		for _, e := range list {
			fn(e)
		}
	}
}
