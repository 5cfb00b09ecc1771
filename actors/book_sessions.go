package actors

import (
	"sync"
)

// registry finds connections by session and by id.
type registry struct {
	sessions [64]struct {
		mu sync.Mutex // guards m
		m  map[sessionKey]*Connection
	}
	mu  sync.Mutex // guards ids
	ids map[string]*Connection
}

func newRegistry() *registry {
	r := &registry{ids: map[string]*Connection{}}
	for i := range r.sessions {
		r.sessions[i].m = map[sessionKey]*Connection{}
	}
	return r
}

func (r *registry) add(c *Connection) {
	r.mu.Lock()
	r.ids[c.id] = c
	r.mu.Unlock()
	s := &r.sessions[c.key.part()]
	s.mu.Lock()
	s.m[c.key] = c
	s.mu.Unlock()
}

func (r *registry) remove(c *Connection) {
	r.mu.Lock()
	delete(r.ids, c.id)
	r.mu.Unlock()
	s := &r.sessions[c.key.part()]
	s.mu.Lock()
	delete(s.m, c.key)
	s.mu.Unlock()
}

// find returns the connection of a session, or nil.
func (r *registry) find(session string) *Connection {
	key := keyOf(session)
	s := &r.sessions[key.part()]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key]
}

// get returns the connection of a public name, or nil.
func (r *registry) get(id string) *Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[id]
}

// all returns every connection there is, in no order.
func (r *registry) all() []*Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*Connection, 0, len(r.ids))
	for _, c := range r.ids {
		list = append(list, c)
	}
	return list
}

func (r *registry) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ids)
}
