package fanout

import "tidings/core"

// Member is one connection's subscription to the channel of a lane.
type Member interface {
	comparable

	// Outbox is where the member's frames go. It is the same for the member's life, and other members of the
	// connection, in other channels, have it too.
	Outbox() *core.Outbox
	// Place is if its lane keeps it: the lane's alone, and zero at first.
	Place() *Place
}

// Place is if a lane keeps a member. The zero Place is nowhere.
type Place struct {
	group *Group // whose crowd it is in; nil for that of all
	news  *Group // whose news it hears, if it hears any; nil for the channel's
	index int32  // in the crowd's members, from 1
}

// Port is what a shard asks of the node, from its own goroutine. It must not wait.
type Port[M Member] interface {
	// Overflowed reports that m's outbox took no more.
	Overflowed(m M)
	// Broken reports that m's connection cannot go on, because a push to it panicked. Failed has reported the panic.
	Broken(m M)
	// Failed reports a panic of foreign code, at doing what.
	Failed(what string, reason any)
	// Live reports that m has become a member after a recovery: all that was replayed is in its outbox.
	Live(m M)
	// Next asks for the next page of m's recovery as soon as its outbox has space. asker is what Replay was given.
	Next(m M, asker uint32)
	// Withdraw takes back what waits of the channel for m's connection.
	Withdraw(m M)
}

// Audience is which news a member hears of the users who come and go, or which members a frame of such news is for.
type Audience uint8

// The audiences. A member of Everybody hears of both, and a frame for Everybody goes to all members that hear any.
const (
	HearsIn   Audience = 1 << iota // of those who come
	HearsOut                       // of those who go
	Everybody = HearsIn | HearsOut
)
