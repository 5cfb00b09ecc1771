package protocol

import "net/netip"

// Peer is who stands at the other end of a transport, as far as the transport can tell.
type Peer struct {
	Transport string // WebSocket, SSE or Poll
	Address   string // host of the client, for limits and the log; "" where unknown
	Origin    string // of the page, checked by the transport; "" if there is none
	UserAgent string // at most 256 bytes
	Token     string // of the Authorization header; a secret
	Ticket    string // of the URL of a browser's EventSource, in the place of a token; a secret
	Cookie    string // the Cookie header; a secret
	Stream    string // the channels that a plain URL names, in its order, with spaces between; "" for others
	Plain     bool   // came by ?channel= without frames of its own
	Gateway   Gateway
}

// Fleeting reports whether the client's connection ends with its transport: it is never parked, and cannot be resumed.
// Plain clients and those of gateways know no session that they could come back to.
func (p *Peer) Fleeting() bool { return p.Plain || p.Gateway != NoGateway }

// AddressBlock returns what an address counts by in limits: an IPv4 address itself, and the /64 of an IPv6 address,
// since one household has all of it. Zones are dropped, and an IPv4 address in IPv6 form counts as IPv4.
func AddressBlock(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	block, _ := a.Prefix(64) // fails only above 128 bits
	return block.Addr()
}
