package actors

import (
	"tidings/access"
	"tidings/actors/ground"
	"tidings/protocol"
)

// What a connection's actor can be told.

// Handle asks for the frames of one message to be handled, in order.
type Handle struct {
	ground.Event // the connection may have ended; its client is told by the end of its link
	Gen          uint64
	Frames       []protocol.ClientFrame
}

// anyGeneration is the Gen of frames that came beside the link, by POST /bus/send.
const anyGeneration = 0

// End asks for the end of the connection, for a reason that its client is told. Its subscriptions end with it.
type End struct {
	ground.Event
	Err     *protocol.Error
	AfterMS int64
}

// Faulted says that an inbound message was refused as a whole, with the requests in it.
type Faulted struct {
	ground.Event
	Gen uint64
	IDs []uint64
	Err *protocol.Error
}

// Begun says whose actor it is. It is the first message.
type Begun struct {
	ground.Event
	Conn    *Connection
	Mandate *mandate // nil for none
}

// Attached says that a link was put under the outbox. Identity is what its client showed, nil for the next poll of one.
type Attached struct {
	ground.Event
	Gen      uint64
	Kind     transportKind
	Identity *access.Identity
}

// Detached says that a link is gone.
type Detached struct {
	ground.Event
	Gen  uint64
	Code protocol.Code
}

// ParkOver says that a connection has been parked for long enough, or has to go for one that was parked later. It is void where the
// connection has a link again.
type ParkOver struct{ ground.Event }

// Verified says whose token a refresh brought, or why it does not count.
type Verified struct {
	ground.Event
	ID       uint64
	Identity access.Identity
	Err      *protocol.Error
}

// GrantsChanged says that what the connection was granted may have changed, or that it may have what it did not get a short time ago.
type GrantsChanged struct{ ground.Event }

// RulesChanged says that other rules hold.
type RulesChanged struct{ ground.Event }

// TokenOver says that the time of the connection's token may be over.
type TokenOver struct{ ground.Event }

// Joined says that a subscription which asked for recovery is live.
type Joined struct {
	ground.Event
	Sub *subscription
}

// Permitted says whether the application lets a subscription be, and if not, why.
type Permitted struct {
	ground.Event
	Sub   *subscription
	Since *protocol.Position
	Err   *protocol.Error
}

// Called brings the answer to a call, or why there is none.
type Called struct {
	ground.Event
	Call *madeCall
	Data []byte
	Err  *protocol.Error
}

// Settled says that a Join has its answer, whatever it is.
type Settled struct {
	ground.Event
	Sub *subscription
}

// Refused says that a channel did not take a subscription; its client was told.
type Refused struct {
	ground.Event
	Sub *subscription
}

// Roomed says that the outbox has room for a recovery.
type Roomed struct{ ground.Event }

// Describe asks how the connection stands, and how its subscription to Channel, where that is not "". Reply has room for the answer. A connection
// that has ended meanwhile does not answer.
type Describe struct {
	ground.Event
	Channel protocol.Channel
	Reply   chan<- description
}

// Answered brings the broker's answer to a request of the client: a frame, or why there is none.
type Answered struct {
	ground.Event
	ID    uint64
	Frame *protocol.Encoded
	Shows protocol.Channel // whose messages the frame has; "" for none
	Err   *protocol.Error
}
