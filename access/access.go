// Package access says who stands behind a connection or a request, and who may do what.
package access

import "tidings/protocol"

// Identity is who a client is, as far as its token tells. It is comparable: a session may be taken up again, and an idempotency
// key be used again, only by the same identity. The zero Identity is an anonymous client.
type Identity struct {
	User string // the token's subject; "" for an anonymous client
}

// Anonymous reports whether nothing is known of the client.
func (i Identity) Anonymous() bool { return i == Identity{} }

// Identify tells who a client is by its token. There is no way to verify a token yet, so that everyone is anonymous.
func (r Rules) Identify(token string) (Identity, *protocol.Error) { return Identity{}, nil }
