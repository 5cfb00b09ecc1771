package actors

import (
	"sync"
	"tidings/access"
	"tidings/protocol"
	"time"
)

// Tickets let a browser's own EventSource in, which can send neither a header nor a body: a ticket stands in its URL,
// for a token that must not. It is good for protocol.TicketLife, once, and then for the stream that it opened and the
// channels of that stream, since EventSource comes back with the same URL. Whoever finds the URL in a log can take over
// that stream while it lives, and opens no other with it.

// Bounds of tickets.
const (
	maxTickets        = 10_000
	maxTicketsPerUser = 32
)

var (
	errTicket       = &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "the ticket is not valid, or not any more", Hint: "Get another with POST /bus/ticket, and open another EventSource with it."}
	errTicketStream = &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "the ticket has opened a stream of other channels, and is good for that one alone", Hint: "Get another with POST /bus/ticket for this stream."}
)

// tickets are those that may still be redeemed.
type tickets struct {
	mu    sync.Mutex // guards all below, and the tickets
	list  map[sessionKey]*ticket
	users map[string]int // how many each has

	streams map[*ticket]bool // of several nodes: whose streams live here; false for one whose stream has ended for good
}

type ticket struct {
	key      sessionKey
	identity access.Identity
	until    time.Time
	conn     *Connection // that it opened last; nil before, and after its end
	opened   bool
	stream   string // protocol.Peer.Stream of the request that it opened first: it is good for that one alone
	gone     bool
	shared   *sharedTicket // of several nodes: what the broker has of it; else nil. Once it is bound, of keepTickets alone
}

// With several nodes a ticket is a record at the broker, which any of them redeems. Who has the ticket's secret alone
// can read what the record has of the token: it is encrypted with it, and found by its hash.
type ticketRecord struct {
	Token  []byte `json:"token"`            // encrypted
	Stream string `json:"stream,omitempty"` // that it opened first
	Opened bool   `json:"opened,omitempty"`
	Conn   string `json:"conn,omitempty"` // that it opened last, by its public name
}

// sharedTicket is what the node that redeemed a ticket has of it.
type sharedTicket struct {
	key    string
	stored []byte // as the broker had it last
	record ticketRecord
}

func (s *tickets) add(t *ticket) *protocol.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := t.identity.User
	if len(s.list) >= maxTickets || s.users[user] >= maxTicketsPerUser {
		s.sweep(time.Now())
	}
	switch {
	case s.users[user] >= maxTicketsPerUser:
		return &protocol.Error{Code: protocol.CodeLimitReached, Reason: "a user may have 32 tickets", Hint: "Use one for each EventSource, when it is opened."}
	case len(s.list) >= maxTickets:
		return &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the node has as many tickets as it may", Hint: "Try again in a moment."}
	}
	if s.list == nil {
		s.list, s.users = map[sessionKey]*ticket{}, map[string]int{}
	}
	s.list[t.key] = t
	s.users[user]++
	return nil
}

// redeem returns the ticket of a secret for a stream, by protocol.Peer.Stream, and binds it to that stream. It fails
// with CodeUnauthorized, and with CodeTokenExpired if the token is over that it stands for.
func (s *tickets) redeem(secret, stream string) (*ticket, *protocol.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.list[keyOf(secret)]
	now := time.Now()
	switch {
	case t == nil:
		return nil, errTicket
	case now.After(t.identity.Expires().Add(access.TokenLeeway)):
		s.forget(t)
		return nil, access.ErrTokenExpired
	case t.conn == nil && !now.Before(t.until):
		s.forget(t)
		return nil, errTicket
	case t.opened && t.stream != stream:
		return nil, errTicketStream
	}
	t.opened, t.stream = true, stream
	return t, nil
}

// bind keeps which connection a ticket opened, and returns the one before, which has to end.
func (s *tickets) bind(t *ticket, c *Connection, park time.Duration) (before *Connection) {
	c.ticket.Store(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	before, t.conn = t.conn, c
	if c.ended.Load() { // left may have been called before
		t.conn, t.until = nil, time.Now().Add(park)
	}
	return before
}

// left marks the end of the connection of a ticket: the ticket is good for another park, or, if the end was final, for
// nothing.
func (s *tickets) left(c *Connection, final bool, park time.Duration) {
	t := c.ticket.Load()
	if t == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.shared != nil {
		s.ended(t, final)
		return
	}
	if t.conn != c {
		return
	}
	t.conn, t.until = nil, time.Now().Add(park)
	if final {
		s.forget(t)
	}
}

// live has the record of a ticket renewed as long as c lives.
func (s *tickets) live(t *ticket, c *Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ended.Load() { // left may have been called before
		return
	}
	if s.streams == nil {
		s.streams = map[*ticket]bool{}
	}
	s.streams[t] = true
}

// ended has the record of a ticket renewed no more, and taken away if that was for good. The caller has the lock.
func (s *tickets) ended(t *ticket, final bool) {
	if _, ok := s.streams[t]; !ok {
		return
	}
	delete(s.streams, t)
	if final {
		s.streams[t] = false
	}
}

// due returns the tickets whose records are to be renewed, or, if they are gone, taken away.
func (s *tickets) due() (list []*ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, lives := range s.streams {
		if !lives {
			t.gone = true
			delete(s.streams, t)
		}
		list = append(list, t)
	}
	return list
}

func (s *tickets) sweep(now time.Time) {
	for _, t := range s.list {
		if t.conn == nil && !now.Before(t.until) {
			s.forget(t)
		}
	}
}

func (s *tickets) forget(t *ticket) {
	if t.gone {
		return
	}
	t.gone = true
	delete(s.list, t.key)
	if user := t.identity.User; s.users[user] > 1 {
		s.users[user]--
	} else {
		delete(s.users, user)
	}
}
