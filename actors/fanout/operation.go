package fanout

import (
	"slices"

	"tidings/core"
	"tidings/protocol"
)

// operation is one thing that a lane has to do.
type operation[M Member] struct {
	do      deed
	message bool     // deliver: the frame is a message
	to      Audience // announce: of those who watch; hear
	asker   uint32   // replay
	member  M        // but for deliver, announce and displace
	group   *Group   // enter, arrive: whose member it becomes; nil for one that hears everything. hear, announce: whose news
	frame   *protocol.Encoded
	groups  []Selected          // deliver: besides frame, which is nil if nobody hears everything
	frames  []*protocol.Encoded // replay
	but     *Exception          // deliver; nil for most
	then    func([]M)           // displace
}

type deed uint8

const (
	deliver  deed = iota // frame to all members that hear everything, and their frames to those of groups
	push                 // frame to one member alone
	replay               // frames to one member; then it takes more when there is space
	lastPage             // frames to one member; it has no more to replay
	enter                // it becomes a member
	arrive               // it becomes a member after a recovery, which the node hears
	leave                // it is a member no more
	withdraw             // what waits of the channel for its connection is taken back; then frame, if not nil, is pushed
	hear                 // it hears the news named by to, or none
	announce             // frame to those who watch
	displace             // nobody is a member any more; then hears who was
)

// Exception is the part of a shard that does not get a message, and what it gets in its place, so that its positions
// are as exact as those of all others.
type Exception struct {
	Outboxes []*core.Outbox
	Frame    *protocol.Encoded // the message's position; nil for a volatile message, which has none
}

func (x *Exception) has(out *core.Outbox) bool { return slices.Contains(x.Outboxes, out) }

// Messages counts the messages among the frames of a page of history. In the place of a message that excludes the
// connection stands its position.
func Messages(frames []*protocol.Encoded) (n uint64) {
	for _, f := range frames {
		if f.Message != nil {
			n++
		}
	}
	return n
}
