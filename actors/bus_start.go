package actors

import (
	"context"
	"fmt"
	"runtime"
	"tidings/access"
	"tidings/actors/fanout"
	"tidings/actors/ground"
	"tidings/protocol"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// maxReads and maxAnswers bound the goroutines that wait for the broker on behalf of channels, and of clients.
const (
	maxReads   = 64
	maxAnswers = 64
	maxClerks  = 64 // workers of the connections
)

// Start makes a bus. It fails if Config.Validate does.
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
	var port fanout.Port[*subscription] = deliveries{b}
	for i := range cfg.Shards {
		s := fanout.NewShard(i, port)
		b.shards = append(b.shards, s)
		b.background.Go(s.Run)
	}
	return b, nil
}

// startChannel spawns an entry's actor. It is called with the router's lock.
func (b *Bus) startChannel(e *entry) {
	b.channels.Enter()
	e.traffic.Low = func() { b.send(e.pid, drained{}) }
	e.pid = b.system.Spawn(b.channelProps(e))
}

// onLost counts requests that were sent to an actor that has ended: there should be none.
func (b *Bus) onLost(message any) {
	b.tally.deadLetters.Add(1)
	b.log.Warn("a message was sent to an actor that is no more", "message", fmt.Sprintf("%T", message))
}
