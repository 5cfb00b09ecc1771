package actors

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"tidings/access"
	"tidings/protocol"
)

// publishBut publishes a message that excludes somebody, and returns what it was answered with.
func (w *world) publishBut(ch protocol.Channel, data string, but protocol.Exclude) Published {
	w.t.Helper()
	p, err := w.bus.Publish(context.Background(), Publish{Channel: ch, Data: []byte(data), Exclude: but})
	if err != nil {
		w.t.Fatalf("publish to %s: %v", ch, err)
	}
	return p
}

// told returns what frames say of a channel: the data of a message with its chain, or a position.
func told(frames []protocol.ServerFrame, ch protocol.Channel) (list []string) {
	for _, f := range frames {
		switch {
		case f.Channel != ch:
		case f.Type == protocol.TypeMessage && f.Msg.Volatile:
			list = append(list, string(f.Msg.Data))
		case f.Type == protocol.TypeMessage:
			list = append(list, fmt.Sprintf("%d<%d:%s", f.Msg.Prev, f.Msg.Offset, f.Msg.Data))
		case f.Type == protocol.TypePosition:
			list = append(list, fmt.Sprintf("at %d", f.Position.Offset))
		default:
			list = append(list, f.Type)
		}
	}
	return list
}

func TestTheExcludedConnectionIsToldThePosition(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		author, other := w.connect(), w.connect()
		author.subscribe("news", nil)
		other.subscribe("news", nil)
		but := protocol.Exclude{Connection: author.conn.ID()}
		w.publish("news", "1")
		if got := w.publishBut("news", "2", but); got.Receivers != 1 || got.Filtered != 1 || got.Parked != 0 || got.Polling != 0 {
			t.Errorf("answered %+v", got)
		}
		w.publish("news", "3")
		same(t, "the excluded", told(author.next(), "news"), []string{"0<1:1", "at 2", "2<3:3"})
		same(t, "the other", told(other.next(), "news"), []string{"0<1:1", "1<2:2", "2<3:3"})
		w.why(author, "news", 2, WhyExcluded)
		w.why(other, "news", 2, WhyWritten)
		if s := w.bus.Stats(); s.Excluded != 1 || s.Delivered != 5 {
			t.Errorf("%d excluded, %d delivered; want 1 and 5", s.Excluded, s.Delivered)
		}
	})
}

func TestTheExcludedConnectionRecoversWithoutTheMessage(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		author := w.connect()
		w.publish("news", "1")
		from := w.publish("news", "2")
		but := protocol.Exclude{Connection: author.conn.ID()}
		w.publishBut("news", "3", but)
		w.publish("news", "4")
		w.publishBut("news", "5", but)
		_, rest := author.subscribe("news", &from)
		same(t, "the recovery", told(rest, "news"), []string{"at 3", "3<4:4", "at 5"})
		w.publish("news", "6")
		same(t, "live", told(author.next(), "news"), []string{"5<6:6"})
		if s := w.bus.Stats(); s.Excluded != 2 || s.Delivered != 2 || s.Replayed != 1 {
			t.Errorf("%d excluded, %d delivered, %d replayed; want 2, 2 and 1", s.Excluded, s.Delivered, s.Replayed)
		}
		// History is what the channel keeps, whoever asks; and another connection of the same client is another.
		answer, _ := author.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: "news"})
		if len(answer.Messages) != 6 {
			t.Errorf("history has %d messages", len(answer.Messages))
		}
		again := w.connect()
		_, rest = again.subscribe("news", &from)
		same(t, "another connection", told(rest, "news"), []string{"2<3:3", "3<4:4", "4<5:5", "5<6:6"})
	})
}

func TestAParkedExcludedConnectionResumesWithoutAGap(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		author := w.connect()
		author.subscribe("news", nil)
		author.cut()
		if got := w.publishBut("news", "1", protocol.Exclude{Connection: author.conn.ID()}); got.Receivers != 0 || got.Parked != 0 || got.Filtered != 1 {
			t.Errorf("answered %+v", got)
		}
		w.publish("news", "2")
		author = author.resume()
		if !author.resumed {
			t.Fatal("not resumed")
		}
		same(t, "after the resume", told(author.next(), "news"), []string{"at 1", "1<2:2"})
	})
}

func TestAVolatileMessagePassesTheExcludedBy(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		author, other := w.connect(), w.connect()
		author.subscribe("news", nil)
		other.subscribe("news", nil)
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1"), Volatile: true, Exclude: protocol.Exclude{Connection: author.conn.ID()}}); err != nil {
			t.Fatal(err)
		}
		w.publish("news", "2")
		same(t, "the excluded", told(author.next(), "news"), []string{"0<1:2"})
		same(t, "the other", told(other.next(), "news"), []string{"1", "0<1:2"})
	})
}

func TestClientsExcludeThemselvesAndTheirTabs(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		author, other := w.connect(), w.connect()
		author.subscribe("news", nil)
		other.subscribe("news", nil)
		publish := protocol.ClientFrame{Type: protocol.TypePublish, Channel: "news", Data: []byte("1"), ExcludeSelf: true}
		answer, rest := author.ask(publish)
		if answer.Position.Offset != 1 {
			t.Fatalf("answered %+v", answer)
		}
		same(t, "its own", told(rest, "news"), []string{"at 1"})
		publish.ExcludeSelf, publish.ExcludeTab = false, "t1"
		_, rest = author.ask(publish)
		same(t, "its own, shared by tabs", told(rest, "news"), []string{"1<2:1"})
		got := only(other.next(), protocol.TypeMessage)
		if len(got) != 2 || got[0].Msg.Exclude.Tab != "" || got[1].Msg.Exclude.Tab != "t1" {
			t.Errorf("the other was told %+v", got)
		}
	})
}

// A repeated publish is the same message, although the client may have another connection by then.
func TestARepeatedPublishMayExcludeAnotherConnection(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		first, second := w.connect(), w.connect()
		second.subscribe("news", nil)
		publish := protocol.ClientFrame{Type: protocol.TypePublish, Channel: "news", Data: []byte("1"), IdempotencyKey: "k", ExcludeSelf: true}
		a, _ := first.ask(publish)
		b, _ := second.ask(publish)
		if a.Position.IsZero() || a.Position != b.Position {
			t.Errorf("answered %+v, then %+v", a, b)
		}
	})
}

// If a tab is named its connection's other tabs get the message.
func TestATabIsNarrowerThanItsConnection(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		if got := w.publishBut("news", "1", protocol.Exclude{Connection: c.conn.ID(), Tab: "t1"}); got.Receivers != 1 || got.Filtered != 0 {
			t.Errorf("answered %+v", got)
		}
		if got := only(c.next(), protocol.TypeMessage); len(got) != 1 || got[0].Msg.Exclude.Tab != "t1" {
			t.Errorf("told %+v", got)
		}
	})
}

// A page that the application knows by its own id stays excluded when its session was lost; whoever else shows the id
// unsigned is not that page.
func TestAPageIsExcludedOverItsSessions(t *testing.T) {
	inBubble(t, identified(t, access.Rules{Subscribe: access.Anyone, Publish: access.Anyone}), func(w *world) {
		const page = "a-page-of-the-application"
		first, other := w.visit("", pageID(t, page, "key")), w.visit("", page)
		from, _ := first.subscribe("news", nil)
		other.subscribe("news", nil)
		but := protocol.Exclude{Connection: page}
		if got := w.publishBut("news", "1", but); got.Receivers != 1 || got.Filtered != 1 {
			t.Errorf("answered %+v", got)
		}
		same(t, "the page", told(first.next(), "news"), []string{"at 1"})
		same(t, "the other", told(other.next(), "news"), []string{"0<1:1"})
		w.why(first, "news", 1, WhyExcluded)
		w.bus.Disconnect(first.conn.ID(), protocol.CodeSessionGone)
		w.settle()
		second := w.visit("", pageID(t, page, "key"))
		_, rest := second.subscribe("news", &from)
		same(t, "its next session", told(rest, "news"), []string{"at 1"})
		_, rest = second.ask(protocol.ClientFrame{Type: protocol.TypePublish, Channel: "news", Data: []byte("2"), ExcludeSelf: true})
		same(t, "its own", told(rest, "news"), []string{"at 2"})
		w.bus.Disconnect(second.conn.ID(), protocol.CodeSessionGone)
		w.settle()
		third := w.visit("", pageID(t, page, "key"))
		_, rest = third.subscribe("news", &from)
		same(t, "the third", told(rest, "news"), []string{"at 1", "at 2"})

		if n, err := w.bus.Send(page, Sent{Event: "e", Data: []byte("1")}); n != 1 || err != nil || len(only(third.next(), protocol.TypeEvent)) != 1 {
			t.Errorf("sent to %d, %v", n, err)
		}
		if n, _ := w.bus.Broadcast(Sent{Event: "e", Data: []byte("1"), Exclude: but}); n != 1 || len(only(third.next(), protocol.TypeEvent)) != 0 {
			t.Errorf("sent to %d", n)
		}
		if n, err := w.bus.Send("another-page-of-it", Sent{Event: "e"}); n != 0 || protocol.AsError(err).Code != protocol.CodeNotFound {
			t.Errorf("sent to %d of nobody, %v", n, err)
		}
	})
}

// Of many members in many shards, over many turns, one is passed by; its frame is encoded once for all others.
func TestOneOfManyIsExcluded(t *testing.T) {
	inBubble(t, func(cfg *Config) { cfg.Shards = 3 }, func(w *world) {
		var all []*client
		for range 40 {
			c := w.connect()
			c.subscribe("news", nil)
			all = append(all, c)
		}
		for i, c := range all {
			w.publishBut("news", fmt.Sprint(i), protocol.Exclude{Connection: c.conn.ID()})
		}
		w.publishBut("news", "40", protocol.Exclude{Connection: "nobody"})
		for i, c := range all {
			got := data(c.next(), "news")
			want := slices.DeleteFunc(numbers(0, 40), func(s string) bool { return s == fmt.Sprint(i) })
			same(t, fmt.Sprint("client ", i), got, want)
		}
	})
}
