package actors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"tidings/access"
	"tidings/protocol"
)

func TestRatesAtTheLimitAndBeyond(t *testing.T) {
	for _, row := range []struct {
		name      string
		frame     protocol.ClientFrame
		burst     int
		perSecond int
	}{
		{"commands", protocol.ClientFrame{Type: protocol.TypePing}, 100, 50},
		{"subscribes", protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "news"}, 128, 20},
		{"publishes", protocol.ClientFrame{Type: protocol.TypePublish, Channel: "news", Data: []byte("1")}, 100, 50},
	} {
		inBubble(t, nil, func(w *world) {
			c := w.connect()
			say := func(n int) (refused int) {
				for range n {
					c.id++
					row.frame.ID = c.id
					c.say(row.frame)
					w.settle()
				}
				for _, code := range codes(c.next()) {
					if code == protocol.CodeRateLimited {
						refused++
					}
				}
				return refused
			}
			if n := say(row.burst); n != 0 {
				t.Errorf("%s: %d of the first %d were refused", row.name, n, row.burst)
			}
			if n := say(1); n != 1 {
				t.Errorf("%s: number %d was taken", row.name, row.burst+1)
			}
			w.pass(time.Second)
			if n := say(row.perSecond); n != 0 {
				t.Errorf("%s: after a second %d of %d were refused", row.name, n, row.perSecond)
			}
			if n := say(1); n != 1 {
				t.Errorf("%s: more than %d in a second were taken", row.name, row.perSecond)
			}
		})
	}
}

func TestTooManyErrorsAreFinal(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		fault := &protocol.Error{Code: protocol.CodeBadJSON, Reason: "not JSON", Hint: "Send JSON."}
		for range protocol.MaxErrors {
			c.conn.Fault(c.gen, nil, fault)
		}
		if got := codes(c.next()); len(got) != protocol.MaxErrors || c.link.end() != "" {
			t.Fatalf("%d errors were told, the link ended with %q", len(got), c.link.end())
		}
		w.pass(protocol.ErrorWindow)
		for range protocol.MaxErrors {
			c.conn.Fault(c.gen, nil, fault)
		}
		if c.next(); c.link.end() != "" {
			t.Fatalf("20 errors in each of two windows: the link ended with %q", c.link.end())
		}
		c.conn.Fault(c.gen, nil, fault)
		w.settle()
		if c.link.end() != protocol.CodeTooManyErrors || c.link.farewell().Frame.Retry {
			t.Errorf("error 21: the link ended with %q", c.link.end())
		}
		if s := w.bus.Stats(); s.Parked != 0 {
			t.Error("it is parked")
		}
	})
}

// F66: a page that asks for what it may not have is answered each time, and keeps what it may have. A flood is slowed down.
func TestF66_RefusedRequestsEndNothing(t *testing.T) {
	rules := access.Rules{Channels: []access.Rule{
		{Pattern: "open/**", Subscribe: access.Anyone, Publish: access.Anyone},
		{Pattern: "no/**", Subscribe: access.Nobody, Publish: access.Nobody},
	}}
	for _, row := range []struct {
		name string
		ask  func(i int) protocol.ClientFrame
		want protocol.Code
	}{
		{"subscribe", func(i int) protocol.ClientFrame {
			return protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: protocol.Channel(fmt.Sprint("no/", i))}
		}, protocol.CodeForbidden},
		{"history", func(int) protocol.ClientFrame {
			return protocol.ClientFrame{Type: protocol.TypeHistory, Channel: "no/1"}
		}, protocol.CodeForbidden},
		{"publish", func(int) protocol.ClientFrame {
			return protocol.ClientFrame{Type: protocol.TypePublish, Channel: "no/1", Data: []byte("1")}
		}, protocol.CodeForbidden},
		{"presence", func(int) protocol.ClientFrame {
			return protocol.ClientFrame{Type: protocol.TypePresence, Channel: "open/1"}
		}, protocol.CodeForbidden},
		{"unsubscribe", func(int) protocol.ClientFrame {
			return protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: "no/1"}
		}, protocol.CodeNotSubscribed},
		{"call", func(int) protocol.ClientFrame {
			return protocol.ClientFrame{Type: protocol.TypeCall, Method: "no"}
		}, protocol.CodeUnsupported},
		{"refresh", func(int) protocol.ClientFrame {
			return protocol.ClientFrame{Type: protocol.TypeRefresh, Token: "no"}
		}, protocol.CodeUnsupported},
	} {
		for _, transport := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
			t.Run(row.name+" over "+transport, func(t *testing.T) {
				inBubble(t, func(c *Config) { c.Rules = rules }, func(w *world) {
					c := w.connectOver(transport, "")
					c.subscribe("open/x", nil)
					refused, slowed := 0, 0
					for i := range 10 * protocol.MaxErrors {
						f := row.ask(i)
						answer, _ := c.ask(f)
						switch answer.Code {
						case row.want:
							refused++
						case protocol.CodeRateLimited:
							slowed++
						default:
							t.Fatalf("request %d was answered %+v, want %s or rate_limited", i+1, answer, row.want)
						}
					}
					if refused <= protocol.MaxErrors || slowed == 0 {
						t.Errorf("of 200 at once %d were refused and %d slowed down, want more than 20 and some", refused, slowed)
					}
					w.publish("open/x", "1")
					same(t, "what is allowed goes on", data(c.next(), "open/x"), numbers(1, 1))
					if end := c.link.end(); end != "" {
						t.Errorf("the link ended with %q", end)
					}
				})
			})
		}
	}
}

// A failing broker is not the client's fault.
func TestFailuresOfTheServerDoNotCountAsErrors(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		f.before(func(context.Context, string) error { return errDown })
		c := w.connect()
		for range 50 {
			c.ask(protocol.ClientFrame{Type: protocol.TypePublish, Channel: "news", Data: []byte("1")})
		}
		if c.link.end() != "" {
			t.Errorf("the link ended with %q", c.link.end())
		}
	})
}

// A fast publisher that is told to go more slowly, and repeats, is not thrown out.
func TestErrorsThatSayRetryDoNotCount(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		for range int(publishRate.Burst) + 5*protocol.MaxErrors {
			c.id++
			c.say(protocol.ClientFrame{Type: protocol.TypePublish, ID: c.id, Channel: "news", Data: []byte("1")})
			w.settle()
		}
		if got := codes(c.next()); len(got) != 5*protocol.MaxErrors || got[0] != protocol.CodeRateLimited {
			t.Errorf("%d errors were told, want %d", len(got), 5*protocol.MaxErrors)
		}
		if c.link.end() != "" {
			t.Fatalf("the link ended with %q", c.link.end())
		}
		w.pass(time.Second)
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypePublish, Channel: "news", Data: []byte("1")}); answer.Type != protocol.TypeReply {
			t.Errorf("after a second it is answered %+v", answer)
		}
		fault := &protocol.Error{Code: protocol.CodeBadJSON, Reason: "not JSON", Hint: "Send JSON."}
		for range protocol.MaxErrors + 1 {
			c.conn.Fault(c.gen, nil, fault)
		}
		w.settle()
		if c.link.end() != protocol.CodeTooManyErrors {
			t.Errorf("errors that count are counted alone: the link ended with %q", c.link.end())
		}
	})
}

func TestFramesThatWaitAreBounded(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		gate := make(chan struct{})
		c.link.onWake = func() { <-gate } // the actor waits in its flush: nothing is handled
		c.say(protocol.ClientFrame{Type: protocol.TypePing})
		w.settle()
		var refused error
		taken := 0
		for range 20 {
			if err := c.conn.Receive(c.gen, make([]protocol.ClientFrame, protocol.MaxFrames)); err != nil {
				refused = err
				break
			}
			taken++
		}
		if taken != 8 || !errors.Is(refused, &protocol.Error{Code: protocol.CodeRateLimited}) {
			t.Errorf("%d messages were taken, then %v", taken, refused)
		}
		close(gate)
	})
}

func TestPublishesThatWaitAreBounded(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, func(c *Config) { c.MaxPendingPublishes = 3 }), func(w *world) {
		gate := make(chan struct{})
		f.before(func(context.Context, string) error { <-gate; return nil })
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1")}); err != nil {
					t.Error(err)
				}
			})
		}
		w.settle()
		if _, err := w.bus.Publish(context.Background(), Publish{Channel: "news", Data: []byte("1")}); !errors.Is(err, &protocol.Error{Code: protocol.CodeOverloaded}) {
			t.Errorf("the fourth of three: %v", err)
		}
		close(gate)
		wg.Wait()
	})
}

// The requests of one connection that wait for the broker are bounded too, and each is answered.
func TestRequestsOfOneConnectionThatWaitAreBounded(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		gate := make(chan struct{})
		f.before(func(context.Context, string) error { <-gate; return nil })
		c := w.connect()
		for range 80 {
			c.id++
			c.say(protocol.ClientFrame{Type: protocol.TypePublish, ID: c.id, Channel: "news", Data: []byte("1")})
		}
		got := codes(c.next())
		if len(got) != 80-maxJobs-1 || got[0] != protocol.CodeOverloaded {
			t.Errorf("%d were refused: %v", len(got), got)
		}
		close(gate)
		if n := len(only(c.next(), protocol.TypeReply)); n != maxJobs+1 {
			t.Errorf("%d were answered", n)
		}
	})
}

func TestPingReportsWhatWasReceived(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		w.publishNumbers("news", 1, 3)
		c.next()
		n, tooMany := uint64(4), uint64(5)
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypePing, Received: &n}); answer.Type != protocol.TypePong {
			t.Errorf("got %+v", answer)
		}
		if answer, _ := c.ask(protocol.ClientFrame{Type: protocol.TypePing, Received: &tooMany}); answer.Code != protocol.CodeBadCursor {
			t.Errorf("more than was sent: %+v", answer)
		}
		c.cut()
		if d := c.resumeWith(3); d.resumed {
			t.Error("what was reported as received is still kept")
		}
	})
}

func TestAMessageRefusedAsAWholeAnswersEachRequestAndIsOneError(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		fault := &protocol.Error{Code: protocol.CodeBadChannel, Reason: "not a channel", Hint: "Another name."}
		for range protocol.MaxErrors {
			c.conn.Fault(c.gen, []uint64{7, 8}, fault)
		}
		got := c.next()
		if len(got) != 2*protocol.MaxErrors || got[0].ID != 7 || got[1].ID != 8 || got[1].Code != protocol.CodeBadChannel {
			t.Fatalf("%d answers, the first %+v", len(got), got[:min(len(got), 2)])
		}
		if c.link.end() != "" {
			t.Errorf("the link ended with %q", c.link.end())
		}
	})
}
