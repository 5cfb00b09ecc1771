package actors

import (
	"context"
	"encoding/json"
	"tidings/access"
	"tidings/broker"
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

// What every node must know is a note in the broker. Each node has a copy, which the notes feed.
const revocationsBoard = "revocations"

// revocation is a note that a token, or all of a user until now, count no more.
type revocation struct {
	User  bool   `json:"user,omitempty"`
	Name  string `json:"name"`
	Since int64  `json:"since,omitempty"` // Unix nanoseconds, for a user
}

func (r revocation) key() string {
	if r.User {
		return keyOfNote("user", r.Name)
	}
	return keyOfNote("token", r.Name)
}

// note has all nodes know it, until then.
func (r revocation) note(b *Bus, until time.Time) *protocol.Error {
	board := b.notes()
	if board == nil {
		return nil
	}
	text, err := json.Marshal(r)
	if err == nil {
		err = b.call(func(ctx context.Context) error {
			return board.Note(ctx, revocationsBoard, r.key(), text, time.Until(until))
		})
	}
	if err != nil {
		return b.failure(err, errUnnoted)
	}
	return nil
}

// apply has this node know it. What it ends is for its caller.
func (r revocation) apply(b *Bus, until time.Time) *protocol.Error {
	if r.User {
		return b.revocations.RevokeUser(r.Name, time.Unix(0, r.Since), until)
	}
	return b.revocations.RevokeToken(r.Name, until)
}

// revocationsWall hears the notes of revocations.
type revocationsWall struct{ bus *Bus }

// All keeps what is not among the notes: a revocation ends by its time alone.
func (w revocationsWall) All(notes []broker.Note) {
	for _, n := range notes {
		w.Changed(n)
	}
}

func (w revocationsWall) Changed(n broker.Note) {
	var r revocation
	if n.Value == nil || json.Unmarshal(n.Value, &r) != nil {
		return
	}
	if fault := r.apply(w.bus, time.Now().Add(n.Left)); fault != nil {
		w.bus.log.Warn("a revocation of another node is not kept", "error", fault)
	}
	w.bus.cluster.signal(w.bus.cluster.revoked)
}

// revokedUser and revokedToken make revocations.
func revokedUser(user string) revocation {
	return revocation{User: true, Name: user, Since: time.Now().UnixNano()}
}
func revokedToken(id string) revocation { return revocation{Name: id} }
