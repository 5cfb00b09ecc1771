// Package redisbroker is a broker that several nodes share: Redis, or Valkey, numbers and keeps the messages of all
// channels, in scripts that are each one atomic step. It works with a single server, with Sentinel, and with Cluster.
//
// A channel belongs to one of a fixed number of partitions, and everything of a partition has one hash tag. An epoch is
// the server's run_id and a nonce of the channel: it is computed, never stored. So a server that was started again, or
// restored from an older file, or promoted from a replica that was behind, is another epoch, and clients are told a gap.
//
//	redisbroker.go, config.go, errors.go   the broker, what it is given, what it fails with
//	names.go                               partitions, and the names of keys
//	scripts.go                             scripts, bound to the process of a server that runs them
//	publish.go, history.go, flights.go     publishes; reads, of which equal ones are one
//	live.go, lane.go, topic.go             what is published, as it comes
//	presence.go, crowd.go, lease.go        who is there, and that it ends with its node
//	cluster.go, board.go                   what nodes tell each other
//	health.go                              what is said of a server's settings
package redisbroker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"tidings/broker"
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
	cluster bool
	servers []*server // one, or with a cluster one for each partition
	lanes   []*lane   // one or more, or with a cluster one for each partition
	flights flights
	crowd   crowd
	count   counters

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
	b := &Broker{cfg: cfg}
	if err := b.connect(ctx); err != nil {
		return nil, err
	}
	b.cluster = b.client.Mode() == rueidis.ClientModeCluster
	n, lanes := 1, cfg.SubscribeConns
	if b.cluster {
		n, lanes = cfg.Partitions, cfg.Partitions
	}
	for range n {
		b.servers = append(b.servers, newServer())
	}
	if err := b.checkFormat(ctx); err != nil {
		b.client.Close()
		b.live.Close()
		return nil, err
	}
	b.report(ctx)
	run, quit := context.WithCancel(context.Background())
	b.life, b.quit = run, quit
	b.flights.init(run)
	b.crowd.init()
	for i := range lanes {
		l := newLane(b, i)
		b.lanes = append(b.lanes, l)
		b.running.Go(func() { l.run(run) })
	}
	b.running.Go(func() { b.keepLeases(run) })
	return b, nil
}

// Ping reports whether Redis answers.
func (b *Broker) Ping(ctx context.Context) error {
	if b.closed.Load() {
		return errClosed
	}
	err := b.client.Do(ctx, b.client.B().Ping().Build()).Error()
	if b.count.away.Store(err != nil && ctx.Err() == nil); err != nil {
		return readFault(err)
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
		l.close()
	}
	b.running.Wait()
	b.goodbye(ctx)
	b.client.Close()
	b.live.Close()
	return nil
}

// closeTime is how long Close waits for Redis at most.
const closeTime = 3 * time.Second
