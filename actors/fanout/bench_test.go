package fanout

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"tidings/core"
	"tidings/protocol"
)

// quiet is a port that has nothing to do.
type quiet struct{ failed atomic.Bool }

func (q *quiet) Overflowed(*actor)  { q.failed.Store(true) }
func (q *quiet) Broken(*actor)      { q.failed.Store(true) }
func (q *quiet) Failed(string, any) { q.failed.Store(true) }
func (q *quiet) Live(*actor)        {}
func (q *quiet) Next(*actor, uint32) {
}
func (q *quiet) Withdraw(*actor) {}

// drain is a link that takes what comes and throws it away, as a writer of its own would.
type drain struct {
	out *core.Outbox
	buf []*protocol.Encoded
}

func (d *drain) Wake() {
	for {
		if d.buf = d.out.Take(1, d.buf[:0], 64, 1<<20); len(d.buf) == 0 {
			return
		}
		clear(d.buf)
	}
}
func (d *drain) End(*protocol.Encoded) {}

// BenchmarkDeliver is the fan-out alone: one operation is a message to all members of one channel, over as many shards
// as there are processors, into outboxes whose links take at once.
func BenchmarkDeliver(b *testing.B) {
	for _, members := range []int{1, 1000, 10_000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			port := &quiet{}
			var traffic Traffic
			traffic.Low = func() {}
			var lanes []*Lane[*actor]
			var shards []*Shard[*actor]
			var running sync.WaitGroup
			for i := range runtime.GOMAXPROCS(0) {
				s := NewShard(i, Port[*actor](port))
				running.Go(s.Run)
				shards, lanes = append(shards, s), append(lanes, NewLane(s, &traffic, 0))
			}
			for i := range members {
				out := core.NewOutbox(false)
				out.Attach(&drain{out: out, buf: make([]*protocol.Encoded, 0, 64)}, 0, nil, nil)
				lanes[i%len(lanes)].Enter(&actor{out: out}, nil, false)
			}
			data := []byte(`{"type":"message","channel":"news","offset":1,"data":{"visitor":"u42","note":"arrived, please come down"}}`)
			f := protocol.NewEncoded(data, protocol.TypeMessage)
			for traffic.Len() > 0 {
				runtime.Gosched()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				for traffic.Len() > MaxInFlight/2 {
					runtime.Gosched()
				}
				for _, l := range lanes {
					l.Message(f, nil, nil)
				}
			}
			for traffic.Len() > 0 {
				runtime.Gosched()
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)*float64(members)/b.Elapsed().Seconds(), "deliveries/s")
			for _, s := range shards {
				s.Stop()
			}
			running.Wait()
			if port.failed.Load() {
				b.Error("a delivery failed")
			}
		})
	}
}
