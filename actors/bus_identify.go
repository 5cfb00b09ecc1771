package actors

import (
	"context"
	"tidings/access"
	"tidings/protocol"
	"time"
)

// admit returns the identity of a client, and the ticket that it came with, if it did.
func (b *Bus) admit(ctx context.Context, peer protocol.Peer, connect *protocol.ClientFrame) (id access.Identity, t *ticket, fault *protocol.Error) {
	switch {
	case b.draining.Load() || b.ctx.Err() != nil:
		fault = errStopped
	case !b.informed():
		fault = errUninformed
	case connect.Version != 0 && connect.Version != protocol.Version:
		fault = errVersion
	case peer.Ticket != "":
		if b.arbiter() != nil {
			t, fault = b.redeemShared(ctx, peer.Ticket, peer.Stream, b.verify)
		} else {
			t, fault = b.tickets.redeem(peer.Ticket, peer.Stream)
		}
		if fault != nil {
			break
		}
		if id = t.identity; b.revocations.Revoked(id) {
			fault = errRevoked
		}
	default:
		if id, fault = b.identify(ctx, peer, connect.Token); fault == nil {
			id, fault = b.askConnect(ctx, peer, id)
		}
	}
	return id, t, fault
}

// identify takes the token of the frame, or else that of the request.
func (b *Bus) identify(ctx context.Context, peer protocol.Peer, token string) (access.Identity, *protocol.Error) {
	if token == "" {
		token = peer.Token
	}
	return b.verify(ctx, token)
}

// verify returns the identity of a token, unless it was revoked.
func (b *Bus) verify(ctx context.Context, token string) (access.Identity, *protocol.Error) {
	id, fault := b.tokens.Load().Verify(ctx, token)
	if fault != nil {
		return id, fault
	}
	if b.revocations.Shown(id); b.revocations.Revoked(id) {
		return access.Identity{}, errRevoked
	}
	return id, nil
}

// page returns the page that connects. A client whose id was not signed hears nothing of that, lest it find out one
// that was.
func (b *Bus) page(id string) *access.Page {
	if id == "" {
		return nil
	}
	page, ok := b.cfg.ConnectionIDs.Verify(id)
	if !ok {
		b.tally.pagesWrong.Add(1)
		b.log.Debug("a client has a connection id that was not signed with a secret of ours")
		return nil
	}
	b.tally.pages.Add(1)
	return &page
}

// Ticket returns a ticket for the client that peer's token names, and when it is over. It fails as Open does for the
// token, with CodeBadRequest without one, and with CodeLimitReached or CodeOverloaded if the user, or the node, has
// too many.
func (b *Bus) Ticket(peer protocol.Peer) (secret string, until time.Time, err error) {
	identity, fault := b.identify(b.ctx, peer, "")
	switch {
	case fault != nil:
		return "", time.Time{}, fault
	case identity.Anonymous():
		return "", time.Time{}, &protocol.Error{Code: protocol.CodeBadRequest, Reason: "a ticket stands for a token, and there is none", Hint: "Send Authorization: Bearer <token>. An anonymous client needs no ticket."}
	}
	secret = newSecret()
	t := &ticket{key: keyOf(secret), identity: identity, until: time.Now().Add(protocol.TicketLife)}
	if fault := b.tickets.add(t); fault != nil {
		return "", time.Time{}, fault
	}
	if b.arbiter() != nil {
		if fault := b.shareTicket(secret, peer.Token); fault != nil {
			return "", time.Time{}, fault
		}
	}
	return secret, t.until, nil
}

var errVersion = &protocol.Error{Code: protocol.CodeUnsupportedVersion, Reason: "this server speaks version 1", Hint: `Send "version": 1.`}

// timeLeft is for how long a token is good yet, in ms; 0 if there is none.
func timeLeft(identity access.Identity) int64 {
	until := identity.Expires()
	if until.IsZero() {
		return 0
	}
	return max(1, time.Until(until).Milliseconds())
}
