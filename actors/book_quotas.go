package actors

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"tidings/core"
	"tidings/protocol"
	"time"
)

// The limits that can refuse a connection, as Stats names them.
const (
	LimitConnections  = "connections"             // of the node
	LimitConnects     = "connects"                // a second, of the node
	LimitUser         = "connections_per_user"    // an anonymous client has none
	LimitAddress      = "connections_per_address" // if the address is known for sure
	LimitAddressRate  = "connects_per_address"    // a second
	maxQuotaAddresses = 100_000                   // beyond it addresses that are new are not counted
)

var limitNames = [...]string{LimitConnections, LimitConnects, LimitUser, LimitAddress, LimitAddressRate}

var (
	errFull     = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the node has as many connections as it may", Hint: "Come back later, or raise the limit (limits.connections)."}
	errConnects = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many clients connect at once", Hint: "Come back after a moment; limits.connects says how many may each second."}
	errOfUser   = &protocol.Error{Code: protocol.CodeLimitReached, Reason: "this user has as many connections as one may", Hint: "Close some, or let tabs share one; limits.connections_per_user says how many there may be."}
	errOfPlace  = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "this address has as many connections, or opens them as fast, as one may", Hint: "Close some, or wait; limits.connections_per_address and limits.connects_per_address say how many."}
)

// quotas count connections of users and of addresses, and how fast they come. What a connection holds is given back
// with its end.
type quotas struct {
	max quotaLimits

	mu        sync.Mutex // guards all below, and the quotas
	node      core.Bucket
	users     map[string]*quota
	addresses map[netip.Addr]*quota

	refused [len(limitNames)]atomic.Uint64
}

// quotaLimits are the limits that Config says; zero means none.
type quotaLimits struct {
	connections, perUser, perAddress int
	connects, connectsPerAddress     float64 // a second
}

// quota is what one user or address holds.
type quota struct {
	user    string
	address netip.Addr
	n       int
	connect core.Bucket
	share   core.Bucket // of the node's connects
}

func (s *quotas) count(limit string) {
	for i, name := range limitNames {
		if name == limit {
			s.refused[i].Add(1)
		}
	}
}

// of returns the quota of an address, or nil if it is not counted.
func (s *quotas) of(address string, now time.Duration) *quota {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	a = protocol.AddressBlock(a)
	q := s.addresses[a]
	if q == nil {
		if len(s.addresses) >= maxQuotaAddresses && !s.sweep(now) {
			return nil
		}
		if s.addresses == nil {
			s.addresses = map[netip.Addr]*quota{}
		}
		q = &quota{address: a}
		s.addresses[a] = q
	}
	return q
}

// sweep forgets addresses that hold nothing. It reports whether there is space.
func (s *quotas) sweep(now time.Duration) bool {
	for a, q := range s.addresses {
		if q.n == 0 && q.connect.Full(now) && q.share.Full(now) {
			delete(s.addresses, a)
		}
	}
	return len(s.addresses) < maxQuotaAddresses
}

// leave takes a place back.
func (s *quotas) leave(q *quota) {
	if q == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.n--; q.n == 0 && q.user != "" {
		delete(s.users, q.user)
	}
}

func (s *quotas) stats() map[string]uint64 {
	m := map[string]uint64{}
	for i, name := range limitNames {
		m[name] = s.refused[i].Load()
	}
	return m
}

// places is what a connection gives back with its end.
type places struct{ ofUser, ofAddress *quota }

// take takes the places of a connection that is to be made. connections is how many there are.
func (s *quotas) take(user, address string, connections int, now time.Duration) (h places, fault *protocol.Error) {
	if h.ofUser, fault = s.takeUser(user); fault != nil {
		return h, fault
	}
	if h.ofAddress, fault = s.takeAddress(address, connections, now); fault != nil {
		s.give(h)
	}
	return h, fault
}

func (s *quotas) give(h places) {
	s.leave(h.ofUser)
	s.leave(h.ofAddress)
}

// takeAddress takes a place of the node's and of an address, and returns what the connection has of its address: nil if
// addresses are not counted.
func (s *quotas) takeAddress(address string, connections int, now time.Duration) (*quota, *protocol.Error) {
	if s.max.connections > 0 && connections >= s.max.connections {
		s.count(LimitConnections)
		return nil, errFull
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var q *quota
	own := core.Rate{PerSecond: s.max.connectsPerAddress, Burst: 5 * s.max.connectsPerAddress}
	known := s.max.perAddress > 0 || own.PerSecond > 0 // that it is the client's own, and no proxy's
	if known || s.max.connects > 0 {
		q = s.of(address, now)
	}
	// The address first: what it is refused for must not be taken from what all share.
	switch {
	case q == nil:
	case s.max.perAddress > 0 && q.n >= s.max.perAddress:
		s.count(LimitAddress)
		return nil, errOfPlace
	case own.PerSecond > 0 && !q.connect.Take(1, own, now):
		s.count(LimitAddressRate)
		return nil, errOfPlace
	}
	if s.max.connects > 0 && !s.takeNode(q, now) {
		if q != nil && own.PerSecond > 0 {
			q.connect.Take(-1, own, now) // given back
		}
		s.count(LimitConnects)
		return nil, errConnects
	}
	if q == nil || !known {
		return nil, nil
	}
	q.n++
	return q, nil
}

// takeNode takes one of the node's connects for an address, which may be nil. Half of them are any one address's; above
// that it gets what the others leave, so that the address of a proxy nobody knows of can have them all, and a flood
// from one leaves half of what comes at once to the others.
func (s *quotas) takeNode(q *quota, now time.Duration) bool {
	all, half := s.max.connects, s.max.connects/2
	share := core.Rate{PerSecond: half, Burst: 4 * half}
	switch {
	case q != nil && !q.share.Take(1, share, now):
		return s.node.Take(1, core.Rate{PerSecond: all, Burst: 4 * half}, now)
	case s.node.Take(1, core.Rate{PerSecond: all, Burst: 4 * all}, now):
		return true
	case q != nil:
		q.share.Take(-1, share, now) // given back
	}
	return false
}

// takeUser takes a place of a user's; nil for an anonymous client.
func (s *quotas) takeUser(user string) (*quota, *protocol.Error) {
	if user == "" || s.max.perUser == 0 {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.users[user]
	if q == nil {
		if s.users == nil {
			s.users = map[string]*quota{}
		}
		q = &quota{user: user}
		s.users[user] = q
	}
	if q.n >= s.max.perUser {
		s.count(LimitUser)
		return nil, errOfUser
	}
	q.n++
	return q, nil
}
