package actors

import (
	"tidings/actors/ground"
	"tidings/core"
	"tidings/protocol"
)

// What a channel's actor can be told.

// Join asks the channel to deliver to Sub, from Since where it is not nil. Answered on the subscription's lane by subscribed (and
// what goes before it) or error, and to the connection by Joined, for one with Since, or Refused.
type Join struct {
	ground.Request
	Sub   *subscription
	Since *protocol.Position
	As    standing // it counts as being in the channel
	News  audience // it hears of who comes and goes
}

// Leave asks the channel to deliver no more to Sub. Where Reply is not 0 the request of that id is answered when nothing more
// will come. A Sub whose Join was not answered yet gets its error before. Where Revoked is not nil the client may not hear the channel any more:
// what is on its way to it is taken back, and then it is told.
type Leave struct {
	ground.Request
	Sub     *subscription
	Reply   uint64
	Revoked *protocol.Error
	Keep    bool // but it may hear what is on its way
}

// Adopt asks the channel to go on with Sub as asked for by request ID, or, where that is 0, by the server, without a pause in what it hears.
// Answered on its lane by subscribed. Where Reply is not 0 the request of that id is answered before.
type Adopt struct {
	ground.Request
	Sub       *subscription
	ID, Reply uint64
	News      audience // it hears of who comes and goes
}

// Settle asks to hear, by Settled, when Sub's Join has its answer. A publish that follows a subscribe waits for that, so that it is heard.
type Settle struct {
	ground.Request
	Sub *subscription
}

// Continue asks for the next page of Sub's recovery: its outbox has room for what followed the page that this incarnation gave.
type Continue struct {
	ground.Event // the member may have left, and the channel be gone
	Sub          *subscription
	Incarnation  uint32
}

// Arrived brings a message of the broker.
type Arrived struct{ *protocol.Message }

func (Arrived) IgnoreDeadLetterLogging() {}
func (Arrived) MayBeLate()               {}

// Skipped says that messages of the broker were left out because too much was on its way.
type Skipped struct{ ground.Event }

// Interrupted says that the broker's stream broke: messages of it may be missing, or it may be another one.
type Interrupted struct{ ground.Event }

// Listened says whether the broker has confirmed that it brings the channel's messages to this incarnation's sink.
type Listened struct {
	ground.Event
	Incarnation uint32
	Err         error
}

// HistoryRead answers a read that the feed of this incarnation asked for.
type HistoryRead struct {
	ground.Event
	Incarnation uint32
	Ticket      uint64
	Page        core.Page
	Err         error
}

// Drained says that what was on its way through the lanes has become less.
type Drained struct{ ground.Event }

// Displaced names the members that were live when an earlier incarnation failed, which had seen everything up to At.
type Displaced struct {
	ground.Event
	Subs []*subscription
	At   protocol.Position
}

// TimePassed is the channel's alarm.
type TimePassed struct{ ground.Event }
