package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	lru "github.com/hashicorp/golang-lru/v2"

	"tidings/access"
	"tidings/actors/ground"
	"tidings/broker"
	"tidings/core"
	"tidings/internal/patience"
	"tidings/protocol"
)

// Bus is one node of the message bus.
type Bus struct {
	cfg         Config
	replies     access.Replies
	policy      atomic.Pointer[access.Policy]
	routing     atomic.Pointer[access.Router]
	targets     targets
	tokens      atomic.Pointer[access.Tokens]
	revocations access.Revocations
	tickets     tickets
	quotas      quotas
	userRates   userRates
	grants      *grants
	log         *slog.Logger
	announce    *protocol.Announce
	started     time.Time

	system       *ground.System
	supervision  *ground.Supervision
	channelProps func(*entry) *actor.Props
	sessionProps *actor.Props
	router       *router
	registry     *registry
	pressure     atomic.Int32                            // a Pressure
	endings      *lru.Cache[sessionKey, *protocol.Error] // of sessions that ended for good, for clients between two polls
	parking      *parking
	chronicle    *chronicle
	replyBoxes   replyBoxes
	tails        tails
	shards       []*shard
	nextShard    atomic.Uint64
	alarms       *ground.Alarms
	workers      *ground.Workers // of the channels
	clerks       *ground.Workers // of the connections
	reads        *ground.Pool    // subscriptions and history, for the channels
	publishes    *ground.Pool    // what clients ask of the broker
	asking       *ground.Pool    // what clients ask of the application
	publishing   atomic.Int64

	draining   atomic.Bool
	stopping   atomic.Bool
	ctx        context.Context // ends with Stop
	stop       context.CancelFunc
	channels   ground.Census
	sessions   ground.Census
	background sync.WaitGroup

	tally     tally
	hookTally hookTally
}

// maxReads and maxAnswers bound the goroutines that wait for the broker on behalf of channels, and of clients.
const (
	maxReads   = 64
	maxAnswers = 64
	maxClerks  = 64 // workers of the connections
)

// Start makes a bus. It fails where Config.Validate does.
func Start(cfg Config) (*Bus, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	policy, err := cfg.Rules.Compile()
	if err != nil {
		return nil, err
	}
	router, err := cfg.Routing.Compile()
	if err != nil {
		return nil, err
	}
	b := &Bus{
		cfg:        cfg,
		log:        cfg.Logger,
		announce:   cfg.announce(),
		started:    time.Now(),
		registry:   newRegistry(),
		endings:    newEndings(),
		grants:     newGrants(cfg.MaxGrants),
		parking:    newParking(cfg.MaxParked, cfg.ParkedPerIdentity),
		chronicle:  newChronicle(),
		replies:    access.NewReplies(cfg.SigningSecret),
		replyBoxes: replyBoxes{max: cfg.MaxReplies, boxes: map[protocol.Channel]*replyBox{}},
		reads:      ground.NewPool(maxReads),
		publishes:  ground.NewPool(maxAnswers),
		asking:     ground.NewPool(maxAsking),
	}
	b.policy.Store(policy)
	b.routing.Store(router)
	b.tokens.Store(cfg.Tokens)
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.alarms = &ground.Alarms{Send: b.send}
	b.router = newRouter(b.startChannel)
	b.system = ground.NewSystem(cfg.Logger, b.onLost)
	b.supervision = &ground.Supervision{
		Context: b.ctx, Background: &b.background, Log: cfg.Logger, Failures: &b.tally.failures, Restarts: &b.tally.restarts,
	}
	b.workers, b.clerks = ground.NewWorkers(2*runtime.GOMAXPROCS(0)), ground.NewWorkers(maxClerks)
	channels := &ground.Supervisor{Supervision: b.supervision, Restart: true}
	sessions := &ground.Supervisor{Supervision: b.supervision}
	b.channelProps = func(e *entry) *actor.Props {
		return actor.PropsFromProducer(func() actor.Actor { return newChannel(b, e) }, actor.WithMailbox(ground.NewMailbox), actor.WithDispatcher(b.workers), actor.WithGuardian(channels))
	}
	b.sessionProps = actor.PropsFromProducer(func() actor.Actor { return &session{bus: b} }, actor.WithMailbox(ground.NewIdleMailbox), actor.WithDispatcher(b.clerks), actor.WithGuardian(sessions))
	for i := range cfg.Shards {
		s := newShard(b, i)
		b.shards = append(b.shards, s)
		b.background.Go(s.run)
	}
	return b, nil
}

// startChannel spawns an entry's actor. It is called with the router's lock.
func (b *Bus) startChannel(e *entry) {
	b.channels.Enter()
	e.pid = b.system.Spawn(b.channelProps(e))
}

func (b *Bus) send(to *actor.PID, message any) { b.system.Send(to, message) }

// onLost counts requests that were sent to an actor that has ended: there should be none.
func (b *Bus) onLost(message any) {
	b.tally.deadLetters.Add(1)
	b.log.Warn("a message was sent to an actor that is no more", "message", fmt.Sprintf("%T", message))
}

// clock is the time since the start, which no change of the wall clock touches.
func (b *Bus) clock() time.Duration { return time.Since(b.started) }

// Publish is one message to number, keep and deliver.
type Publish struct {
	Channel        protocol.Channel
	Data           []byte           // compact JSON, at most protocol.MaxPayloadBytes; the bus keeps it
	Event          string           // the publisher's own name for the kind of message, "" for none
	SpreadMS       uint64           // receivers that refetch wait a random part of it first, at most protocol.MaxSpreadMS; 0: none
	Trace          string           // W3C trace context, kept with the message; "": none
	Volatile       bool             // deliver to who is there: no number, no history, no recovery
	IdempotencyKey string           // "": none
	Principal      string           // whose key it is: keys of different principals do not meet
	Exclude        protocol.Exclude // who shall not get it, here and in a recovery; history has it
	Last           bool             // nothing can follow it in the channel
}

// Published answers a Publish: the message is in the channel's history, and on its way to each subscriber.
type Published struct {
	Position       protocol.Position
	ID             string
	Duplicate      bool // the key was used before: this is the answer of then, and nothing was published now
	Receivers      int  // subscriptions that are live now and not excluded, as far as this node knows
	Parked         int  // of them, without a transport: the message waits for them
	Polling        int  // of them, on long-poll
	Filtered       int  // subscriptions that it passes by: the excluded one
	ReceiversExact bool // there is no other node
}

// Publish gives a message its position in a channel; delivery follows. It fails with CodeTooLarge above
// protocol.MaxPayloadBytes or what the channel's rule says, with CodeIdempotencyConflict for a key that was used with other data, with CodeOverloaded where too many publishes
// wait for the broker, or where the channel's messages have come faster than they can be delivered for a second, with CodeBrokerUnavailable, with CodeTimeout where the outcome is unknown, and with CodeShuttingDown after Stop.
func (b *Bus) Publish(ctx context.Context, p Publish) (Published, error) {
	if len(p.Data) > protocol.MaxPayloadBytes {
		return Published{}, &protocol.Error{Code: protocol.CodeTooLarge, Reason: "data is longer than 64 KiB", Hint: "Publish a reference, and let the client fetch the rest."}
	}
	if limits, _ := b.policy.Load().Limits(p.Channel); limits.Payload > 0 && len(p.Data) > limits.Payload {
		return Published{}, errPayload
	}
	return b.publish(ctx, p, publishPatience)
}

// publish waits for at most patience where the channel's messages come faster than they are delivered.
func (b *Bus) publish(ctx context.Context, p Publish, patience time.Duration) (Published, error) {
	p.Exclude = p.Exclude.Narrow()
	if Pressure(b.pressure.Load()) >= Full {
		return Published{}, errMemory
	}
	if b.publishing.Add(1) > int64(b.cfg.MaxPendingPublishes) {
		b.publishing.Add(-1)
		return Published{}, errBusy
	}
	defer b.publishing.Add(-1)
	out := Published{ReceiversExact: b.alone()}
	if e := b.router.find(p.Channel); e != nil {
		if !e.reserve(ctx, patience) {
			return Published{}, errAhead
		}
		defer e.finished(b, 1)
		out.Receivers, out.Parked, out.Polling = e.reach() // before: who has heard it may be gone when it is answered
	}
	var receipt broker.Receipt
	err := b.callWith(ctx, func(ctx context.Context) (err error) {
		receipt, err = b.cfg.Broker.Publish(ctx, broker.Publish(p))
		return err
	})
	if err != nil {
		return Published{}, b.failure(err, errTimeout)
	}
	if receipt.Duplicate {
		b.tally.deduplicated.Add(1)
	} else {
		b.tally.published.Add(1)
	}
	out.Position, out.ID, out.Duplicate = receipt.Position, receipt.ID, receipt.Duplicate
	if p.Exclude.Connection != "" {
		b.passBy(ctx, &p, &out)
	}
	if b.tails.n.Load() > 0 && !out.Duplicate {
		b.tails.tell(&p, &out)
	}
	return out, nil
}

// Publishers slow down to what their channel's subscribers can be given, lest history fall behind and all of them be told a gap.
const (
	maxPublishing   = maxInFlight * 3 / 4 // the rest is for what other nodes publish, and for answers
	publishPatience = time.Second
	clientPatience  = 100 * time.Millisecond // a client's publish holds one of maxAnswers goroutines meanwhile
)

// reserve takes a place among what is in flight, if there is one before patience is over. finished gives it back.
func (e *entry) reserve(ctx context.Context, patience time.Duration) bool {
	for start := time.Now(); ; {
		if e.inFlight.Add(1) <= maxPublishing {
			return true
		}
		e.inFlight.Add(-1)
		if time.Since(start) >= patience || !ground.Pause(ctx, time.Millisecond) {
			return false
		}
	}
}

// alone reports whether this node is the only one of its broker.
func (b *Bus) alone() bool { return !broker.IsShared(b.cfg.Broker) }

// History reads what a channel keeps: the messages strictly after since, or the newest ones where since is zero, at most limit of them
// and at most protocol.RecoveryPageBytes. It fails with CodeBrokerUnavailable.
func (b *Bus) History(ctx context.Context, ch protocol.Channel, since protocol.Position, limit int) (core.Page, error) {
	var page core.Page
	err := b.callWith(ctx, func(ctx context.Context) (err error) {
		if since.IsZero() {
			page, err = b.cfg.Broker.Last(ctx, ch, limit)
			return err
		}
		page, err = b.cfg.Broker.History(ctx, ch, since, limit)
		return err
	})
	if err != nil {
		return core.Page{}, b.failure(err, errBroker)
	}
	if since.IsZero() {
		page.Messages = newest(page.Messages, protocol.RecoveryPageBytes)
	}
	return page, nil
}

// newest gives the last messages that fit size bytes, at least one.
func newest(messages []*protocol.Message, size int) []*protocol.Message {
	for i := len(messages) - 1; i >= 0; i-- {
		if size -= messages[i].Size(); size < 0 && i < len(messages)-1 {
			return messages[i+1:]
		}
	}
	return messages
}

// Ready tells whether the node should get new clients: not while it drains, nor where its broker says that it does not work.
func (b *Bus) Ready(ctx context.Context) error {
	if b.draining.Load() || b.ctx.Err() != nil {
		return errStopped
	}
	p, ok := b.cfg.Broker.(broker.Pinger)
	if !ok {
		return nil
	}
	if err := b.callWith(ctx, p.Ping); err != nil {
		return b.failure(err, errBroker)
	}
	return nil
}

// call calls the broker on the bus's own behalf.
func (b *Bus) call(fn func(context.Context) error) error { return b.callWith(b.ctx, fn) }

// callWith calls the broker, for at most BrokerTimeout. A panic there is an error like others.
func (b *Bus) callWith(ctx context.Context, fn func(context.Context) error) (err error) {
	if b.ctx.Err() != nil {
		return errStopped
	}
	p := patience.New(ctx, b.cfg.BrokerTimeout)
	defer p.End()
	defer func() {
		if reason := recover(); reason != nil {
			b.tally.failures.Add(1)
			b.log.Error("the broker failed", "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
			err = protocol.Internal
		}
	}()
	return fn(p)
}

// failure is what a caller may see of an error of the broker; late is for one that did not answer in time.
func (b *Bus) failure(err error, late *protocol.Error) *protocol.Error {
	var known *protocol.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return late
	}
	b.log.Error("the broker failed", "error", err)
	return protocol.Internal
}
