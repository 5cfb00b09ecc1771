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

	sink        *sink
	listening   bool       // the broker has confirmed
	asking      bool       // it was asked to
	unconfirmed []*joining // until it has
	pending     map[*subscription]*joining
	reads       int           // that are not answered
	delayed     []delayedRead // until little is on its way
	handling    any           // the message at hand

	alarm      ground.Alarm
	positions  ground.Alarm // of positionsDue; it is set while some group lets messages pass
	positioned bool         // it is set
	pace       ground.Alarm // of paceOver; it is set while the feed is paced
	emptySince time.Time
	sinceCheck int // alarms since the last check

	crowd  *presence            // nil if presence is not kept
	crowds map[string]*presence // of rooms, by the filter; nil if there is none
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

// fail pushes an error for the subscribe of a member. For one that the server made nobody waits.
func (ch *channel) fail(sub *subscription, fault *protocol.Error) {
	if sub.id != 0 {
		sub.conn.refusedFor(fault, sub.channel)
		ch.lane(sub).Push(sub, protocol.ErrorFrame(sub.id, fault))
	}
}

// settled reports to a connection that waits for it that a member has its answer.
func (ch *channel) settled(j *joining) {
	if j != nil && j.settle {
		j.settle = false
		j.Member.tell(settled{sub: j.Member})
	}
}

// lane returns the lane of a member's shard.
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
		ch.bus.hooks.tell(Event{What: EventOccupied, Channel: ch.entry.name})
	}
}

func (ch *channel) tellVacated() {
	if ch.occupied {
		ch.bus.hooks.tell(Event{What: EventVacated, Channel: ch.entry.name})
	}
}

// What the actor can be told.

// join asks the channel to deliver to Sub, from Since if it is not nil. answered on the subscription's lane by
// subscribed (and what goes before it) or error, and to the connection by joined, for one with Since, or refused.
type join struct {
	ground.Request
	sub      *subscription
	hears    *hearing
	since    *protocol.Position
	as       standing        // it counts as being in the channel
	audience fanout.Audience // it hears of who comes and goes
}

// whereAt asks for the position up to which the channel has handed messages on. Reply has space for the answer. A
// channel that is no more does not answer.
type whereAt struct{ reply chan<- protocol.Position }

// leave asks the channel to deliver no more to Sub. If Reply is not 0 the request of that id is answered when nothing
// more will come. A Sub whose join was not answered yet gets its error before. If Revoked is not nil the client may not
// hear the channel any more: what is on its way to it is taken back, and then it is told.
type leave struct {
	ground.Request
	sub     *subscription
	reply   uint64
	revoked *protocol.Error
	keep    bool // but it may hear what is on its way
}

// adopt asks the channel to go on with Sub as asked for by request ID, or, if that is 0, by the server, without a pause
// in what it hears. answered on its lane by subscribed. If Reply is not 0 the request of that id is answered before.
type adopt struct {
	ground.Request
	sub       *subscription
	id, reply uint64
	audience  fanout.Audience // it hears of who comes and goes
}

// settle asks to hear, by settled, when Sub's join has its answer. A publish that follows a subscribe waits for that,
// so that it is heard.
type settle struct {
	ground.Request
	sub *subscription
}

// nextPage asks for the next page of Sub's recovery: its outbox has space for what followed the page that this
// incarnation gave.
type nextPage struct {
	ground.Event // the member may have left, and the channel be gone
	sub          *subscription
	incarnation  uint32
}

// arrived brings a message of the broker.
type arrived struct{ *protocol.Message }

func (arrived) IgnoreDeadLetterLogging() {}

func (arrived) MayBeLate() {}

// skipped reports that messages of the broker were left out because too much was on its way.
type skipped struct{ ground.Event }

// interrupted reports that the broker's stream broke: messages of it may be missing, or it may be another one.
type interrupted struct{ ground.Event }

// listened reports whether the broker has confirmed that it brings the channel's messages to this incarnation's sink.
type listened struct {
	ground.Event
	incarnation uint32
	err         error
}

// historyRead is the answer to a read that the feed of this incarnation asked for.
type historyRead struct {
	ground.Event
	incarnation uint32
	ticket      uint64
	page        core.Page
	err         error
}

// drained reports that what was on its way through the lanes has become less.
type drained struct{ ground.Event }

// displaced names the members that were live when an earlier incarnation failed, which had seen everything up to At.
type displaced struct {
	ground.Event
	subs []*subscription
	at   protocol.Position
}

// timePassed is the channel's alarm.
type timePassed struct{ ground.Event }

// positionsDue is the alarm of groups that let messages pass.
type positionsDue struct{ ground.Event }

// paceOver is the alarm of a feed that is paced.
type paceOver struct{ ground.Event }

// pacedFor is how long no group is told the position because of the messages that it let pass, after some were told:
// 250 ms. A channel whose history lasts less long than that keeps nothing for a client that comes back anyway.
const pacedFor = 250 * time.Millisecond

// positionsEvery is how long a group may let messages pass before it is told the position.
const positionsEvery = 5 * time.Second

// attend changes the member that the connection of sub counts as in the channel, since it or the rules have changed.
// join has it for a new one.
type attend struct {
	ground.Request
	sub *subscription
	as  standing
}

// hear changes what sub hears of the users who come and go. join has it for a new one.
type hear struct {
	ground.Request
	sub      *subscription
	audience fanout.Audience
}

// membersChanged brings a change of who is in the channel, on all nodes together.
type membersChanged struct {
	ground.Event
	from *membersSink
	core.MembersChange
}

// membersInterrupted reports that such changes may be missing.
type membersInterrupted struct {
	ground.Event
	from *membersSink
}

// presenceDue is the alarm of the channel's presence, or of a room's.
type presenceDue struct {
	ground.Event
	filter string // of the room; "" for the channel
}

var errReplaced = &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a later subscribe or unsubscribe of the channel took over", Hint: "Use the answer to the later one."}

func (ch *channel) onJoin(m join) {
	m.sub.incarnation, m.sub.stage = ch.incarnation, memberInside
	if ch.members++; ch.members == 1 {
		ch.setAlarm()
		ch.tellOccupied()
	}
	ch.attend(m.sub, m.as)
	m.sub.audience = m.audience
	if fault := ch.joinGroup(m.sub, m.hears); fault != nil {
		ch.refuse(m.sub, fault)
		return
	}
	ch.admit(&joining{Join: m.sub.join(m.since)})
}

func (ch *channel) onAdopt(m adopt) {
	sub, j := m.sub, ch.pending[m.sub]
	unanswered := j != nil && !j.answered
	if unanswered {
		ch.fail(sub, errReplaced)
	}
	if m.reply != 0 {
		ch.lane(sub).Push(sub, protocol.ReplyFrame(m.reply))
	}
	sub.id = m.id
	switch {
	case sub.stage != memberInside: // it was refused, as its connection is about to hear
		ch.fail(sub, errBroker)
	case !unanswered:
		at := ch.feed.Position()
		if j != nil {
			at = j.at
		}
		ch.lane(sub).Push(sub, protocol.SubscribedFrame(sub.conn.fleeting(), &protocol.ServerFrame{ID: sub.id, Channel: ch.entry.name, Room: sub.room, Position: at}))
	}
	ch.onHear(hear{sub: sub, audience: m.audience})
}

func (ch *channel) onSettle(m settle) {
	if j := ch.pending[m.sub]; j != nil && !j.answered {
		j.settle = true
		return
	}
	m.sub.tell(settled{sub: m.sub})
}

func (ch *channel) onNextPage(m nextPage) {
	if m.sub.stage == memberInside && m.incarnation == ch.incarnation {
		ch.feed.Continue(m.sub)
	}
}

func (ch *channel) onLeave(m leave) {
	sub := m.sub
	why, ended := errReplaced, (*protocol.Encoded)(nil)
	if m.revoked != nil {
		why, ended = m.revoked, protocol.UnsubscribedFrame(ch.entry.name, sub.room, m.revoked)
	}
	if sub.stage == memberInside {
		j := ch.pending[sub]
		if j != nil && !j.answered {
			ch.fail(sub, why)
			ended = nil
		}
		ch.exit(sub)
		ch.drop(sub)
		ch.lane(sub).Leave(sub)
	}
	switch {
	case m.revoked != nil && !m.keep:
		ch.lane(sub).Withdraw(sub, ended)
	case ended != nil:
		ch.lane(sub).Push(sub, ended)
	}
	if m.reply != 0 {
		ch.lane(sub).Push(sub, protocol.ReplyFrame(m.reply))
	}
}

// exit takes a member out of the feed, if it is in it.
func (ch *channel) exit(sub *subscription) {
	if j := ch.pending[sub]; sub.incarnation == ch.incarnation && (j == nil || j.entered) {
		ch.feed.Leave(sub, sub.join(nil).Group)
	}
}

// drop forgets a member.
func (ch *channel) drop(sub *subscription) {
	sub.stage = memberGone
	ch.attend(sub, asNobody)
	ch.endWatch(sub)
	if sub.live {
		sub.live = false
		ch.entry.counts(sub, -1)
	}
	ch.leaveGroup(sub)
	ch.settled(ch.pending[sub])
	delete(ch.pending, sub)
	ch.bus.router.release(ch.entry)
	if ch.members--; ch.members == 0 {
		ch.emptySince = time.Now()
		ch.setAlarm()
	}
}

// refuse pushes an error for a subscribe, and forgets the member.
func (ch *channel) refuse(sub *subscription, fault *protocol.Error) {
	ch.fail(sub, fault)
	ch.drop(sub)
	sub.tell(refused{sub: sub, code: fault.Code})
}
