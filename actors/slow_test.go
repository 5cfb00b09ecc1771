package actors

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tidings/protocol"
)

func TestASlowConsumerIsCutAndDelaysNobody(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		slow, quick := w.connect(), w.connect()
		slow.subscribe("news", nil)
		slow.subscribe("other", nil)
		quick.subscribe("news", nil)
		slow.link.stall(true)
		var got []string
		for i := range 1500 { // 1.5 MB: more than an outbox holds
			w.publish("news", fmt.Sprintf(`"%d %s"`, i, strings.Repeat("x", 1000)))
			if i%50 == 0 {
				got = append(got, data(quick.next(), "news")...)
			}
		}
		if got = append(got, data(quick.next(), "news")...); len(got) != 1500 {
			t.Errorf("the quick one got %d messages", len(got))
		}
		if slow.link.end() != protocol.CodeSlowConsumer {
			t.Errorf("the slow one's link ended with %q", slow.link.end())
		}
		if _, bytes := slow.conn.Outbox().Waiting(); bytes != 0 {
			t.Errorf("%d bytes are kept for it", bytes)
		}
		s := w.bus.Stats()
		if s.SlowConsumers != 1 || s.Subscriptions != 1 || s.Connections["websocket"] != 1 {
			t.Errorf("slow %d, subscriptions %d, connections %v", s.SlowConsumers, s.Subscriptions, s.Connections)
		}
		if d := slow.resume(); d.resumed {
			t.Error("it resumed")
		}
	})
}

// A parked connection holds less than a linked one.
func TestAParkedConnectionOverflowsEarlier(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		c.cut()
		w.publishNumbers("news", 1, protocol.MaxUnackedFrames)
		w.settle()
		if s := w.bus.Stats(); s.Parked != 1 {
			t.Error("ended at the bound")
		}
		w.publish("news", `"one more"`)
		w.settle()
		if s := w.bus.Stats(); s.Parked != 0 || s.SlowConsumers != 1 || s.Subscriptions != 0 {
			t.Errorf("above the bound: %+v", s)
		}
	})
}

// While a channel with many members is published to without pause, another channel's messages come in time, and all of
// the busy one's too.
func TestABusyChannelStarvesNoOther(t *testing.T) {
	w := inTheOpen(t, func(c *Config) { c.Shards = 1 })
	const members = 1000
	for range members {
		c := w.connectInTheOpen(true)
		c.request(protocol.TypeSubscribed, protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "busy"})
		c.link.forget.Store(true)
	}
	c := w.connectInTheOpen(false)
	c.request(protocol.TypeSubscribed, protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "quiet"})
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				w.bus.Publish(context.Background(), Publish{Channel: "busy", Data: []byte("1")})
			}
		}
	}()
	delivered := func() uint64 { return w.bus.Stats().Delivered }
	for before := delivered(); delivered() < before+100_000; { // the busy channel has a backlog now, and keeps it
		runtime.Gosched()
	}
	// What went before each message of the quiet channel, in deliveries: time would tell more of the machine than of
	// the shard.
	var before []uint64
	for i := range 21 {
		p, err := w.bus.Publish(context.Background(), Publish{Channel: "quiet", Data: fmt.Append(nil, i)})
		if err != nil {
			t.Fatal(err)
		}
		start := delivered()
		c.link.await(t, func(f *protocol.Encoded) bool { return f.Message != nil && f.Message.Offset == p.Position.Offset })
		before = append(before, delivered()-start)
	}
	close(stop)
	<-stopped
	s := w.bus.Stats()
	slices.Sort(before)
	t.Logf("before a message of the quiet channel went %d deliveries, at most %d, of %d in all", before[10], before[20], s.Delivered)
	if behind := uint64(maxPublishing * members / 4); before[10] > behind {
		t.Errorf("half of the messages of the quiet channel waited for more than %d deliveries of the busy one", behind)
	}
	if s.SlowConsumers != 0 {
		t.Errorf("%d were cut as slow", s.SlowConsumers)
	}
}
