package actors

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// drain is a link that takes what comes and throws it away, counting, as a writer of its own would.
type drain struct {
	out   *core.Outbox
	gen   uint64
	buf   []*protocol.Encoded
	total *atomic.Int64
}

func (d *drain) Wake() {
	if d.out == nil {
		return
	}
	for {
		d.buf = d.out.Take(d.gen, d.buf[:0], 64, 1<<20)
		if len(d.buf) == 0 {
			return
		}
		d.total.Add(int64(len(d.buf)))
		clear(d.buf)
	}
}

func (d *drain) End(*protocol.Encoded) {}

// crowd opens n plain connections, each subscribed to a channel.
func crowd(b *testing.B, w *world, n int, channel func(i int) protocol.Channel) *atomic.Int64 {
	total := new(atomic.Int64)
	for i := range n {
		d := &drain{total: total}
		c, gen, err := w.bus.Open(context.Background(), protocol.Peer{Plain: true}, nil, d)
		if err != nil {
			b.Fatal(err)
		}
		d.buf = make([]*protocol.Encoded, 0, 64)
		d.out, d.gen = c.Outbox(), gen
		c.Receive(gen, []protocol.ClientFrame{{Type: protocol.TypeSubscribe, ID: 1, Channel: channel(i)}})
	}
	for w.bus.Stats().Subscriptions < n {
		time.Sleep(time.Millisecond)
	}
	return total
}

// cpu is the processor time that this process has taken: what counts on a machine that does other things beside.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// delivered is Stats().Delivered without the walk.
func delivered(w *world) (n uint64) {
	for _, s := range w.bus.shards {
		pushed, _ := s.Delivered()
		n += pushed
	}
	return n
}

func publishAll(b *testing.B, w *world, channel func(i int) protocol.Channel, deliveriesPerMessage int, but string) {
	data := []byte(`{"visitor":"u42","at":"gate 7","photo":"https://example.org/visitors/u42/photo.jpg","note":"arrived, please come down"}`)
	start, busy := delivered(w), cpu()
	for i := 0; b.Loop(); i++ {
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: channel(i), Data: data, Exclude: protocol.Exclude{Connection: but}}); err != nil {
			b.Fatal(err)
		}
		for i%256 == 0 && uint64(i*deliveriesPerMessage) > delivered(w)-start+uint64(512*deliveriesPerMessage) {
			time.Sleep(20 * time.Microsecond) // as fast as it is delivered
		}
	}
	n := b.N
	for delivered(w)-start < uint64(n*deliveriesPerMessage) {
		time.Sleep(20 * time.Microsecond)
	}
	if s := w.bus.Stats(); s.SlowConsumers > 0 || s.ActorFailures > 0 {
		b.Fatalf("%d slow, %d failures", s.SlowConsumers, s.ActorFailures)
	}
	b.ReportMetric(float64(cpu()-busy)/float64(n*deliveriesPerMessage), "cpu-ns/delivery")
}

// One message to 1,000 members, as fast as they are delivered.
func BenchmarkDeliverTo1000(b *testing.B) {
	w := inTheOpen(b, nil)
	one := func(int) protocol.Channel { return "news" }
	crowd(b, w, 1000, one)
	b.ReportAllocs()
	publishAll(b, w, one, 1000, "")
}

// The same, but for one of the members; each publish waits until that one has said that it is subscribed.
func BenchmarkDeliverTo1000ButOne(b *testing.B) {
	w := inTheOpen(b, nil)
	one := func(int) protocol.Channel { return "news" }
	crowd(b, w, 1000, one)
	b.ReportAllocs()
	publishAll(b, w, one, 999, w.bus.registry.all()[0].id)
}

// 1,000 channels of one member each, in turn.
func BenchmarkDeliverTo1000Channels(b *testing.B) {
	w := inTheOpen(b, nil)
	each := func(i int) protocol.Channel { return protocol.Channel(fmt.Sprintf("news/%d", i%1000)) }
	crowd(b, w, 1000, each)
	b.ReportAllocs()
	publishAll(b, w, each, 1, "")
}

// What waits for nobody: one publish, delivered to one member.
func BenchmarkPublishToArrival(b *testing.B) {
	w := inTheOpen(b, nil)
	one := func(int) protocol.Channel { return "news" }
	total := crowd(b, w, 1, one)
	b.ReportAllocs()
	busy := cpu()
	defer func() { b.ReportMetric(float64(cpu()-busy)/float64(b.N), "cpu-ns/op") }()
	for b.Loop() {
		before := total.Load()
		w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1")})
		for total.Load() == before {
			runtime.Gosched()
		}
	}
}

func BenchmarkOpenAndGoodbye(b *testing.B) {
	w := inTheOpen(b, nil)
	b.ReportAllocs()
	busy := cpu()
	defer func() { b.ReportMetric(float64(cpu()-busy)/float64(b.N), "cpu-ns/op") }()
	for b.Loop() {
		d := &drain{total: new(atomic.Int64)}
		c, gen, err := w.bus.Open(context.Background(), protocol.Peer{}, nil, d)
		if err != nil {
			b.Fatal(err)
		}
		c.Receive(gen, []protocol.ClientFrame{{Type: protocol.TypeDisconnect}})
		for !c.ended.Load() {
			runtime.Gosched()
		}
	}
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) + int64(m.StackInuse)
}

// Memory of 10,000 connections: parked, without and with a subscription to one channel, and with one to a channel of
// their own.
func BenchmarkMemory(b *testing.B) {
	const n = 10_000
	for _, row := range []struct {
		name    string
		channel func(i int) protocol.Channel
	}{
		{"parked", nil},
		{"parked+subscribed", func(int) protocol.Channel { return "news" }},
		{"parked+own-channel", func(i int) protocol.Channel { return protocol.Channel(fmt.Sprintf("news/%d", i)) }},
	} {
		b.Run(row.name, func(b *testing.B) {
			for b.Loop() {
				w := inTheOpen(b, func(c *Config) { c.MaxParked = n })
				before := inUse()
				for i := range n {
					d := &drain{total: new(atomic.Int64)}
					c, gen, _ := w.bus.Open(context.Background(), protocol.Peer{}, nil, d)
					d.out, d.gen = c.Outbox(), gen
					d.Wake()
					if row.channel != nil {
						c.Receive(gen, []protocol.ClientFrame{{Type: protocol.TypeSubscribe, ID: 1, Channel: row.channel(i)}})
					}
				}
				for row.channel != nil && w.bus.Stats().Subscriptions < n {
					runtime.Gosched()
				}
				for _, c := range w.bus.registry.all() {
					if sent := c.out.Sent(); sent > 0 {
						c.out.Ack(sent)
					}
					c.Lost(1, "")
				}
				for w.bus.Stats().Parked < n {
					runtime.Gosched()
				}
				b.ReportMetric(float64(inUse()-before)/n, "B/connection")
				runtime.KeepAlive(w)
				w.bus.Stop()
			}
		})
	}
}
