package actors

import (
	"context"

	"tidings/access"
	"tidings/internal/refusals"
	"tidings/protocol"
)

// Refusals is where the node remembers what it refused of late. Whoever carries requests to the bus adds what it
// refuses itself.
func (b *Bus) Refusals() *refusals.Ring { return &b.refusals }

// refusedFor remembers that a request of the client was refused. ch is "" if it is about no channel, or not known.
func (c *Connection) refusedFor(fault *protocol.Error, ch protocol.Channel) {
	by := c.caller()
	c.bus.refusals.Add(refusals.Refusal{
		Where: "client", Code: fault.Code, Reason: fault.Reason, Hint: fault.Hint, Channel: ch.Shown(),
		Connection: c.id, User: by.Identity.User, Address: by.Address,
	})
}

// Claimant is a client that is made up, or whose token is at hand. The zero Claimant is anonymous.
type Claimant struct {
	Token  string // as the client would send it
	Claims []byte // instead: the claims that a valid token would have, as a JSON object
}

// Explain returns what the rules allow a client in a channel, and which rule decides. It fails if the token does not
// count, or if the claims cannot be those of a token. Grants of backends are not looked at.
func (b *Bus) Explain(ctx context.Context, who Claimant, ch protocol.Channel) (access.Decision, error) {
	tokens := b.tokens.Load()
	if tokens == nil && (who.Token != "" || who.Claims != nil) {
		return access.Decision{}, &protocol.Error{Code: protocol.CodeBadRequest, Reason: "clients do not sign in here, and are all anonymous", Hint: "Leave the token and the claims out, or set tokens.issuer, tokens.audience and a key."}
	}
	id, err := tokens.Suppose(who.Claims)
	if err == nil && who.Token != "" {
		var fault *protocol.Error
		if id, fault = tokens.Verify(ctx, who.Token); fault != nil {
			err = tokens.Diagnose(ctx, who.Token)
		}
	}
	if err != nil {
		return access.Decision{}, &protocol.Error{Code: protocol.CodeBadRequest, Reason: err.Error(), Hint: "A client with this token would be refused. Make one that counts, or try claims instead of a token."}
	}
	return b.policy.Load().Explain(id, ch), nil
}

// Limit is a bound of the node, and how much of it is used now.
type Limit struct {
	Name string // of the setting, or what is bounded if no setting is about it
	Used int
	Most int // 0: there is none
}

// Limits returns the bounds that a node can come near to.
func (b *Bus) Limits() []Limit {
	grants, _ := b.grants.stats()
	list := []Limit{
		{"limits.connections", b.registry.len(), b.cfg.MaxConnections},
		{"parked connections", int(b.tally.parked.Load()), b.cfg.MaxParked},
		{"limits.grants", grants, b.cfg.MaxGrants},
		{"reply_channels", b.replyBoxes.len(), max(b.cfg.MaxReplies, 0)},
		{"publishes that wait for the broker", int(b.publishing.Load()), b.cfg.MaxPendingPublishes},
		{"tails", int(b.tails.n.Load()), MaxTails},
	}
	if s := b.holdings(); s.MaxChannels > 0 {
		list = append(list, Limit{"limits.channels", s.Channels, s.MaxChannels})
	}
	return list
}
