package broker

import (
	"context"

	"tidings/core"
	"tidings/protocol"
)

// Presence is a broker that also keeps who is in a channel, on all nodes together. Its methods may be called from any
// goroutine, and fail as those of Broker do.
type Presence interface {
	// Attend reports which members have come to a channel on this node and which have left it. A member is in one of
	// the lists only. A member that is there on several nodes counts once. Repeating a report changes nothing, so a
	// call that failed, after which either may be true, is repeated. Calls for one channel do not overlap.
	//
	// A report holds until the node reports otherwise, leaves, closes its broker, or was dead for Lease. A shared
	// broker renews its node's lease by itself. After it was out of reach for longer it reports all of its members
	// again.
	Attend(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error
	// Members counts the members of a channel and reads those after a member, in the order of Member.Compare, at most
	// limit of them. The zero Member is before all others. With limit 0 it only counts.
	Members(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error)
	// Watch brings every change of who is in a channel to sink until stop is called. When it returns without error the
	// broker has confirmed: no later change is left out without a call of Interrupted.
	Watch(ctx context.Context, ch protocol.Channel, sink MembersSink) (stop func(), err error)
}

// MembersSink takes what changes in who is in a channel. Its methods are called one at a time and must not block.
type MembersSink interface {
	// Changed brings a change. The sink checks versions, also against those of Members from time to time. A version
	// that does not follow the last one means that changes are missing.
	Changed(c core.MembersChange)
	// Interrupted reports that changes may be missing.
	Interrupted()
}
