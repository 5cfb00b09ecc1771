package actors

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/protocol"
)

// B54: one client may hold protocol.MaxSubscriptions channels, and what it leaves behind by turning over many more is
// forgotten.
func TestB54_ManyChannelsOfOneClient(t *testing.T) {
	for _, transport := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		t.Run(transport, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				c := w.connectOver(transport, "")
				held := func(i int) protocol.Channel { return protocol.Channel(fmt.Sprint("held/", i)) }
				ask := func(f protocol.ClientFrame) protocol.ServerFrame {
					for { // as fast as the rates allow, no faster
						answer, _ := c.ask(f)
						if answer.Code != protocol.CodeRateLimited {
							return answer
						}
						w.pass(100 * time.Millisecond)
					}
				}
				for i := range protocol.MaxSubscriptions {
					if got := ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: held(i)}); got.Type != protocol.TypeSubscribed {
						t.Fatalf("channel %d: got %+v", i+1, got)
					}
				}
				if got := ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "one/more"}); got.Code != protocol.CodeLimitExceeded {
					t.Errorf("one too many: got %+v", got)
				}
				if got := ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: held(0)}); got.Type != protocol.TypeSubscribed {
					t.Errorf("one of its own again: got %+v", got)
				}
				ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: held(0)})
				for i := range 300 {
					name := protocol.Channel(fmt.Sprint("turn/", i))
					if got := ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: name}); got.Type != protocol.TypeSubscribed {
						t.Fatalf("%s: got %+v", name, got)
					}
					ask(protocol.ClientFrame{Type: protocol.TypeUnsubscribe, Channel: name})
				}
				ask(protocol.ClientFrame{Type: protocol.TypePing, Received: &c.received})
				w.pass(5 * time.Minute)
				if s := w.bus.Stats(); s.Channels != protocol.MaxSubscriptions-1 || s.Subscriptions != protocol.MaxSubscriptions-1 {
					t.Errorf("%d channels and %d subscriptions are left", s.Channels, s.Subscriptions)
				}
			})
		})
	}
}

// B94: one identity may have so many parked sessions; the oldest end, others' do not, and what they held is free.
func TestB94_ManyParkedSessionsOfOneIdentity(t *testing.T) {
	for _, transport := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		t.Run(transport, func(t *testing.T) {
			inBubble(t, withTokens(t, usual), func(w *world) {
				join := func(user string) *client {
					c, err := w.open(protocol.Peer{Transport: transport}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: sign(t, user, time.Hour)})
					if err != nil {
						t.Fatal(err)
					}
					return c
				}
				other := join("u2")
				other.subscribe("inbox/u2", nil)
				other.cut()
				var list []*client
				const per = 10 // Config.ParkedPerIdentity
				for range 500 {
					c := join("u1")
					c.subscribe("inbox/u1", nil)
					c.cut()
					list = append(list, c)
				}
				w.settle()
				if s := w.bus.Stats(); s.Parked != per+1 || s.Evicted != 500-per || s.Subscriptions != per+1 || w.bus.registry.len() != per+1 {
					t.Errorf("parked %d, evicted %d, subscriptions %d, kept %d", s.Parked, s.Evicted, s.Subscriptions, w.bus.registry.len())
				}
				token := sign(t, "u1", time.Hour)
				for i, c := range list {
					_, err := w.bus.Find(c.session, protocol.Peer{Transport: transport, Token: token})
					if kept := err == nil; kept != (i >= 500-per) {
						t.Fatalf("parked as number %d of 500: kept %v (%v)", i+1, kept, err)
					}
					if err != nil && !errors.Is(err, &protocol.Error{Code: protocol.CodeSessionGone}) {
						t.Fatalf("got %v", err)
					}
				}
			})
		})
	}
}

// B123: a client that asks for history again and again, and reads nothing, makes the node hold a page or two for it and no
// more. When it reads it gets every answer, in order.
func TestB123_HistoryThatIsAskedForAndNotRead(t *testing.T) {
	for _, transport := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		t.Run(transport, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				for range 20 {
					w.publish("news", `"`+strings.Repeat("x", 10_000)+`"`)
				}
				c := w.connectOver(transport, "")
				c.link.stall(true)
				const asked = 40
				for i := range asked {
					c.say(protocol.ClientFrame{Type: protocol.TypeHistory, ID: uint64(i + 1), Channel: "news"})
					w.settle()
				}
				if _, bytes := c.conn.Outbox().Waiting(); bytes > 2*protocol.RecoveryPageBytes {
					t.Errorf("%d bytes wait for a client that reads nothing, want at most %d", bytes, 2*protocol.RecoveryPageBytes)
				}
				c.link.stall(false)
				got := c.next()
				if len(got) != asked || c.link.end() != "" {
					t.Fatalf("%d answers of %d, the link ended with %q", len(got), asked, c.link.end())
				}
				for i, f := range got {
					if f.ID != uint64(i+1) || len(f.Messages) == 0 {
						t.Fatalf("answer %d is %d, with %d messages", i+1, f.ID, len(f.Messages))
					}
				}
			})
		})
	}
}
