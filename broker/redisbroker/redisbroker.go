// Package redisbroker is a broker that several nodes share: Redis, or Valkey, numbers and keeps the messages of all
// channels, in scripts that are each one atomic step. It works with a single server, with Sentinel, and with Cluster.
//
// A channel belongs to one of a fixed number of partitions, and everything of a partition has one hash tag. An epoch is
// the server's run_id and a nonce of the channel: it is computed, never stored. So a server that was started again, or
// restored from an older file, or promoted from a replica that was behind, is another epoch, and clients are told a
// gap.
//
//	redisbroker.go, config.go            the broker, and what it is given
//	publish.go, history.go, flights.go   publishes; reads, of which equal ones are one
//	live.go, entry.go                    what is published, as it comes; a message as text
//	presence.go, crowd.go, lease.go      who is there, and that it ends with its node
//	cluster.go, board.go                 what nodes tell each other
//	timings.go                           how long Redis takes
//
// How Redis is spoken to is in the package redis below this one.
package redisbroker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
	"tidings/protocol"
)

var (
	_ broker.Broker   = (*Broker)(nil)
	_ broker.Presence = (*Broker)(nil)
	_ broker.Cluster  = (*Broker)(nil)
	_ broker.Board    = (*Broker)(nil)
	_ broker.Arbiter  = (*Broker)(nil)
	_ broker.Reach    = (*Broker)(nil)
	_ broker.Checked  = (*Broker)(nil)
	_ broker.Observed = (*Broker)(nil)
	_ broker.Pinger   = (*Broker)(nil)
)

// Broker is a broker.Broker on Redis.
type Broker struct {
	cfg     Config
	client  rueidis.Client // publishes and reads
	live    rueidis.Client // what is published, as it comes
	layout  redis.Layout
	servers *redis.Servers
	lanes   []*redis.Lane // one or more, or with a cluster one for each partition
	publish redis.Publishes
	flights flights
	crowd   crowd
	count   counters
	timings timings

	closed  atomic.Bool
	entered atomic.Pointer[string] // the node's id in the table of nodes
	life    context.Context        // over when the broker closes
	quit    context.CancelFunc
	running sync.WaitGroup
}

// New connects to Redis, and tries until ctx is over. It fails with a *protocol.Error if Redis does not answer, is too
// old, or is used with another number of partitions.
func New(ctx context.Context, cfg Config) (*Broker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	client, live, err := cfg.connect(ctx)
	if err != nil {
		return nil, err
	}
	b := &Broker{cfg: cfg, client: client, live: live, layout: redis.Layout{Prefix: cfg.Prefix, Partitions: cfg.Partitions}}
	if err := redis.CheckFormat(ctx, client, b.layout); err != nil {
		client.Close()
		live.Close()
		return nil, err
	}
	n, lanes := 1, cfg.SubscribeConns
	if client.Mode() == rueidis.ClientModeCluster {
		n, lanes = cfg.Partitions, cfg.Partitions
	}
	b.servers = redis.NewServers(redis.ServersConfig{
		Client: client, Layout: b.layout, Count: n, Node: cfg.Node, TrustPersistence: cfg.TrustPersistence, Replaced: b.replaced, Took: b.timings.add,
	})
	b.report(ctx)
	run, quit := context.WithCancel(context.Background())
	b.life, b.quit = run, quit
	b.flights.init(run)
	b.crowd.init()
	b.timings.init()
	for i := range lanes {
		l := redis.NewLane(redis.LaneConfig{
			Live: live, Client: client, Timeout: cfg.Timeout, Linger: cfg.Linger, Log: cfg.Log,
			Reopened: func() { b.count.interruptions.Add(1) }, Lost: b.report,
		}, b.layout, i)
		b.lanes = append(b.lanes, l)
		b.running.Go(func() { l.Run(run) })
	}
	b.running.Go(func() { b.keepLeases(run) })
	return b, nil
}

// Ping reports whether Redis answers.
func (b *Broker) Ping(ctx context.Context) error {
	if b.closed.Load() {
		return redis.ErrClosed
	}
	if err := b.servers.Ping(ctx); err != nil {
		return redis.ReadFault(err)
	}
	return nil
}

// Close takes back what the node said of who is there, ends all subscriptions, and disconnects.
func (b *Broker) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	b.quit()
	for _, l := range b.lanes {
		l.Close()
	}
	b.running.Wait()
	b.goodbye(ctx)
	b.client.Close()
	b.live.Close()
	return nil
}

// closeTime is how long Close waits for Redis at most.
const closeTime = 3 * time.Second

// lane returns the connection that brings a partition's channels.
func (b *Broker) lane(p int) *redis.Lane { return b.lanes[p%len(b.lanes)] }

// replaced is called if a server's process is another one than before, or the first that is known.
func (b *Broker) replaced(partition int, runID string) {
	b.lane(partition).ServerIs(runID)
	b.crowd.restate(func(p int) bool { return b.servers.Same(p, partition) })
}

// ready fails if the broker is closed, or the caller is gone already.
func (b *Broker) ready(ctx context.Context) error {
	switch {
	case b.closed.Load():
		return redis.ErrClosed
	case ctx.Err() != nil:
		return redis.ErrGivenUp
	}
	return nil
}

// Notices returns what the settings of the servers mean for messages, in the order of the servers' addresses.
func (b *Broker) Notices(ctx context.Context) []redis.Notice { return redis.Notices(ctx, b.client) }

// report logs what an operator should know: at the start, and after a server was away.
func (b *Broker) report(ctx context.Context) {
	for _, n := range b.Notices(ctx) {
		log := b.cfg.Log.Info
		if n.Warning {
			log = b.cfg.Log.Warn
		}
		log(n.Text, "hint", n.Hint)
	}
}

// counters count since the start.
type counters struct {
	reads, interruptions, unavailable, unknown atomic.Uint64
}

// Doing returns how Redis is doing.
func (b *Broker) Doing() broker.Doing {
	c := &b.count
	return broker.Doing{
		Answers: b.servers.Answers(), Interruptions: c.interruptions.Load(), SharedReads: b.flights.served(),
		Unavailable: c.unavailable.Load(), Unknown: c.unknown.Load(), Took: b.timings.all(),
	}
}

// readFailed counts and returns the fault of a read, or of a write that is safe to repeat. A nil err is for an answer
// that is not understood.
func (b *Broker) readFailed(err error) error { return b.failed(redis.ReadFault(err)) }

// writeFailed is the same for a write that may have happened.
func (b *Broker) writeFailed(err error) error { return b.failed(redis.WriteFault(err)) }

// failed counts a failure and returns it.
func (b *Broker) failed(fault *protocol.Error) error {
	if fault.Code == protocol.CodeTimeout {
		b.count.unknown.Add(1)
	} else {
		b.count.unavailable.Add(1)
	}
	return fault
}
