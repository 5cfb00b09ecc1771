package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

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

// maxInFlight bounds what is on its way to a channel's actor and through its lanes. Above it the messages of the broker are
// left out, and read from history when there is room: below lowWater.
const (
	maxInFlight = 1024
	lowWater    = maxInFlight / 4
)

// retryDelay is how long a channel waits before it asks a broker that failed again.
const retryDelay = time.Second

func newChannel(b *Bus, e *entry) *channel {
	return &channel{channelState: &e.state, bus: b, entry: e, pending: map[*subscription]*joining{}}
}

// Receive implements actor.Actor.
func (ch *channel) Receive(c actor.Context) {
	defer ch.bus.supervision.Note(c)
	ch.handling = c.Message()
	switch m := ch.handling.(type) {
	case *actor.Started:
		ch.onStarted(c)
	case *actor.Restarting:
		ch.onRestarting()
		return
	case *actor.Stopping:
		ch.onStopping()
	case *actor.Stopped:
		ch.bus.channels.Leave()
	case Arrived:
		ch.entry.finished(ch.bus, 1)
		ch.feed.Message(m.Message)
	case Join:
		ch.onJoin(m)
	case Leave:
		ch.onLeave(m)
	case Adopt:
		ch.onAdopt(m)
	case Settle:
		ch.onSettle(m)
	case Continue:
		ch.onContinue(m)
	case Skipped:
		ch.onSkipped()
	case Interrupted:
		ch.feed.Interrupted()
	case Listened:
		ch.onListened(m)
	case HistoryRead:
		ch.onHistoryRead(m)
	case Drained:
		ch.onDrained()
	case Displaced:
		ch.onDisplaced(m)
	case Attend:
		ch.attend(m.Sub, m.As)
	case Hear:
		ch.onHear(m)
	case PresenceDone:
		ch.onPresenceDone(m)
	case MembersChanged:
		ch.onMembersChanged(m)
	case MembersInterrupted:
		ch.onMembersInterrupted(m)
	case PresenceDue:
		ch.onPresenceDue()
	case TimePassed:
		ch.onTimePassed(c)
	}
	if ch.feed != nil {
		ch.at = ch.feed.Position()
	}
	ch.handling = nil
}

func (ch *channel) onStarted(c actor.Context) {
	ch.self = c.Self()
	if ch.incarnation++; ch.incarnation > 1 {
		ch.bus.chronicle.ofChannel(Record{What: RecordRestarted, Channel: ch.entry.name})
	}
	ch.feed = core.NewFeed(port{ch})
	ch.alarm = ground.Alarm{To: ch.self, Message: TimePassed{}}
	ch.setAlarm()
	again := ch.displaced
	ch.displaced = nil
	for _, j := range again {
		j.Member.incarnation = ch.incarnation
		ch.admit(j)
	}
	if ch.members > 0 {
		ch.listen()
	}
	ch.startPresence()
}

func (ch *channel) onJoin(m Join) {
	m.Sub.incarnation, m.Sub.stage = ch.incarnation, inside
	if ch.members++; ch.members == 1 {
		ch.setAlarm()
		ch.tellOccupied()
	}
	ch.attend(m.Sub, m.As)
	m.Sub.users = m.News
	ch.admit(&joining{Join: core.Join[*subscription]{Member: m.Sub, ID: m.Sub.id, Since: m.Since}})
}

// admit lets the feed have a member as soon as the broker has confirmed: registered for live messages first, read after.
func (ch *channel) admit(j *joining) {
	ch.pending[j.Member] = j
	if !ch.listening {
		ch.held = append(ch.held, j)
		ch.listen()
		return
	}
	ch.enter(j)
}

func (ch *channel) enter(j *joining) {
	if j.Member.stage == inside {
		j.entered = true
		ch.feed.Join(j.Join)
	}
}

func (ch *channel) onLeave(m Leave) {
	sub := m.Sub
	why, ended := errReplaced, (*protocol.Encoded)(nil)
	if m.Revoked != nil {
		why, ended = m.Revoked, unsubscribedFrame(ch.entry.name, m.Revoked)
	}
	if sub.stage == inside {
		j := ch.pending[sub]
		if j != nil && !j.answered {
			ch.fail(sub, why)
			ended = nil
		}
		if sub.incarnation == ch.incarnation && (j == nil || j.entered) {
			ch.feed.Leave(sub, "")
		}
		ch.drop(sub)
		ch.lane(sub).leave(sub)
	}
	switch {
	case m.Revoked != nil && !m.Keep:
		ch.lane(sub).withdraw(sub, ended)
	case ended != nil:
		ch.lane(sub).push(sub, ended)
	}
	if m.Reply != 0 {
		ch.lane(sub).push(sub, replyFrame(m.Reply))
	}
}

// fail answers the subscribe of a member with an error; that of the server nobody waits for.
func (ch *channel) fail(sub *subscription, err *protocol.Error) {
	if sub.id != 0 {
		ch.lane(sub).push(sub, errorFrame(sub.id, err))
	}
}

func (ch *channel) onAdopt(m Adopt) {
	sub, j := m.Sub, ch.pending[m.Sub]
	unanswered := j != nil && !j.answered
	if unanswered {
		ch.fail(sub, errReplaced)
	}
	if m.Reply != 0 {
		ch.lane(sub).push(sub, replyFrame(m.Reply))
	}
	sub.id = m.ID
	switch {
	case sub.stage != inside: // it was refused, as its connection is about to hear
		ch.fail(sub, errBroker)
	case !unanswered:
		at := ch.feed.Position()
		if j != nil {
			at = j.at
		}
		ch.lane(sub).push(sub, subscribedFrame(sub, "", ch.entry.name, at, false))
	}
	ch.onHear(Hear{Sub: sub, News: m.News})
}

// drop forgets a member.
func (ch *channel) drop(sub *subscription) {
	sub.stage = gone
	ch.attend(sub, nobody)
	ch.endWatch(sub)
	if sub.live {
		sub.live = false
		ch.entry.live.Add(-1)
	}
	ch.settled(ch.pending[sub])
	delete(ch.pending, sub)
	ch.bus.router.release(ch.entry)
	if ch.members--; ch.members == 0 {
		ch.emptySince = time.Now()
		ch.setAlarm()
	}
}

func (ch *channel) onSettle(m Settle) {
	if j := ch.pending[m.Sub]; j != nil && !j.answered {
		j.settle = true
		return
	}
	ch.bus.send(m.Sub.conn.pid, Settled{Sub: m.Sub})
}

// settled tells a connection that waits for it that a member has its answer.
func (ch *channel) settled(j *joining) {
	if j != nil && j.settle {
		j.settle = false
		ch.bus.send(j.Member.conn.pid, Settled{Sub: j.Member})
	}
}

func (ch *channel) onContinue(m Continue) {
	if m.Sub.stage == inside && m.Incarnation == ch.incarnation {
		ch.feed.Continue(m.Sub)
	}
}

func (ch *channel) onSkipped() {
	ch.entry.skipped.Store(false)
	ch.feed.Check()
}

// lane gives the lane of a member's shard.
func (ch *channel) lane(sub *subscription) *lane {
	if ch.lanes == nil {
		ch.lanes = make([]*lane, len(ch.bus.shards))
	}
	i := sub.conn.shard.index
	if ch.lanes[i] == nil {
		ch.lanes[i] = &lane{shard: sub.conn.shard, entry: ch.entry, window: ch.bus.collectWindow(ch.entry.name)}
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

func (ch *channel) onTimePassed(c actor.Context) {
	if ch.members == 0 && !ch.asking && ch.reads == 0 && ch.atRest() && ch.entry.inFlight.Load() == 0 &&
		time.Since(ch.emptySince) >= ch.bus.cfg.ChannelIdle && ch.bus.router.retire(ch.entry) {
		ch.tellVacated()
		c.Stop(ch.self)
		return
	}
	ch.setAlarm()
	switch {
	case ch.members == 0:
	case !ch.listening:
		ch.listen()
	default:
		held := ch.held
		ch.held = nil
		for _, j := range held {
			ch.enter(j)
		}
		ch.feed.Tick()
		if ch.sinceCheck++; ch.sinceCheck >= 2 {
			ch.sinceCheck = 0
			ch.feed.Check()
		}
	}
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

func (ch *channel) onStopping() {
	ch.bus.alarms.Cancel(&ch.alarm)
	ch.stopPresence()
	if ch.sink != nil {
		ch.sink.close()
	}
}
