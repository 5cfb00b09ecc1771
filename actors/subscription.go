package actors

import (
	"sync/atomic"

	"tidings/protocol"
)

// subscription is a member of a channel: one connection's interest in it.
type subscription struct {
	conn    *Connection
	channel protocol.Channel
	id      uint64        // of the subscribe frame, 0 where the server made it; the channel's actor's once it has joined
	from    atomic.Uint64 // messages after this offset are, or were, brought; set by the channel, read by the connection
	entry   *entry        // nil as long as its Join waits for other recoveries

	// Of the channel's actor.
	incarnation uint32 // of the actor that knows it
	stage       stage
	live        bool     // counted in entry.live
	as          standing // that it counts as being in the channel
	users       audience // what it hears of who comes and goes

	// Of the lane.
	index int32 // in lane.members, from 1; 0: not there

	// Of the connection's actor.
	own     bool // the client asked for it; else the server did alone
	gated   bool // its recovery counts against maxRecoveries
	verdict verdict
	hears   audience // what it is to hear of who comes and goes
}

// verdict is what the connection knows of whether a subscription may be.
type verdict uint8

const (
	none    verdict = iota
	asked           // the application has not yet said; it has no entry until then
	settled         // its Join has its answer, as far as anybody asked
)

// stage is where a subscription stands with its channel.
type stage uint8

const (
	outside stage = iota // not yet joined
	inside               // joined: waiting, recovering or live
	gone
)
