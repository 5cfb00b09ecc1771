package actors

import (
	"tidings/access"
	"tidings/protocol"
	"time"
)

// Revoked is what a revocation did.
type Revoked struct {
	Connections int       // of this node, that end
	Until       time.Time // how long it is remembered: by then every such token is over
}

// RevokeToken makes the token of an id (jti) void on all nodes, and ends the connections that it signed in: they are
// told CodeUnauthorized, and nothing is written to them after that. It fails with CodeUnsupported if there are no
// tokens, and with CodeLimitExceeded.
func (b *Bus) RevokeToken(id string) (Revoked, error) {
	return b.revoke(revokedToken(id))
}

// RevokeUser does so with all tokens of a user that were issued until now, to the second. If the issuer's clock was
// seen to be ahead, because a token was dated ahead of its use here, that long counts as now.
func (b *Bus) RevokeUser(user string) (Revoked, error) {
	return b.revoke(revokedUser(user))
}

// revoke has all nodes know a revocation, and ends what it is of on this node. Others end theirs when they hear of it.
func (b *Bus) revoke(r revocation) (Revoked, error) {
	tokens := b.tokens.Load()
	if tokens == nil {
		return Revoked{}, &protocol.Error{Code: protocol.CodeUnsupported, Reason: "clients do not sign in here", Hint: "Set tokens.issuer, tokens.audience and a key."}
	}
	until := time.Now().Add(tokens.MaxLifetime() + 2*access.TokenLeeway)
	if fault := r.note(b, until); fault != nil {
		return Revoked{}, fault
	}
	if fault := r.apply(b, until); fault != nil {
		return Revoked{}, fault
	}
	return Revoked{Connections: b.endWhere(b.revocations.Revoked, errRevoked), Until: until}, nil
}

// DisconnectUser ends all connections of a user on this node, and returns their number. If code says retry their
// clients come back.
func (b *Bus) DisconnectUser(user string, code protocol.Code) int {
	return b.endWhere(func(id access.Identity) bool { return !id.Anonymous() && id.User == user }, endedBy(code))
}

// endWhere ends the connections of certain clients, and returns their number.
func (b *Bus) endWhere(match func(access.Identity) bool, fault *protocol.Error) (n int) {
	for _, c := range b.registry.all() {
		if !c.ended.Load() && match(c.Identity()) {
			b.send(c.pid, end{fault: fault})
			n++
		}
	}
	return n
}

// Disconnect ends one connection for good, or, if code says retry, so that its client comes back anew. It fails with
// CodeNotFound.
func (b *Bus) Disconnect(connection string, code protocol.Code) error {
	c := b.registry.get(connection)
	if c == nil || c.ended.Load() {
		return errNoConnection
	}
	b.send(c.pid, end{fault: endedBy(code)})
	return nil
}

func endedBy(code protocol.Code) *protocol.Error {
	hint := "Do not come back by yourself."
	if code.Row().Retry {
		hint = "Connect anew, and subscribe from the last positions."
	}
	return &protocol.Error{Code: code, Reason: "the operator closed this connection", Hint: hint}
}
