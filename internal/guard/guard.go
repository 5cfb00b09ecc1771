package guard

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of a request and of its answer.
const (
	// BodyLimit is how long an announced body may take, from the end of the head to its last byte.
	BodyLimit = 10 * time.Second
	// AnswerLimit is how long a server waits for a client to read AnswerBytes, unless a handler has set a deadline.
	AnswerLimit = 20 * time.Second
	// AnswerBytes is the part of an answer that has AnswerLimit: 64 KiB, so 3.2 KiB a second are enough.
	AnswerBytes = 64 << 10
	// MaxBodies is how many announced bodies of one address may be waited for at once. A body mostly comes with its
	// head, so even a large office has few of them.
	MaxBodies = 512
	// DrainBytes is how much of a body that no handler wanted is read before the answer: a client that is still sending
	// would not read it.
	DrainBytes = 16 << 20
)

// Guard watches the conns and requests of one server. The zero Guard counts no addresses.
type Guard struct {
	// Address returns by what the bodies of a request's client are counted together, and false for one that is not
	// counted: a proxy, whose requests are everybody's. Nil counts nobody.
	Address func(*http.Request) (string, bool)
	// Refuse answers a request whose address keeps too many bodies waiting. Nil answers 429 without a body.
	Refuse func(http.ResponseWriter, *http.Request)

	smuggled, unsent, unread, crowded, large atomic.Uint64

	mu      sync.Mutex // guards waiting
	waiting map[string]int
}

// Stats counts what a Guard has ended.
type Stats struct {
	Smuggled uint64 // requests with a length and chunks, which were refused
	Unsent   uint64 // bodies that were announced and did not come in time
	Unread   uint64 // conns that were cut because an answer was not read in time
	Large    uint64 // heads above the server's bound, which were refused; not seen if TLS ends here
	Crowded  uint64 // requests that were refused because their address kept MaxBodies bodies waiting
}

// Stats returns the counts so far.
func (g *Guard) Stats() Stats {
	return Stats{Smuggled: g.smuggled.Load(), Unsent: g.unsent.Load(), Unread: g.unread.Load(), Crowded: g.crowded.Load(), Large: g.large.Load()}
}

// Listener returns l with conns that are watched. Of a listener for TLS, give the one below it, and blind: true.
func (g *Guard) Listener(l net.Listener, blind bool) net.Listener { return &listener{l, g, blind} }

// Conn returns a conn that was accepted elsewhere, watched as those of Listener are.
func (g *Guard) Conn(c net.Conn) net.Conn { return g.conn(c, false) }

type listener struct {
	net.Listener
	guard *Guard
	blind bool
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.guard.conn(c, l.blind), nil
}
