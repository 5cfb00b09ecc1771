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
		cfg:       cfg,
		broker:    cfg.Broker,
		hooks:     &cfg.Hooks,
		log:       cfg.Logger,
		announce:  cfg.announce(),
		started:   time.Now(),
		registry:  newRegistry(),
		endings:   newEndings(),
		grants:    newGrants(cfg.MaxGrants),
		parking:   newParking(cfg.MaxParked, cfg.ParkedPerIdentity),
		chronicle: newChronicle(),
		replies:   access.NewReplies(cfg.SigningSecret),
		quotas: quotas{max: quotaLimits{
			connections: cfg.MaxConnections, perUser: cfg.ConnectionsPerUser, perAddress: cfg.ConnectionsPerAddress,
			connects: cfg.ConnectsPerSecond, connectsPerAddress: cfg.ConnectsPerAddress,
		}},
		replyBoxes: replyBoxes{max: cfg.MaxReplies, boxes: map[protocol.Channel]*replyBox{}},
		reads:      ground.NewPool(maxReads),
		publishes:  ground.NewPool(maxAnswers),
		asking:     ground.NewPool(maxAsking),
		documents:  ground.NewPool(maxDocumentCalls),
	}
	b.policy.Store(policy)
	b.routing.Store(router)
	b.tokens.Store(cfg.Tokens)
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.alarms = &ground.Alarms{Send: b.send}
	b.cluster = b.newClustered()
	b.router = newRouter(b.startChannel)
	if b.cluster != nil {
		b.heard = newHeard(b.broker, b.router, b.call)
	}
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
	if b.cluster != nil {
		b.background.Go(b.cluster.run)
		b.background.Go(b.cluster.enforce)
		if b.arbiter() != nil {
			b.background.Go(b.cluster.keepTickets)
		}
	}
	if b.heard != nil {
		b.background.Go(func() { b.heard.run(b.ctx) })
	}
	return b, nil
}

// startChannel spawns an entry's actor. It is called with the router's lock.
func (b *Bus) startChannel(e *entry) {
	b.channels.Enter()
	if b.heard != nil {
		e.changed = b.heard.changed
	}
	e.traffic.Low = func() { b.send(e.pid, drained{}) }
	e.pid = b.system.Spawn(b.channelProps(e))
}

// onLost counts requests that were sent to an actor that has ended: there should be none.
func (b *Bus) onLost(message any) {
	b.tally.deadLetters.Add(1)
	b.log.Warn("a message was sent to an actor that is no more", "message", fmt.Sprintf("%T", message))
}

// Stop ends everything at once: connections get disconnect with CodeShuttingDown. It returns when no actor and no
// goroutine of the bus is left. The broker stays open.
func (b *Bus) Stop() {
	b.retiring.Store(true)
	b.draining.Store(true)
	if !b.stopping.CompareAndSwap(false, true) {
		return
	}
	b.stop()
	b.alarms.Stop()
	gone := b.sessions.Close()
	for _, c := range b.registry.all() {
		b.send(c.pid, end{fault: errStopped})
	}
	<-gone
	gone = b.channels.Close() // only a session starts a channel
	b.router.each(func(e *entry) { b.system.Stop(e.pid) })
	<-gone
	b.workers.Stop()
	b.clerks.Stop()
	b.reads.Wait()
	b.publishes.Wait()
	b.asking.Wait()
	b.documents.Wait()
	for _, s := range b.shards {
		s.Stop()
	}
	b.background.Wait()
	if b.heard != nil {
		b.heard.calls.Wait()
	}
	b.cluster.leave()
	b.system.Shutdown()
}
