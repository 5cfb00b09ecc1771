package broker

import (
	"context"

	"tidings/core"
	"tidings/protocol"
)

// Presence is a broker that also keeps who is in a channel, on all nodes together. Its methods may be called from any goroutine and fail
// as those of Broker do.
type Presence interface {
	// Attend says who has come to a channel on this node and who is no longer there on it; a member is in one of the lists. Somebody who is there
	// on several nodes is one member. To say what was said before changes nothing, so that a call that failed, after which either may be true, is
	// repeated. Calls for one channel do not overlap.
	//
	// What a node has said holds until it says otherwise, closes its broker or dies: a broker that others share renews its node's lease by itself, and
	// says all of it again after it was out of reach for longer than that.
	Attend(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error
	// Members counts those who are in a channel and reads those after a member, in the order of Member.Compare, at most limit of them. The zero Member is
	// before all others; limit 0 counts alone.
	Members(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error)
	// Watch brings every change of who is in a channel to sink until stop is called. When it returns without error the broker has confirmed: no later
	// change is left out, unless Interrupted says so.
	Watch(ctx context.Context, ch protocol.Channel, sink MembersSink) (stop func(), err error)
}

// MembersSink takes what changes in who is in a channel. Its methods are called one at a time and must not block.
type MembersSink interface {
	// Changed brings a change. The sink checks versions, also against those of Members from time to time: one that does not follow means that
	// others are missing.
	Changed(c core.MembersChange)
	// Interrupted says that changes may be missing.
	Interrupted()
}
