package memory_test

import (
	"sync/atomic"
	"testing"
	"time"

	"tidings/broker"
	"tidings/broker/brokertest"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/protocol"
)

// clock is time that passes when it is told to.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func TestConformance(t *testing.T) {
	brokertest.Run(t, func(t testing.TB, o brokertest.Options) brokertest.Fixture {
		var c clock
		cfg := memory.DefaultConfig()
		cfg.Now = c.now
		cfg.Stream = func(protocol.Channel) core.StreamConfig { return o.Stream }
		b := memory.New(cfg)
		t.Cleanup(func() { b.Close() })
		return brokertest.Fixture{
			Broker: b,
			Wait:   c.advance,
			Restart: func() broker.Broker {
				b.Close()
				b := memory.New(cfg)
				t.Cleanup(func() { b.Close() })
				return b
			},
		}
	})
}

// TestNodesConformance runs the suite against nodes that share a broker.
func TestNodesConformance(t *testing.T) {
	brokertest.Run(t, func(t testing.TB, o brokertest.Options) brokertest.Fixture {
		var c clock
		cfg := memory.DefaultConfig()
		cfg.Now, cfg.Lease, cfg.Sweep = c.now, time.Second, 256*time.Millisecond
		cfg.Stream = func(protocol.Channel) core.StreamConfig { return o.Stream }
		b := memory.New(cfg)
		t.Cleanup(func() { b.Close() })
		return brokertest.Fixture{
			Broker: b.Node(),
			Wait:   c.advance,
			Restart: func() broker.Broker {
				b.Close()
				b := memory.New(cfg)
				t.Cleanup(func() { b.Close() })
				return b.Node()
			},
			Peer:  func() broker.Broker { return b.Node() },
			Kill:  func(n broker.Broker) { n.(*memory.Node).Kill() },
			Lease: cfg.Lease,
		}
	})
}
