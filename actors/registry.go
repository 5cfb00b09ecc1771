package actors

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"tidings/protocol"
)

// sessionKey is the hash of a session id. The id itself, which is a secret, is not kept.
type sessionKey [16]byte

func keyOf(session string) sessionKey {
	sum := sha256.Sum256([]byte(session))
	return sessionKey(sum[:])
}

// newSession draws a session id: 32 random bytes.
func newSession() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newConnectionID draws a connection's public name: 9 random bytes.
func newConnectionID() string {
	var b [9]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// maxEndings bounds the sessions whose final word is kept for a client that is between two polls when it is said, and would else take the
// session for one that is merely gone, and come back.
const maxEndings = 1024

func newEndings() *lru.Cache[sessionKey, *protocol.Error] {
	endings, err := lru.New[sessionKey, *protocol.Error](maxEndings)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return endings
}

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

// find gives the connection of a session, or nil.
func (r *registry) find(session string) *Connection {
	key := keyOf(session)
	s := &r.sessions[key.part()]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key]
}

// get gives the connection of a public name, or nil.
func (r *registry) get(id string) *Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[id]
}

// all gives every connection there is, in no order.
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

func (k sessionKey) part() uint64 { return binary.LittleEndian.Uint64(k[:]) % 64 }
