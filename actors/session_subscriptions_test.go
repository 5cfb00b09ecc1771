package actors

import (
	"fmt"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

func TestUnsubscribeStopsDeliveryBeforeItsReply(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		go func() {
			for i := range 200 {
				w.publish("news", fmt.Sprint(i))
			}
		}()
		c.say(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 50, Channel: "news"})
		w.settle()
		w.publish("news", `"late"`)
		got := c.next()
		if len(got) == 0 || got[len(got)-1].Type != protocol.TypeReply || got[len(got)-1].ID != 50 {
			t.Errorf("the reply is not the last frame: %+v", got)
		}
		answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		if answer.Code != protocol.CodeNotSubscribed {
			t.Errorf("a second unsubscribe: %+v", answer)
		}
	})
}

func TestASecondSubscribeReplacesTheFirst(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		first := w.publish("news", "1")
		w.publishNumbers("news", 2, 5)
		c.next()
		at, rest := c.subscribe("news", &first)
		if at != first {
			t.Errorf("at %v, want %v", at, first)
		}
		same(t, "replayed", data(rest, "news"), numbers(2, 5))
		w.publish("news", "6")
		same(t, "live, once", data(c.next(), "news"), []string{"6"})
		if s := w.bus.Stats(); s.Subscriptions != 1 {
			t.Errorf("%d subscriptions", s.Subscriptions)
		}
	})
}

// While messages fly, a client that subscribes again and again from its cursor sees each subscription as the protocol
// wants it: nothing of the old one after the new one's answer, and no hole.
func TestReplacedSubscriptionsHaveNoSeam(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		at, _ := c.subscribe("news", nil)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 1; i <= 2000; i++ {
				w.publish("news", fmt.Sprint(i))
				if i%100 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		}()
		want := uint64(1)
		for range 30 {
			time.Sleep(time.Millisecond)
			pos := at
			c.id++
			c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: c.id, Channel: "news", Since: &pos})
			answered := false
			for _, f := range c.next() {
				switch {
				case f.Type == protocol.TypeSubscribed:
					if answered = true; f.Position != pos || !f.Recovered {
						t.Fatalf("subscribed at %v, asked for %v", f.Position, pos)
					}
					want = pos.Offset + 1
				case f.Type == protocol.TypeMessage && answered:
					if f.Msg.Offset != want {
						t.Fatalf("after subscribed: offset %d, want %d", f.Msg.Offset, want)
					}
					want++
					at = protocol.Position{Epoch: at.Epoch, Offset: f.Msg.Offset, Tag: f.Msg.Tag}
				}
			}
		}
		<-done
		for _, f := range only(c.next(), protocol.TypeMessage) {
			if f.Msg.Offset != want {
				t.Fatalf("at the end: offset %d, want %d", f.Msg.Offset, want)
			}
			want++
		}
		if want != 2001 {
			t.Errorf("the last message was %d", want-1)
		}
	})
}

// A subscribe that is replaced before its answer is answered all the same.
func TestEachSubscribeIsAnsweredOnce(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		first := w.publish("news", "1")
		w.publish("news", "2")
		c := w.connect()
		c.say(
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news"},
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 2, Channel: "news", Since: &first},
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 3, Channel: "other", Since: &first},
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 4, Channel: "third", Since: &first},
			protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 5, Channel: "third"},
			protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 6, Channel: "news"},
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 7, Channel: "news"},
		)
		w.pass(time.Second)
		answers := map[uint64]int{}
		for _, f := range c.next() {
			if f.Type != protocol.TypeGap {
				answers[f.ID]++
			}
		}
		for id := range uint64(8) {
			if want := min(int(id), 1); answers[id] != want {
				t.Errorf("request %d was answered %d times", id, answers[id])
			}
		}
		if s := w.bus.Stats(); s.Subscriptions != 2 {
			t.Errorf("%d subscriptions, want news and other", s.Subscriptions)
		}
	})
}

func TestSubscriptionsOfOneConnectionAreBounded(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		for i := range protocol.MaxSubscriptions {
			c.subscribe(protocol.Channel(fmt.Sprintf("c/%d", i)), nil)
		}
		w.pass(time.Second)
		answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "one-more"})
		if answer.Code != protocol.CodeLimitExceeded {
			t.Errorf("number 129: %+v", answer)
		}
		c.subscribe("c/5", nil) // a replacement is none more
		c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "c/5"})
		c.subscribe("one-more", nil)
		if s := w.bus.Stats(); s.Subscriptions != protocol.MaxSubscriptions || s.Channels != protocol.MaxSubscriptions+1 {
			t.Errorf("%d subscriptions, %d channels", s.Subscriptions, s.Channels)
		}
	})
}

func TestRequestsThatAreRefused(t *testing.T) {
	inBubble(t, func(c *Config) { c.Rules = access.DefaultRules() }, func(w *world) {
		c := w.connect()
		for _, row := range []struct {
			frame protocol.ClientFrame
			want  protocol.Code
		}{
			{protocol.ClientFrame{Type: protocol.TypeConnect}, protocol.CodeAlreadyConnected},
			{protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "news", Filter: []byte(`{"like":{}}`)}, protocol.CodeBadFilter},
			{protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "news", Scope: "in", Users: "all"}, protocol.CodeForbidden},
			{protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "news", Users: "all"}, protocol.CodeForbidden},
			{protocol.ClientFrame{Type: protocol.TypePresence, Channel: "news"}, protocol.CodeForbidden},
			{protocol.ClientFrame{Type: protocol.TypeCall, Method: "x"}, protocol.CodeUnsupported},
			{protocol.ClientFrame{Type: protocol.TypeRefresh, Token: "x"}, protocol.CodeUnsupported},
			{protocol.ClientFrame{Type: protocol.TypePublish, Channel: "news", Data: []byte("1")}, protocol.CodeForbidden},
			{protocol.ClientFrame{Type: protocol.TypePoll, Session: "x"}, protocol.CodeBadRequest},
			{protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"}, protocol.CodeNotSubscribed},
		} {
			answer, _ := c.ask(row.frame)
			if answer.Type != protocol.TypeError || answer.Code != row.want || answer.Retry || answer.Hint == "" {
				t.Errorf("%+v: got %+v, want %s", row.frame, answer, row.want)
			}
		}
	})
	inBubble(t, func(c *Config) { c.Rules = access.Rules{Subscribe: access.Nobody} }, func(w *world) {
		c := w.connect()
		for _, frameType := range []string{protocol.TypeSubscribe, protocol.TypeHistory} {
			if answer, _ := c.ask(protocol.ClientFrame{Type: frameType, Channel: "news"}); answer.Code != protocol.CodeForbidden {
				t.Errorf("%s: got %+v", frameType, answer)
			}
		}
	})
}

func TestClientsPublishAndReadHistoryInOrder(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c, d := w.connect(), w.connect()
		d.subscribe("news", nil)
		var frames []protocol.ClientFrame
		for i := range uint64(20) {
			frames = append(frames, protocol.ClientFrame{Type: protocol.TypePublish, ID: i + 1, Channel: "news", Data: fmt.Append(nil, i+1), Event: "tick"})
		}
		frames = append(frames, protocol.ClientFrame{Type: protocol.TypeHistory, ID: 21, Channel: "news", Limit: 5})
		c.say(frames...)
		got := c.next()
		for i, f := range got[:20] {
			if f.Type != protocol.TypeReply || f.ID != uint64(i+1) || f.Position.Offset != f.ID || f.Position.Tag == "" {
				t.Fatalf("answer %d: %+v", i, f)
			}
		}
		h := got[20]
		if h.ID != 21 || len(h.Messages) != 5 || h.Messages[4].Offset != 20 || h.Complete || h.Position.Offset != 20 {
			t.Errorf("history: %+v", h)
		}
		messages := only(d.next(), protocol.TypeMessage)
		if len(messages) != 20 || messages[0].Msg.Event != "tick" {
			t.Errorf("the subscriber got %d messages: %+v", len(messages), messages)
		}
		since := got[15].Position
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: "news", Since: &since}); len(answer.Messages) != 4 || !answer.Complete {
			t.Errorf("history since 16: %+v", answer)
		}
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeHistory, Channel: "empty"}); answer.Messages == nil || len(answer.Messages) != 0 || !answer.Complete || answer.Position.Epoch == "" {
			t.Errorf("history of an empty channel: %+v", answer)
		}
	})
}

// A publish that is repeated with its key after a resume has one effect.
func TestAClientsRepeatedPublishHasOneEffect(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		f := protocol.ClientFrame{Type: protocol.TypePublish, Channel: "news", Data: []byte("1"), IdempotencyKey: "k"}
		first, _ := c.ask(f)
		c.cut()
		d := c.resume()
		again, _ := d.ask(f)
		if again.Position != first.Position {
			t.Errorf("positions %v and %v", first.Position, again.Position)
		}
		f.Data = []byte("2")
		if answer, _ := d.ask(f); answer.Code != protocol.CodeIdempotencyConflict {
			t.Errorf("other data: %+v", answer)
		}
	})
}
