package fanout

import "tidings/protocol"

// Group is members of a channel who hear a part of it, the same for all. The lanes of the channel know it by its
// address; each keeps a crowd of those of its members that are in its shard.
type Group struct {
	_ byte // so that each has an address of its own
}

// Selected is a frame for the members of a group.
type Selected struct {
	Group   *Group
	Frame   *protocol.Encoded
	Instead *protocol.Encoded // for a member that is an exception: the message's position, in the group's room; nil for none
}
