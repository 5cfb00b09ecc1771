package actors

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"tidings/protocol"
)

// filterOf is filter i: it matches its own driver, its fleet of a hundred, and messages for all.
func filterOf(i int) []byte {
	return fmt.Appendf(nil, `{"or":[{"equals":{"driver":%d}},{"equals":{"fleet":%d}},{"equals":{"all":true}}]}`, i, i/100)
}

// messageFor matches none, one, a hundred, or all of the filters, and has the same length for each.
func messageFor(matching string) []byte {
	driver, fleet, all := -1, -1, false
	switch matching {
	case "1":
		driver = 0
	case "100":
		fleet = 0
	case "all":
		all = true
	}
	return fmt.Appendf(nil, `{"driver":%2d,"fleet":%2d,"all":%-5v,"photo":"https://example.org/visitors/u42/photo.jpg","note":"arrived, please come down"}`, driver, fleet, all)
}

// filteredCrowd opens members that have so many different filters; with 0 they have none.
func filteredCrowd(b *testing.B, w *world, members, filters int) {
	for i := range members {
		d := &drain{total: new(atomic.Int64)}
		c, gen, err := w.bus.Open(context.Background(), protocol.Peer{Plain: true}, nil, d)
		if err != nil {
			b.Fatal(err)
		}
		d.buf = make([]*protocol.Encoded, 0, 64)
		d.out, d.gen = c.Outbox(), gen
		f := protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "cars"}
		if filters > 0 {
			f.Filter = filterOf(i % filters)
		}
		c.Receive(gen, []protocol.ClientFrame{f})
	}
	for w.bus.Stats().Subscriptions < members {
		time.Sleep(time.Millisecond)
	}
}

// 10,000 members with 1 to 10,000 different filters, of which 0 to all match, beside as many without a filter and beside
// one member with one. A delivery is a message to one member.
func BenchmarkFilteredFanout(b *testing.B) {
	const members = 10_000
	for _, row := range []struct {
		members, filters int
		matching         []string
	}{
		{members, 0, []string{"all"}},
		{1, 1, []string{"0", "1"}},
		{members, 1, []string{"0", "all"}},
		{members, 10, []string{"0", "1", "all"}},
		{members, 1_000, []string{"0", "1", "100", "all"}},
		{members, 10_000, []string{"0", "1", "100", "all"}},
	} {
		for _, matching := range row.matching {
			b.Run(fmt.Sprintf("members=%d/filters=%d/matching=%s", row.members, row.filters, matching), func(b *testing.B) {
				w := inTheOpen(b, nil)
				filteredCrowd(b, w, row.members, row.filters)
				each := 0 // deliveries of a message
				switch hit := min(row.filters, map[string]int{"1": 1, "100": 100}[matching]); {
				case matching == "all":
					each = row.members
				case hit > 0:
					each = row.members * hit / row.filters
				}
				publishFiltered(b, w, messageFor(matching), each)
			})
		}
	}
}

// publishFiltered publishes data as fast as it is delivered.
func publishFiltered(b *testing.B, w *world, data []byte, each int) {
	e := w.bus.router.hold("cars")
	defer w.bus.router.release(e)
	publish := func(data []byte) {
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: "cars", Data: data}); err != nil {
			b.Fatal(err)
		}
		for e.traffic.Len() > 256 {
			time.Sleep(20 * time.Microsecond)
		}
	}
	last := messageFor("1") // which is heard by somebody: then all before it was handled
	for range 64 {
		publish(data)
	}
	busy := cpu()
	for b.Loop() {
		publish(data)
	}
	n := b.N
	before := delivered(w)
	publish(last)
	for deadline := time.Now().Add(time.Minute); delivered(w) == before || e.traffic.Len() > 0; {
		if time.Now().After(deadline) {
			b.Fatal("the last message was not delivered")
		}
		time.Sleep(20 * time.Microsecond)
	}
	spent := float64(cpu() - busy)
	if s := w.bus.Stats(); s.SlowConsumers > 0 || s.ActorFailures > 0 || s.Skipped > 0 {
		b.Fatalf("%d slow, %d failures, %d skipped", s.SlowConsumers, s.ActorFailures, s.Skipped)
	}
	b.ReportMetric(spent/float64(n), "cpu-ns/message")
	if each > 0 {
		b.ReportMetric(spent/float64(n*each), "cpu-ns/delivery")
	}
}
