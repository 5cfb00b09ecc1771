package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidings/protocol"
)

func TestAnIdleChannelIsForgottenAndMadeAgain(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		at, _ := c.subscribe("news", nil)
		c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		w.pass(59 * time.Second)
		if s := w.bus.Stats(); s.Channels != 1 {
			t.Errorf("after 59 s: %d channels", s.Channels)
		}
		w.pass(2 * time.Second)
		if s := w.bus.Stats(); s.Channels != 0 {
			t.Errorf("after 61 s: %d channels", s.Channels)
		}
		w.publish("news", "1")
		_, rest := c.subscribe("news", &at)
		w.publish("news", "2")
		same(t, "what was missed, and live", append(data(rest, "news"), data(c.next(), "news")...), numbers(1, 2))
	})
}

// A channel that was used again just before its time does not go.
func TestAChannelStaysWhileItIsUsed(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		for range 5 {
			c.subscribe("news", nil)
			w.pass(10 * time.Second)
			c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
			w.pass(59*time.Second + 999*time.Millisecond)
			if s := w.bus.Stats(); s.Channels != 1 {
				t.Fatalf("%d channels", s.Channels)
			}
		}
	})
}

// Joins race with the end of an idle channel, in real time and on all cores: each must be answered, by a channel that
// lives.
func TestNobodyJoinsADyingChannel(t *testing.T) {
	w := inTheOpen(t, func(c *Config) { c.ChannelIdle = time.Microsecond })
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				comeAndGo(w, protocol.Channel(fmt.Sprintf("news/%d", i%2)))
			}
		})
	}
	wg.Wait()
	if s := w.bus.Stats(); s.DeadLetters != 0 || s.ActorFailures != 0 || s.Subscriptions != 0 {
		t.Errorf("dead letters %d, failures %d, subscriptions %d", s.DeadLetters, s.ActorFailures, s.Subscriptions)
	}
}

// comeAndGo subscribes and unsubscribes as often as a connection may.
func comeAndGo(w *world, ch protocol.Channel) {
	c := w.connectInTheOpen(false)
	for n := uint64(1); n < 100 && !w.t.Failed(); n++ {
		c.request(protocol.TypeSubscribed, protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: n, Channel: ch})
		c.request(protocol.TypeReply, protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 1000 + n, Channel: ch})
		if n%5 == 0 {
			time.Sleep(20 * time.Microsecond)
		}
	}
	c.conn.Receive(c.gen, []protocol.ClientFrame{{Type: protocol.TypeDisconnect}})
}

var errDown = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "down", Hint: "wait"}

func TestABrokerThatDoesNotAnswerRefusesSubscribes(t *testing.T) {
	for _, call := range []string{"subscribe", "history"} {
		f := &faulty{}
		inBubble(t, withFaults(f, nil), func(w *world) {
			f.before(func(_ context.Context, c string) error {
				if c == call {
					return errDown
				}
				return nil
			})
			c := w.connect()
			answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "news"})
			if answer.Code != protocol.CodeBrokerUnavailable || !answer.Retry {
				t.Errorf("%s fails: %+v", call, answer)
			}
			if s := w.bus.Stats(); s.Subscriptions != 0 {
				t.Errorf("%s fails: %d subscriptions", call, s.Subscriptions)
			}
			f.before(nil)
			c.subscribe("news", nil)
			w.publish("news", "1")
			same(t, "after "+call+" works again", data(c.next(), "news"), []string{"1"})
		})
	}
}

func TestABrokerThatHangsIsGivenUp(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		hang := func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}
		f.before(hang)
		c := w.connect()
		c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news"}, protocol.ClientFrame{Type: protocol.TypePublish, ID: 2, Channel: "other", Data: []byte("1")})
		if got := c.next(); len(got) != 0 {
			t.Errorf("answered at once: %+v", got)
		}
		w.pass(6 * time.Second)
		got := map[uint64]protocol.Code{}
		for _, f := range c.next() {
			got[f.ID] = f.Code
		}
		if got[1] != protocol.CodeBrokerUnavailable || got[2] != protocol.CodeTimeout {
			t.Errorf("got %v", got)
		}
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1")}); !errors.Is(err, &protocol.Error{Code: protocol.CodeTimeout}) {
			t.Errorf("publish: %v", err)
		}
		if _, err := w.bus.History(context.Background(), "news", protocol.Position{Epoch: "x"}, 1); !errors.Is(err, &protocol.Error{Code: protocol.CodeBrokerUnavailable}) {
			t.Errorf("history: %v", err)
		}
	})
}

// Live members of a channel whose broker fails for a while get everything when it is back.
func TestMembersOutlastAFailureOfTheBroker(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		w.publish("news", "1")
		f.losing(func(*protocol.Message) bool { return true })
		f.before(func(_ context.Context, call string) error {
			if call == "history" {
				return errDown
			}
			return nil
		})
		w.publishNumbers("news", 2, 4)
		f.interrupt("news")
		w.pass(20 * time.Second)
		f.losing(nil)
		w.publish("news", "5")
		f.before(nil)
		w.pass(3 * time.Second)
		same(t, "in the end", data(c.next(), "news"), numbers(1, 5))
	})
}

func TestAPanicOfTheBrokerIsAnError(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		f.before(func(context.Context, string) error { panic("broken") })
		c := w.connect()
		answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "news"})
		if answer.Code != protocol.CodeBrokerUnavailable {
			t.Errorf("subscribe: %+v", answer)
		}
		if answer, _ = c.ask(protocol.ClientFrame{Type: protocol.TypePublish, Channel: "news", Data: []byte("1")}); answer.Code != protocol.CodeInternal {
			t.Errorf("publish: %+v", answer)
		}
		if !strings.Contains(w.log.String(), "broken") || !strings.Contains(w.log.String(), "goroutine") {
			t.Error("the log has no panic with its stack")
		}
	})
}

// A channel's actor that fails starts again, and its members miss nothing and hear of nothing.
func TestAFailedChannelGoesOn(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		var clients []*client
		for range 5 {
			c := w.connect()
			c.subscribe("news", nil)
			clients = append(clients, c)
		}
		first := w.publish("news", "1")
		w.settle()
		f.losing(func(m *protocol.Message) bool { return true })
		w.publish("news", "2") // the failed actor never hears of it
		f.losing(nil)
		f.poison("news")
		w.publish("news", "3")
		w.settle()
		w.publish("news", "4")
		for i, c := range clients {
			got := c.next()
			// What came twice the client drops by its offset.
			var list []string
			var last uint64
			for _, m := range only(got, protocol.TypeMessage) {
				if m.Msg.Offset > last {
					if m.Msg.Prev != last {
						t.Errorf("client %d: offset %d after %d", i, m.Msg.Offset, last)
					}
					list, last = append(list, string(m.Msg.Data)), m.Msg.Offset
				}
			}
			same(t, fmt.Sprintf("client %d", i), list, numbers(1, 4))
			if n := len(got) - len(only(got, protocol.TypeMessage)); n != 0 {
				t.Errorf("client %d heard something else: %+v", i, got)
			}
		}
		s := w.bus.Stats()
		if s.ActorFailures != 1 || s.ActorRestarts != 1 || s.Subscriptions != 5 || s.InFlight != 0 {
			t.Errorf("failures %d, restarts %d, subscriptions %d, in flight %d", s.ActorFailures, s.ActorRestarts, s.Subscriptions, s.InFlight)
		}
		if !strings.Contains(w.log.String(), "channel_life.go") {
			t.Error("the log does not show where the actor failed")
		}
		_, rest := w.connect().subscribe("news", &first)
		same(t, "a later subscriber", data(rest, "news"), numbers(2, 4))
		for _, c := range clients {
			c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		}
		if s := w.bus.Stats(); s.Subscriptions != 1 {
			t.Errorf("after unsubscribing: %d subscriptions", s.Subscriptions)
		}
	})
}

// protoactor's own supervisor stops an actor for good, silently, after ten failures.
func TestAChannelThatFailsAgainAndAgainIsNeverGivenUp(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		for range 30 {
			f.poison("news")
			w.settle()
		}
		w.publish("news", "1")
		w.pass(30 * time.Second)
		same(t, "after 30 failures", data(c.next(), "news"), []string{"1"})
		if s := w.bus.Stats(); s.ActorFailures < 11 || s.ActorRestarts != s.ActorFailures || s.Subscriptions != 1 {
			t.Errorf("failures %d, restarts %d, subscriptions %d", s.ActorFailures, s.ActorRestarts, s.Subscriptions)
		}
	})
}

// Members that were on their way in when the actor failed get in.
func TestAFailureInTheMidstOfARecovery(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		first := w.publish("news", "0")
		w.publishNumbers("news", 1, 700)
		slow, quick := w.connect(), w.connect()
		slow.link.stall(true)
		slow.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news", Since: &first})
		w.settle()
		var holding atomic.Bool
		release := make(chan struct{})
		holding.Store(true)
		f.before(func(_ context.Context, call string) error {
			if call == "history" && holding.Load() {
				<-release
			}
			return nil
		})
		quick.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news", Since: &first})
		w.settle()
		f.poison("news")
		w.settle()
		holding.Store(false)
		close(release)
		w.settle()
		slow.link.stall(false)
		w.publish("news", "701")
		for name, c := range map[string]*client{"in the midst of paging": slow, "before the first page": quick} {
			got := c.next()
			same(t, name, data(got, "news"), numbers(1, 701))
			if n := len(only(got, protocol.TypeSubscribed)); n != 1 {
				t.Errorf("%s: subscribed %d times", name, n)
			}
			c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		}
		w.pass(2 * time.Minute)
		if s := w.bus.Stats(); s.Channels != 0 {
			t.Error("the channel does not come to rest")
		}
	})
}

// Who leaves in the midst of its recovery gets nothing more, and the others all.
func TestLeavingInTheMidstOfARecovery(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		first := w.publish("news", "0")
		w.publishNumbers("news", 1, 700)
		stay, paging, reading := w.connect(), w.connect(), w.connect()
		stay.subscribe("news", nil)
		paging.link.stall(true)
		paging.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news", Since: &first})
		w.settle()
		release := make(chan struct{})
		f.before(func(_ context.Context, call string) error {
			if call == "history" {
				<-release
			}
			return nil
		})
		reading.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news", Since: &first})
		w.settle()
		for _, c := range []*client{paging, reading} {
			c.say(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, ID: 2, Channel: "news"})
		}
		w.settle()
		f.before(nil)
		close(release)
		paging.link.stall(false)
		w.publish("news", "701")
		same(t, "who left while paging", data(paging.next(), "news"), numbers(1, 256))
		got := reading.next()
		same(t, "who left while reading", data(got, "news"), nil)
		if len(got) != 2 || got[0].Code != protocol.CodeSuperseded || got[1].Type != protocol.TypeReply {
			t.Errorf("who left while reading got %+v", got)
		}
		same(t, "who stayed", data(stay.next(), "news"), []string{"701"})
		if s := w.bus.Stats(); s.ActorFailures != 0 || s.Subscriptions != 1 {
			t.Errorf("failures %d, subscriptions %d", s.ActorFailures, s.Subscriptions)
		}
	})
}

// A member that leaves while the failed actor starts again leaves for good.
func TestLeavingDuringARestart(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		c, d := w.connect(), w.connect()
		c.subscribe("news", nil)
		d.subscribe("news", nil)
		f.before(func(_ context.Context, call string) error {
			if call == "subscribe" {
				return errDown
			}
			return nil
		})
		f.poison("news")
		w.settle()
		answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "news"})
		if answer.Type != protocol.TypeReply {
			t.Errorf("unsubscribe: %+v", answer)
		}
		w.publish("news", "1")
		f.before(nil)
		w.pass(3 * time.Second)
		if got := c.next(); len(got) != 0 {
			t.Errorf("who left got %+v", got)
		}
		same(t, "who stayed", data(d.next(), "news"), []string{"1"})
		if s := w.bus.Stats(); s.Subscriptions != 1 {
			t.Errorf("%d subscriptions", s.Subscriptions)
		}
	})
}

func TestAFailedConnectionEndsAlone(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c, d := w.connect(), w.connect()
		c.subscribe("news", nil)
		d.subscribe("news", nil)
		c.link.onWake = func() { panic("a link that fails") }
		c.say(protocol.ClientFrame{Type: protocol.TypePing, ID: 9})
		w.settle()
		if c.link.end() != protocol.CodeInternal {
			t.Errorf("the link ended with %q", c.link.end())
		}
		w.publish("news", "1")
		same(t, "the other", data(d.next(), "news"), []string{"1"})
		s := w.bus.Stats()
		if s.Connections["websocket"] != 1 || s.Subscriptions != 1 || s.ActorFailures != 1 || s.ActorRestarts != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestALinkThatPanicsInAShardHarmsNobody(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		d := w.connectOnShardOf(c)
		c.subscribe("news", nil)
		d.subscribe("news", nil)
		c.link.onWake = func() { panic("a link that fails") }
		w.publishNumbers("news", 1, 3)
		same(t, "the other", data(d.next(), "news"), numbers(1, 3))
		if s := w.bus.Stats(); s.ActorFailures == 0 {
			t.Error("the panic was not counted")
		}
	})
}
