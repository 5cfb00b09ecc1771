package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"tidings/protocol"
)

// maxSilent is how many connections of one address may be open at once on which no request has begun. A client that has
// something to say says it within a round trip, so that even a large office that comes back at once, to a server that
// is short of processor time, has fewer of them; who only holds connections open would otherwise have all file
// descriptors for headerTimeout, again and again.
const maxSilent = 2048

// silent counts the connections on which no request has begun, by address. Trusted proxies are not counted: theirs are
// everybody's.
type silent struct {
	trusted func(netip.Addr) bool
	refused atomic.Uint64

	mu    sync.Mutex // guards what follows
	conns map[net.Conn]netip.Addr
	count map[netip.Addr]int
}

// state is an http.Server's ConnState.
func (s *silent) state(c net.Conn, now http.ConnState) {
	if now != http.StateNew {
		s.forget(c)
		return
	}
	if !s.enter(c) {
		c.Close()
	}
}

// enter counts a new connection until forget. It reports false if its address has too many of them.
func (s *silent) enter(c net.Conn) bool {
	peer, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return true // not of the network: in-memory pipes of tests
	}
	address := peer.AddrPort().Addr().Unmap()
	if s.trusted(address) {
		return true
	}
	if !s.remember(c, protocol.AddressBlock(address)) {
		s.refused.Add(1)
		return false
	}
	return true
}

func (s *silent) remember(c net.Conn, address netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count[address] >= maxSilent {
		return false
	}
	if s.conns == nil {
		s.conns, s.count = map[net.Conn]netip.Addr{}, map[netip.Addr]int{}
	}
	s.conns[c] = address
	s.count[address]++
	return true
}

func (s *silent) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	address, ok := s.conns[c]
	if !ok {
		return
	}
	delete(s.conns, c)
	if s.count[address]--; s.count[address] == 0 {
		delete(s.count, address)
	}
}
