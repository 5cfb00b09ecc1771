package transports

import (
	"crypto/sha256"
	"maps"
	"net/netip"
	"sync"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// errandRates are what clients have left of the rate of errands, each of which has a session of its own, so that the
// rates of sessions do not hold them. They are counted by the token, or by the address of those without one.
type errandRates struct {
	mu   sync.Mutex // guards both
	left map[[sha256.Size]byte]*core.Bucket
	zero time.Time // of the buckets' clock
}

// errandRate is that of the requests of one connection.
var errandRate = core.Rate{PerSecond: 50, Burst: 100}

// maxErrandRates bounds the clients that are counted at a time. Beyond it, one that is new is not counted.
const maxErrandRates = 10_000

// take takes one errand. A client whose address is not known for sure, and which has no token, is not counted.
func (e *errandRates) take(peer protocol.Peer, at time.Time) bool {
	by := peer.Token
	if by == "" {
		by = peer.Address
		if address, err := netip.ParseAddr(by); err == nil {
			by = protocol.AddressBlock(address).String()
		}
	}
	if by == "" {
		return true
	}
	key := sha256.Sum256([]byte(by))
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left == nil {
		e.left, e.zero = map[[sha256.Size]byte]*core.Bucket{}, at
	}
	now := at.Sub(e.zero)
	b := e.left[key]
	if b == nil {
		if len(e.left) >= maxErrandRates {
			maps.DeleteFunc(e.left, func(_ [sha256.Size]byte, b *core.Bucket) bool { return b.Full(now) })
		}
		if len(e.left) >= maxErrandRates {
			return true
		}
		b = &core.Bucket{}
		e.left[key] = b
	}
	return b.Take(1, errandRate, now)
}
