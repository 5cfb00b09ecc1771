package redisbroker_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"tidings/broker"
	"tidings/broker/brokertest"
	"tidings/broker/redisbroker"
	"tidings/core"
	"tidings/internal/testredis"
	"tidings/protocol"
)

// config is for tests: a machine that is busy may take its time, and a node that is gone is noticed soon.
func config(urls ...string) redisbroker.Config {
	cfg := redisbroker.DefaultConfig(urls...)
	cfg.Timeout, cfg.Linger = 20*time.Second, 50*time.Millisecond
	cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	return cfg
}

func start(t testing.TB, cfg redisbroker.Config) *redisbroker.Broker {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b, err := redisbroker.New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// fixture is a node of cfg, and others of the same. lose has Redis lose its memory.
func fixture(t testing.TB, o brokertest.Options, cfg redisbroker.Config, lose func()) brokertest.Fixture {
	cfg.Stream = func(protocol.Channel) core.StreamConfig { return o.Stream }
	cfg.Lease = 3 * time.Second // a node on a busy machine keeps it
	node := func() broker.Broker {
		cfg := cfg
		cfg.Node = redisbroker.DefaultConfig().Node
		return start(t, cfg)
	}
	b := node()
	return brokertest.Fixture{
		Broker: b,
		Wait:   time.Sleep,
		Restart: func() broker.Broker {
			b.Close()
			lose()
			return node()
		},
		Peer:  node,
		Kill:  func(b broker.Broker) { b.(*redisbroker.Broker).Kill() },
		Lease: cfg.Lease,
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	brokertest.Run(t, func(t testing.TB, o brokertest.Options) brokertest.Fixture {
		server := testredis.Start(t, narrow(t)...) // signed in as docs/CLUSTER.md has it
		return fixture(t, o, config(as(server, "tidings:PASSWORD")), func() {
			server.Halt()
			server.Run(t)
		})
	})
}

// B49: names that Redis would take for patterns or tags, or that differ little, are ordinary names.
func TestB49_NamesThatRedisTreatsSpecially(t *testing.T) {
	t.Parallel()
	b := start(t, config(testredis.Start(t).URL()))
	names := []protocol.Channel{"a", "A", "a*", "a?", "[a-z]", "a{17}b", "{17}", "{}", "}{", "a:b", "c:a", "%a", "!a", "/a", "é", "a\x00b", "a b"}
	sinks := map[protocol.Channel]*sink{}
	for _, name := range names {
		s := newSink()
		if _, err := b.Subscribe(t.Context(), name, s); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		sinks[name] = s
	}
	for _, name := range names {
		data := fmt.Appendf(nil, "%q", name)
		if r, err := b.Publish(t.Context(), broker.Publish{Channel: name, Data: data}); err != nil || r.Position.Offset != 1 {
			t.Fatalf("%q: %+v, %v, want the first message", name, r, err)
		}
		if m := sinks[name].next(t); m.Channel != name || string(m.Data) != string(data) {
			t.Errorf("%q heard %s of %q", name, m.Data, m.Channel)
		}
	}
}

// sink keeps what it hears.
type sink struct {
	messages    chan *protocol.Message
	interrupted chan struct{}
}

func newSink() *sink {
	return &sink{make(chan *protocol.Message, 1000), make(chan struct{}, 1000)}
}

func (s *sink) Message(m *protocol.Message) { s.messages <- m }
func (s *sink) Interrupted()                { s.interrupted <- struct{}{} }

const patience = time.Minute

func (s *sink) next(t testing.TB) *protocol.Message {
	t.Helper()
	select {
	case m := <-s.messages:
		return m
	case <-time.After(patience):
		t.Fatal("the sink heard nothing")
		return nil
	}
}

func TestConformanceOverACluster(t *testing.T) {
	t.Parallel()
	servers := testredis.Cluster(t, 3, "--cluster-node-timeout", "60000") // nobody fails over because the machine is busy
	checks := 0
	brokertest.Run(t, func(t testing.TB, o brokertest.Options) brokertest.Fixture {
		checks++
		cfg := config(servers[0].URL(), servers[1].URL())
		cfg.Prefix = fmt.Sprint("check", checks)
		cfg.Partitions = 7 // on all three masters, with few connections
		return fixture(t, o, cfg, func() {
			for _, s := range servers[:3] {
				s.Do(t, "FLUSHALL")
			}
		})
	})
}
