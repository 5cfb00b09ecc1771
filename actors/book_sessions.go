package actors

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"sync"
	"tidings/access"
	"tidings/protocol"

	lru "github.com/hashicorp/golang-lru/v2"
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

// named returns the connections of this node that a backend calls by name: one by its public name, or all of a page by
// the page's own id.
func (b *Bus) named(name string) []*Connection {
	if access.GoodPageID(name) {
		return b.grants.conns(subject{ofPage, name})
	}
	if c := b.registry.get(name); c != nil {
		return []*Connection{c}
	}
	return nil
}

// goesBy reports whether that is one of the connection's names.
func (c *Connection) goesBy(name string) bool {
	return name != "" && (name == c.id || access.GoodPageID(name) && slices.Contains(c.bus.named(name), c))
}

// sessionKey is the hash of a session id. The id itself, which is a secret, is not kept.
type sessionKey [16]byte

func keyOf(session string) sessionKey {
	sum := sha256.Sum256([]byte(session))
	return sessionKey(sum[:])
}

// newSecret draws a session id, or a ticket: 32 random bytes.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newConnectionID draws a connection's public name: 71 random bits. It begins with a letter, never with "-", so that it
// can be an argument of a command.
func newConnectionID() string {
	var b [9]byte
	rand.Read(b[:])
	b[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (k sessionKey) part() uint64 { return binary.LittleEndian.Uint64(k[:]) % 64 }

// maxEndings bounds the sessions whose final word is kept for a client that is between two polls when it is said, and
// would else take the session for one that is merely gone, and come back.
const maxEndings = 1024

// endings are the final words of sessions that ended for good.
type endings struct {
	last *lru.Cache[sessionKey, *protocol.Error]
}

func newEndings() endings {
	last, err := lru.New[sessionKey, *protocol.Error](maxEndings)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return endings{last}
}

// keep remembers why a session has ended.
func (e endings) keep(session sessionKey, why *protocol.Error) { e.last.Add(session, why) }

// of is the error for a session that is no more: its final word, if it had one a short time ago.
func (e endings) of(session sessionKey) error {
	if why, ok := e.last.Get(session); ok {
		return why
	}
	return errGone
}

var errGone = &protocol.Error{Code: protocol.CodeSessionGone, Reason: "there is no such session", Hint: "Connect anew, and subscribe from the last positions."}
