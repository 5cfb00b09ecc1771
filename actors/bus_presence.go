package actors

import (
	"context"
	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

// Presence counts those who are in a channel, on all nodes, and reads those after a member, at most limit of them: a
// user once, over however many connections, and each anonymous connection. It fails with CodeForbidden if the rules do
// not keep it, with CodeUnsupported if the broker cannot, and as History does.
func (b *Bus) Presence(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
	switch {
	case b.keeper() == nil:
		return core.MembersPage{}, errNoPresence
	case !b.keepsPresence(ch):
		return core.MembersPage{}, errNotKept
	}
	var page core.MembersPage
	err := b.callWith(ctx, func(ctx context.Context) (err error) {
		page, err = b.keeper().Members(ctx, ch, after, limit)
		return err
	})
	if err != nil {
		return core.MembersPage{}, b.failure(err, errBroker)
	}
	return page, nil
}

// everybodyIn reads all members of a channel if they are few enough to be named, else their count.
func everybodyIn(ctx context.Context, b broker.Presence, ch protocol.Channel) (core.MembersPage, error) {
	page, err := b.Members(ctx, ch, protocol.Member{}, 0)
	if err != nil || page.Count > protocol.MaxPresenceMembers {
		return page, err
	}
	return b.Members(ctx, ch, protocol.Member{}, protocol.MaxPresenceMembers)
}

var errNoPresence = &protocol.Error{Code: protocol.CodeUnsupported, Reason: "the broker of this server does not keep who is in a channel", Hint: "Leave presence and users out."}

var errNotKept = &protocol.Error{Code: protocol.CodeForbidden, Reason: "the rules do not keep who is in this channel", Hint: "Allow it in the server's rules (presence)."}
