package redisbroker_test

import (
	"context"
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

func TestConformance(t *testing.T) {
	brokertest.Run(t, func(t testing.TB, o brokertest.Options) brokertest.Fixture {
		server := testredis.Start(t)
		cfg := config(server.URL())
		cfg.Stream = func(protocol.Channel) core.StreamConfig { return o.Stream }
		cfg.Lease = time.Second
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
				server.Halt()
				server.Run(t)
				return node()
			},
			Peer:  node,
			Kill:  func(b broker.Broker) { b.(*redisbroker.Broker).Kill() },
			Lease: cfg.Lease,
		}
	})
}
