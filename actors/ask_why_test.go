package actors

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// why asks and checks the verdict.
func (w *world) why(c *client, ch protocol.Channel, offset uint64, want Verdict) Why {
	w.t.Helper()
	got, err := w.bus.Why(context.Background(), c.conn.ID(), ch, offset)
	if err != nil {
		w.t.Fatalf("why %s/%d: %v", ch, offset, err)
	}
	if got.Verdict != want || got.Says == "" {
		w.t.Errorf("why %s/%d: got %+v, want %s", ch, offset, got, want)
	}
	return got
}

func TestWhyAlongAMessagesWay(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		w.why(c, "news", 1, WhyNotPublished)
		w.publish("news", "1")
		w.why(c, "news", 1, WhyNotSubscribed)
		c.subscribe("news", nil)
		w.why(c, "news", 1, WhyBefore)
		c.link.stall(true)
		w.publish("news", "2")
		w.settle()
		if got := w.why(c, "news", 2, WhyWaiting); got.State != ConnectionLinked || got.Top.Offset != 2 || !got.Receives {
			t.Errorf("got %+v", got)
		}
		c.link.stall(false)
		c.next()
		w.why(c, "news", 2, WhyWritten)
		c.ask(protocol.ClientFrame{Type: protocol.TypePing, Received: &c.received})
		w.why(c, "news", 2, WhyDelivered)
		c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		w.publish("news", "3")
		w.why(c, "news", 3, WhyUnsubscribed)
	})
}

func TestWhyAfterCutsAndEnds(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		c.cut()
		w.publish("news", "1")
		w.settle()
		if got := w.why(c, "news", 1, WhyWaiting); got.State != ConnectionParked || len(got.Records) != 1 || got.Records[0].What != RecordParked {
			t.Errorf("got %+v", got)
		}
		c = c.resume()
		if got := w.why(c, "news", 1, WhyWritten); len(got.Records) != 2 || got.Records[1].What != RecordResumed {
			t.Errorf("got %+v", got)
		}
		c.cut()
		w.pass(time.Minute)
		if got := w.why(c, "news", 1, WhyEnded); got.State != "ended" || got.Records[len(got.Records)-1].Code != string(protocol.CodeSessionGone) {
			t.Errorf("got %+v", got)
		}
		d := w.connect()
		d.subscribe("news", nil)
		d.link.stall(true)
		for range protocol.MaxOutboxFrames + 10 {
			w.publish("news", "1")
			w.settle()
		}
		w.why(d, "news", 2, WhySlow)
		if _, err := w.bus.Why(context.Background(), "nobody", "news", 1); !errors.Is(err, errNoConnection) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhyKnowsGapsAndRecoveries(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		first := w.publish("news", "1")
		last := w.publishNumbers("news", 2, core.DefaultStreamConfig().MaxMessages+10)
		c := w.connect()
		c.subscribe("news", &first)
		got := w.why(c, "news", 5, WhyGap)
		if len(got.Records) == 0 || got.Records[0].Code != string(protocol.GapHistoryExpired) || got.Records[0].From != last.Offset || got.Receives {
			t.Errorf("got %+v", got)
		}
		d := w.connect()
		before := protocol.Position{}
		page, err := w.bus.History(context.Background(), "news", protocol.Position{}, 3)
		if err != nil {
			t.Fatal(err)
		}
		before = page.Messages[0].Position()
		d.subscribe("news", &before)
		w.pass(time.Second)
		d.next()
		d.ask(protocol.ClientFrame{Type: protocol.TypePing, Received: &d.received})
		got = w.why(d, "news", before.Offset+1, WhyRecovered)
		if len(got.Records) != 1 || got.Records[0].What != RecordRecovered || got.Records[0].From != before.Offset || got.Records[0].To != last.Offset {
			t.Errorf("got %+v", got)
		}
		live := w.publish("news", "1") // what came after it was not recovered
		d.next()
		d.ask(protocol.ClientFrame{Type: protocol.TypePing, Received: &d.received})
		w.why(d, "news", live.Offset, WhyDelivered)
		w.why(d, "news", before.Offset, WhyBefore)
	})
}

func TestRecordsAreBounded(t *testing.T) {
	c := newChronicle()
	for i := range maxRecords + 5 {
		c.ofConnection("a", Record{What: RecordParked, From: uint64(i)})
	}
	got := c.connection("a")
	if len(got) != maxRecords || got[0].From != 5 || got[maxRecords-1].From != maxRecords+4 {
		t.Errorf("got %+v", got)
	}
	for i := range maxChronicled + maxTroubledChs {
		c.ofConnection(strconv.Itoa(i), Record{})
		c.ofChannel(Record{Channel: protocol.Channel(strconv.Itoa(i))})
	}
	if c.connections.Len() != maxChronicled || c.channels.Len() != maxTroubledChs || c.connection("a") != nil {
		t.Errorf("%d connections and %d channels are kept", c.connections.Len(), c.channels.Len())
	}
}

func TestPublishTellsWhereItsReceiversStand(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		check := func(receivers, parked, polling int) {
			t.Helper()
			w.settle()
			p, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1")})
			if err != nil || p.Receivers != receivers || p.Parked != parked || p.Polling != polling || !p.ReceiversExact {
				t.Errorf("got %+v, %v, want %d, of them %d parked and %d polling", p, err, receivers, parked, polling)
			}
		}
		check(0, 0, 0)
		a, b, c := w.connect(), w.connect(), w.connectOver(protocol.Poll, "")
		for _, x := range []*client{a, b, c} {
			x.subscribe("news", nil)
			x.subscribe("other", nil)
		}
		check(3, 0, 1)
		a.cut()
		check(3, 1, 1)
		c.cut()
		check(3, 2, 0)
		a.next()
		a = a.resume()
		check(3, 1, 0)
		b.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		check(2, 1, 0)
		w.pass(time.Minute)
		check(1, 0, 0)
		a.say(protocol.ClientFrame{Type: protocol.TypeDisconnect})
		check(0, 0, 0)
	})
}

func TestListsAreInOrderAndPaged(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		names := []protocol.Channel{"a/1", "a/2", "a/3", "b/1"}
		var clients []*client
		for i, name := range names {
			c := w.connect()
			c.subscribe(name, nil)
			if i > 0 {
				c.subscribe("a/1", nil)
			}
			clients = append(clients, c)
		}
		w.publish("a/2", "1")
		ctx := context.Background()
		list, more, err := w.bus.Channels(ctx, Channels{Prefix: "a/", Limit: 2})
		if err != nil || !more || len(list) != 2 || list[0].Name != "a/1" || list[0].Subscribers != 4 || list[1].Position.Offset != 1 {
			t.Errorf("got %+v, %v, %v", list, more, err)
		}
		list, more, err = w.bus.Channels(ctx, Channels{Prefix: "a/", After: "a/2", Limit: 2})
		if err != nil || more || len(list) != 1 || list[0].Name != "a/3" {
			t.Errorf("got %+v, %v, %v", list, more, err)
		}
		clients[3].cut()
		var seen []string
		for after := ""; ; {
			list, more, err := w.bus.Connections(ctx, Connections{Channel: "a/1", After: after, Limit: 3})
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range list {
				seen = append(seen, n.ID)
				if parked := n.ID == clients[3].conn.ID(); (n.State == ConnectionParked) != parked || n.Transport != protocol.WebSocket {
					t.Errorf("got %+v", n)
				}
			}
			if !more {
				break
			}
			after = list[len(list)-1].ID
		}
		if len(seen) != 4 || !slices.IsSorted(seen) {
			t.Errorf("got %q", seen)
		}
		if list, _, _ := w.bus.Connections(ctx, Connections{Channel: "b/1", Limit: 10}); len(list) != 1 || list[0].ID != clients[3].conn.ID() || list[0].Subscriptions != 2 {
			t.Errorf("got %+v", list)
		}
		if list, _, _ := w.bus.Connections(ctx, Connections{User: "nobody", Limit: 10}); len(list) != 0 {
			t.Errorf("got %+v", list)
		}
	})
}

func TestSendBroadcastAndDisconnect(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		a, b := w.connect(), w.connect()
		if n, err := w.bus.Send(a.conn.ID(), Sent{Event: "reload", Data: []byte("1")}); n != 1 || err != nil {
			t.Fatal(err)
		}
		if got := a.next(); len(got) != 1 || got[0].Type != protocol.TypeEvent || got[0].Event != "reload" || string(got[0].Data) != "1" {
			t.Errorf("got %+v", got)
		}
		b.cut()
		if n, exact := w.bus.Broadcast(Sent{Event: "reload", Data: []byte("2")}); n != 2 || !exact {
			t.Errorf("%d receivers, exact %v", n, exact)
		}
		if b = b.resume(); len(a.next()) != 1 || len(only(b.next(), protocol.TypeEvent)) != 1 {
			t.Error("not all heard it")
		}
		for _, want := range []protocol.Code{protocol.CodeDisconnected, protocol.CodeSessionGone} {
			c := w.connect()
			if err := w.bus.Disconnect(c.conn.ID(), want); err != nil {
				t.Fatal(err)
			}
			w.settle()
			if c.link.end() != want || c.link.farewell().Frame.Retry != want.Row().Retry {
				t.Errorf("the link ended with %q", c.link.end())
			}
			_, sent := w.bus.Send(c.conn.ID(), Sent{Event: "x"})
			for _, err := range []error{w.bus.Disconnect(c.conn.ID(), want), sent} {
				if !errors.Is(err, errNoConnection) {
					t.Errorf("it is gone: got %v", err)
				}
			}
		}
		for range protocol.MaxOutboxFrames {
			a.link.stall(true)
			w.bus.Send(a.conn.ID(), Sent{Event: "x", Data: []byte("1")})
		}
		if w.settle(); a.link.end() != "" {
			t.Errorf("a full outbox: the link ended with %q", a.link.end())
		}
		w.bus.Send(a.conn.ID(), Sent{Event: "x", Data: []byte("1")})
		if w.settle(); a.link.end() != protocol.CodeSlowConsumer {
			t.Errorf("one more: the link ended with %q", a.link.end())
		}
	})
}

func TestWhyAfterATokenExpired(t *testing.T) {
	inBubble(t, withTokens(t, usual), func(w *world) {
		c := w.signIn(sign(t, "u1", time.Minute), "")
		c.subscribe("inbox/u1", nil)
		w.pass(2*time.Minute + refreshGrace)
		at := w.publish("inbox/u1", "1")
		got := w.why(c, "inbox/u1", at.Offset, WhyTokenExpired)
		if got.State != "ended" || got.Receives || got.Records[len(got.Records)-1].Code != string(protocol.CodeTokenExpired) {
			t.Errorf("got %+v", got)
		}
	})
}
