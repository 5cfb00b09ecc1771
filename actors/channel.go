package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"tidings/actors/fanout"
	"tidings/actors/ground"
	"tidings/core"
	"tidings/internal/patience"
	"tidings/protocol"
)

// channel is the actor of one channel on this node: the shell of a core.Feed.
type channel struct {
	*channelState
	bus   *Bus
	entry *entry
	self  *actor.PID
	feed  *core.Feed[*subscription]

	sink      *sink
	listening bool       // the broker has confirmed
	asking    bool       // it was asked to
	held      []*joining // until it has
	pending   map[*subscription]*joining
	reads     int // that are not answered
	delayed   []delayedRead
	handling  any // the message at hand

	alarm      ground.Alarm
	emptySince time.Time
	sinceCheck int // alarms since the last check

	crowd *presence // nil where presence is not kept
}

type delayedRead struct {
	ticket uint64
	after  protocol.Position
}

// retryDelay is how long a channel waits before it asks a broker that failed again.
const retryDelay = time.Second

func newChannel(b *Bus, e *entry) *channel {
	return &channel{channelState: &e.state, bus: b, entry: e, pending: map[*subscription]*joining{}}
}

// fail answers the subscribe of a member with an error; that of the server nobody waits for.
func (ch *channel) fail(sub *subscription, err *protocol.Error) {
	if sub.id != 0 {
		ch.lane(sub).Push(sub, errorFrame(sub.id, err))
	}
}

// settled tells a connection that waits for it that a member has its answer.
func (ch *channel) settled(j *joining) {
	if j != nil && j.settle {
		j.settle = false
		ch.bus.send(j.Member.conn.pid, Settled{Sub: j.Member})
	}
}

// lane gives the lane of a member's shard.
func (ch *channel) lane(sub *subscription) *lane {
	if ch.lanes == nil {
		ch.lanes = make([]*lane, len(ch.bus.shards))
	}
	i := sub.conn.shard.Index()
	if ch.lanes[i] == nil {
		ch.lanes[i] = fanout.NewLane(sub.conn.shard, &ch.entry.traffic, ch.bus.collectWindow(ch.entry.name))
	}
	return ch.lanes[i]
}

// setAlarm sets the alarm to half a check interval, or to when an empty channel may go.
func (ch *channel) setAlarm() {
	d := patience.Jittered(ch.bus.cfg.CheckInterval / 2)
	if ch.members == 0 {
		d = ch.bus.cfg.ChannelIdle
	}
	ch.bus.alarms.Set(&ch.alarm, d)
}

func (ch *channel) tellOccupied() {
	if _, _, reply := ch.entry.name.ReplyParts(); !ch.occupied && !reply { // the name of a reply channel is a secret
		ch.occupied = true
		ch.bus.cfg.Hooks.tell(Event{What: EventOccupied, Channel: ch.entry.name})
	}
}

func (ch *channel) tellVacated() {
	if ch.occupied {
		ch.bus.cfg.Hooks.tell(Event{What: EventVacated, Channel: ch.entry.name})
	}
}

// What the actor can be told.

// Join asks the channel to deliver to Sub, from Since where it is not nil. Answered on the subscription's lane by subscribed (and
// what goes before it) or error, and to the connection by Joined, for one with Since, or Refused.
type Join struct {
	ground.Request
	Sub      *subscription
	Since    *protocol.Position
	As       standing        // it counts as being in the channel
	Audience fanout.Audience // it hears of who comes and goes
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
	Audience  fanout.Audience // it hears of who comes and goes
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

func (Arrived) MayBeLate() {}

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

// Attend says as whom the connection of Sub counts in the channel, now that it or the rules have changed. Join says it of a new one.
type Attend struct {
	ground.Request
	Sub *subscription
	As  standing
}

// Hear says what Sub is to hear of who comes and goes. Join says it of a new one.
type Hear struct {
	ground.Request
	Sub      *subscription
	Audience fanout.Audience
}

// PresenceDone answers the call of the broker that is under way for the channel's presence.
type PresenceDone struct {
	ground.Event
	Page core.MembersPage // of a read
	Err  error
}

// MembersChanged brings a change of who is in the channel, on all nodes together.
type MembersChanged struct {
	ground.Event
	From *membersSink
	core.MembersChange
}

// MembersInterrupted says that such changes may be missing.
type MembersInterrupted struct {
	ground.Event
	From *membersSink
}

// PresenceDue is the alarm of the channel's presence.
type PresenceDue struct{ ground.Event }
