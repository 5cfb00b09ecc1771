package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/actors/fanout"
	"tidings/broker"
	"tidings/protocol"
)

func TestAMessageReachesItsSubscribers(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		a, b := w.connect(), w.connect()
		a.subscribe("news", nil)
		b.subscribe("other", nil)
		w.publish("news", `{"n":1}`)
		w.publish("news", `"two"`)
		same(t, "the subscriber", data(a.next(), "news"), []string{`{"n":1}`, `"two"`})
		if got := b.next(); len(got) != 0 {
			t.Errorf("another channel's subscriber got %v", got)
		}
	})
}

func TestManyPublishersAreHeardInOneOrder(t *testing.T) {
	const publishers, each, subscribers = 8, 100, 5
	inBubble(t, nil, func(w *world) {
		var clients []*client
		for range subscribers {
			c := w.connect()
			c.subscribe("news", nil)
			clients = append(clients, c)
		}
		var wg sync.WaitGroup
		for p := range publishers {
			wg.Go(func() {
				for i := range each {
					w.publish("news", fmt.Sprintf("%d", p*1000+i))
				}
			})
		}
		wg.Wait()
		for _, c := range clients {
			var last uint64
			perPublisher := map[int]int{}
			for _, f := range only(c.next(), protocol.TypeMessage) {
				if f.Msg.Offset != last+1 {
					t.Fatalf("offset %d after %d", f.Msg.Offset, last)
				}
				last = f.Msg.Offset
				var n int
				fmt.Sscan(string(f.Msg.Data), &n)
				if n%1000 != perPublisher[n/1000] {
					t.Fatalf("publisher %d: %d, want %d", n/1000, n%1000, perPublisher[n/1000])
				}
				perPublisher[n/1000]++
			}
			if last != publishers*each {
				t.Errorf("got %d messages, want %d", last, publishers*each)
			}
		}
	})
}

// What other nodes publish cannot be slowed down from here.
func TestABurstBeyondTheChannelsBoundIsReadFromHistory(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		release := w.blockShardOf(c)
		for i := 1; i <= 1500; i++ {
			f.Broker.Publish(context.Background(), broker.Publish{Channel: "news", Data: []byte(strconv.Itoa(i))})
			w.settle() // so that nothing slips in between two others
		}
		if s := w.bus.Stats(); s.DeepestChannel > fanout.MaxInFlight {
			t.Errorf("%d are in flight", s.DeepestChannel)
		}
		release()
		same(t, "all messages", data(c.next(), "news"), numbers(1, 1500))
		if s := w.bus.Stats(); s.Skipped == 0 {
			t.Error("the burst was within the bound: the test shows nothing")
		}
	})
}

func TestPublishersSlowDownToTheirSubscribers(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		release := w.blockShardOf(c)
		taken := 0
		start := time.Now()
		for {
			_, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte(strconv.Itoa(taken + 1))})
			if errors.Is(err, &protocol.Error{Code: protocol.CodeOverloaded}) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			taken++
			w.settle()
		}
		if d := time.Since(start); d != publishPatience || taken != maxPublishing {
			t.Errorf("%d were taken, the next one was refused after %v", taken, d)
		}
		w.publish("other", "1") // other channels are not concerned
		waiting := make(chan error)
		go func() {
			_, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte(strconv.Itoa(taken + 1))})
			waiting <- err
		}()
		w.pass(500 * time.Millisecond)
		release()
		if err := <-waiting; err != nil {
			t.Errorf("who waited for half a second: %v", err)
		}
		same(t, "all that were taken", data(c.next(), "news"), numbers(1, taken+1))
	})
}

// blockShardOf lets c's shard wait in a link, as no link should, until release is called.
func (w *world) blockShardOf(c *client) (release func()) {
	gate := make(chan struct{})
	other := w.connectOnShardOf(c)
	other.subscribe("gate", nil)
	other.link.onWake = func() { <-gate }
	w.publish("gate", "0")
	w.settle()
	return func() {
		close(gate)
		w.settle()
	}
}

// connectOnShardOf makes a client that shares c's shard.
func (w *world) connectOnShardOf(c *client) *client {
	for {
		d := w.connect()
		if d.conn.shard == c.conn.shard {
			return d
		}
	}
}

// Whoever hears that it is subscribed is counted by then, for the one who publishes next and for the list of channels.
func TestASubscriberIsCountedBeforeItHearsOfIt(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		for i := range 500 {
			name := fmt.Sprint("news", i)
			c := w.connect()
			w.settle()
			c.link.onWake = func() {
				list, _, err := w.bus.Channels(context.Background(), Channels{Prefix: name, Limit: 1})
				if err != nil || len(list) != 1 || list[0].Subscribers != 1 {
					w.t.Errorf("%s: it hears of its subscription, and there are %+v, %v", name, list, err)
				}
			}
			c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: protocol.Channel(name)})
			w.settle()
			c.link.onWake = nil
		}
	})
}

func TestPublishedTellsPositionAndReceivers(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ctx := context.Background()
		a, b := w.connect(), w.connect()
		a.subscribe("news", nil)
		b.subscribe("news", nil)
		p, err := w.bus.Publish(ctx, Publish{Channel: "news", Data: []byte("1"), IdempotencyKey: "k", Principal: "p"})
		if err != nil || p.Position.Offset != 1 || p.Receivers != 2 || !p.ReceiversExact || p.ID == "" {
			t.Fatalf("got %+v, %v", p, err)
		}
		again, err := w.bus.Publish(ctx, Publish{Channel: "news", Data: []byte("1"), IdempotencyKey: "k", Principal: "p"})
		if err != nil || !again.Duplicate || again.Position != p.Position || again.ID != p.ID {
			t.Errorf("a retry got %+v, %v, want %+v", again, err, p)
		}
		if _, err := w.bus.Publish(ctx, Publish{Channel: "news", Data: []byte("2"), IdempotencyKey: "k", Principal: "p"}); !errors.Is(err, &protocol.Error{Code: protocol.CodeIdempotencyConflict}) {
			t.Errorf("other data under the key: %v", err)
		}
		same(t, "one subscriber", data(a.next(), "news"), []string{"1"})
		b.cut()
		if p, _ := w.bus.Publish(ctx, Publish{Channel: "news", Data: []byte("3")}); p.Receivers != 2 {
			t.Errorf("with one parked: %d receivers, want 2", p.Receivers)
		}
		w.pass(31 * time.Second)
		if p, _ := w.bus.Publish(ctx, Publish{Channel: "news", Data: []byte("4")}); p.Receivers != 1 {
			t.Errorf("after the park is over: %d receivers, want 1", p.Receivers)
		}
		if p, _ := w.bus.Publish(ctx, Publish{Channel: "nobody", Data: []byte("4")}); p.Receivers != 0 {
			t.Errorf("without subscribers: %d receivers", p.Receivers)
		}
	})
}

func TestPublishRefusesWhatIsTooLarge(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		data := []byte(`"` + strings.Repeat("x", protocol.MaxPayloadBytes-2) + `"`)
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: data}); err != nil {
			t.Errorf("at the limit: %v", err)
		}
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: append(data, ' ')}); !errors.Is(err, &protocol.Error{Code: protocol.CodeTooLarge}) {
			t.Errorf("one byte more: %v", err)
		}
	})
}

func TestVolatileMessagesAreDeliveredAndNotKept(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		at, _ := c.subscribe("news", nil)
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1"), Volatile: true}); err != nil {
			t.Fatal(err)
		}
		same(t, "who is there", data(c.next(), "news"), []string{"1"})
		_, rest := w.connect().subscribe("news", &at)
		same(t, "who comes later", data(rest, "news"), nil)
	})
}

func TestHistoryGivesTheNewestOrWhatFollows(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ctx := context.Background()
		third := w.publishNumbers("news", 1, 3)
		top := w.publishNumbers("news", 4, 10)
		p, err := w.bus.History(ctx, "news", protocol.Position{}, 3)
		if err != nil || len(p.Messages) != 3 || string(p.Messages[0].Data) != "8" || p.Top != top {
			t.Errorf("the newest: %+v, %v", p, err)
		}
		p, err = w.bus.History(ctx, "news", third, 100)
		if err != nil || len(p.Messages) != 7 || string(p.Messages[0].Data) != "4" {
			t.Errorf("after the third: %+v, %v", p, err)
		}
		big := []byte(`"` + strings.Repeat("x", 60<<10) + `"`)
		for range 20 {
			w.bus.Publish(ctx, Publish{Channel: "big", Data: big})
		}
		p, _ = w.bus.History(ctx, "big", protocol.Position{}, 100)
		if n := len(p.Messages); n != 4 {
			t.Errorf("messages of 60 KiB in a page of 256 KiB: %d, want 4", n)
		}
	})
}

func TestStatsAreTrue(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		ws, sse, poll := w.connect(), w.connectOver(protocol.SSE, ""), w.connectOver(protocol.Poll, "")
		for _, c := range []*client{ws, sse, poll} {
			c.subscribe("news", nil)
		}
		ws.subscribe("other", nil)
		w.publishNumbers("news", 1, 5)
		w.publish("nobody", "1")
		sse.next()
		sse.cut()
		s := w.bus.Stats()
		type row struct{ got, want any }
		for name, r := range map[string]row{
			"websocket":     {s.Connections["websocket"], 1},
			"sse":           {s.Connections["sse"], 0},
			"poll":          {s.Connections["poll"], 1},
			"parked":        {s.Parked, 1},
			"channels":      {s.Channels, 2},
			"subscriptions": {s.Subscriptions, 4},
			"published":     {s.Published, uint64(6)},
			"delivered":     {s.Delivered, uint64(15)},
			"in flight":     {s.InFlight, 0},
			"failures":      {s.ActorFailures, uint64(0)},
		} {
			if r.got != r.want {
				t.Errorf("%s: got %v, want %v", name, r.got, r.want)
			}
		}
		sse.resume()
		sse.resumeWith(1 << 40)
		w.connectOver(protocol.SSE, "unknown")
		s = w.bus.Stats()
		if total(s.Resumes) != 1 || s.ResumesFailed["forgotten"] != 1 || s.ResumesFailed["unknown"] != 1 {
			t.Errorf("resumes: %v, failed: %v", s.Resumes, s.ResumesFailed)
		}
	})
}

func TestConfigNamesTheFieldThatCannotWork(t *testing.T) {
	good := func(c *Config) {}
	for _, row := range []struct {
		field  string
		change func(*Config)
	}{
		{"", good},
		{"Broker", func(c *Config) { c.Broker = nil }},
		{"Rules.Subscribe", func(c *Config) { c.Rules.Subscribe = "all" }},
		{"Park", func(c *Config) { c.Park = -1 }},
		{"Park", func(c *Config) { c.Park = time.Hour }},
		{"Shards", func(c *Config) { c.Shards = 257 }},
		{"CollectWindow", func(c *Config) { c.CollectWindow = 11 * time.Millisecond }},
		{"MaxParked", func(c *Config) { c.MaxParked = -1 }},
		{"MaxPendingPublishes", func(c *Config) { c.MaxPendingPublishes = -1 }},
	} {
		cfg := DefaultConfig()
		cfg.Broker = &faulty{}
		row.change(&cfg)
		err := cfg.Validate()
		switch {
		case row.field == "" && err != nil:
			t.Errorf("the default: %v", err)
		case row.field != "" && (err == nil || !strings.HasPrefix(err.Error(), row.field+":")):
			t.Errorf("%s: got %v", row.field, err)
		}
	}
}

func TestConnectedAnnouncesWhatTheNodeKeeps(t *testing.T) {
	change := func(c *Config) { c.Heartbeat, c.Park = 7*time.Second, 3*time.Second }
	inBubble(t, change, func(w *world) {
		f := w.connect().frames()[0]
		if f.Announce == nil || f.Announce.HeartbeatMS != 7000 || f.Announce.ParkMS != 3000 || f.Generation != 1 || f.Resumed {
			t.Errorf("got %+v, announce %+v", f, f.Announce)
		}
		if len(f.Session) != 43 || len(f.Connection) != 12 || slices.Contains([]string{f.Session}, f.Connection) {
			t.Errorf("session %q, connection %q", f.Session, f.Connection)
		}
	})
}

func total(counts map[string]uint64) (n uint64) {
	for _, m := range counts {
		n += m
	}
	return n
}

// Connections leave nothing in protoactor's own book of names, and one's end takes nothing of another's.
func TestConnectionsAreUnnamed(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		var all []*client
		for range 20 {
			all = append(all, w.connect())
		}
		for i := range 10 {
			all[i].say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
			w.connect()
		}
		w.settle()
		for _, c := range all[10:] {
			c.say(protocol.ClientFrame{Type: protocol.TypePing, ID: 7})
			if got := c.next(); len(got) != 1 || got[0].Type != protocol.TypePong {
				t.Errorf("got %v, want a pong", got)
			}
		}
	})
}
