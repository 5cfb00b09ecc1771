package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"tidings/access"
	"tidings/actors/fanout"
	"tidings/protocol"
)

// Between a check and its use the world may change. Each story here holds the bus at such a place, changes the world, and
// goes on.

// openOrNot is rules under which a channel is open, or forbidden.
func openOrNot(subscribe, presence access.Allowance) access.Rules {
	return access.Rules{Channels: []access.Rule{{Pattern: "dm/**", Subscribe: subscribe, Presence: presence}}}
}

// What a client may not see any more when the broker has answered, it is not told.
func TestAnAnswerThatBecameForbiddenWhileTheBrokerWasAsked(t *testing.T) {
	history := protocol.ClientFrame{Type: protocol.TypeHistory, Channel: "dm/ann"}
	members := protocol.ClientFrame{Type: protocol.TypePresence, Channel: "dm/ann"}
	for _, row := range []struct {
		name   string
		ask    protocol.ClientFrame
		rules  access.Rules
		grant  bool
		change func(w *world)
		want   protocol.Code
	}{
		{"history, and nothing changes", history, openOrNot(access.User, access.User), false, func(*world) {}, ""},
		{"history, and other rules", history, openOrNot(access.User, access.User), false, func(w *world) {
			w.bus.SetRules(openOrNot(access.Nobody, access.User))
		}, protocol.CodeForbidden},
		{"history, and a grant is taken away", history, openOrNot(access.Nobody, access.Nobody), true, func(w *world) {
			w.bus.Ungrant(Whom{User: "ann"}, []protocol.Channel{"dm/ann"})
		}, protocol.CodeForbidden},
		{"presence, and nothing changes", members, openOrNot(access.User, access.User), false, func(*world) {}, ""},
		{"presence, and other rules for the channel", members, openOrNot(access.User, access.User), false, func(w *world) {
			w.bus.SetRules(openOrNot(access.Nobody, access.User))
		}, protocol.CodeForbidden},
		{"presence, and other rules for its members", members, openOrNot(access.User, access.User), false, func(w *world) {
			w.bus.SetRules(openOrNot(access.User, access.Nobody))
		}, protocol.CodeForbidden},
		{"who comes and goes, and other rules for the channel", protocol.ClientFrame{Type: protocol.TypePresence, Channel: "dm/ann", Users: protocol.UsersIn},
			openOrNot(access.User, access.User), false, func(w *world) { w.bus.SetRules(openOrNot(access.Nobody, access.User)) }, protocol.CodeForbidden},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := &faulty{}
			inBubble(t, withFaults(f, withTokens(t, row.rules)), func(w *world) {
				c := w.signIn(sign(t, "ann", time.Hour), "")
				first := w.publish("dm/ann", `"secret"`)
				w.publish("dm/ann", `"another"`)
				if row.grant {
					w.bus.Grant(Whom{User: "ann"}, []protocol.Channel{"dm/ann"})
				}
				if row.ask.Users != "" {
					c.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: row.ask.Channel})
				}
				w.settle()
				c.next()
				gate := make(chan struct{})
				f.before(func(_ context.Context, call string) error {
					if call == "history" || call == "members" {
						<-gate
					}
					return nil
				})
				ask := row.ask
				if ask.ID = 7; ask.Type == protocol.TypeHistory {
					ask.Since = &first
				}
				c.say(ask)
				w.settle()
				row.change(w)
				w.settle()
				close(gate)
				f.before(nil)
				var answer *protocol.ServerFrame
				for _, got := range c.next() {
					if got.ID == 7 {
						answer = &got
					}
				}
				if answer == nil || answer.Code != row.want || row.want != "" && (len(answer.Messages) > 0 || answer.Count != nil) {
					t.Errorf("answered %+v, want code %q", answer, row.want)
				}
			})
		})
	}
}

// Who may see the members of a channel must also be allowed to hear it, however it asks.
func TestMembersOfAForbiddenChannelAreNotShown(t *testing.T) {
	inBubble(t, withTokens(t, openOrNot("role:staff", access.User)), func(w *world) {
		c := w.signIn(sign(t, "ann", time.Hour), "")
		for _, ask := range []protocol.ClientFrame{
			{Type: protocol.TypePresence, Channel: "dm/bob"},
			{Type: protocol.TypeSubscribe, Channel: "dm/bob", Users: protocol.UsersAll},
		} {
			if answer, _ := c.ask(ask); answer.Code != protocol.CodeForbidden {
				t.Errorf("%s: answered %+v, want forbidden", ask.Type, answer)
			}
		}
		staff := w.signIn(signAs(t, "eve", map[string]any{"roles": []string{"staff"}}), "")
		if answer, _ := staff.ask(protocol.ClientFrame{Type: protocol.TypeSubscribe, Channel: "dm/bob", Users: protocol.UsersAll}); answer.Code != "" {
			t.Errorf("who may hear it: answered %+v", answer)
		}
	})
}

// The loss of a link that a newer one has replaced parks nobody.
func TestTheLateLossOfAnOlderLinkParksNobody(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		newer := c.resume()
		if !newer.resumed {
			t.Fatal("not resumed")
		}
		w.bus.send(newer.conn.pid, detached{gen: c.gen, code: ""})
		w.settle()
		if s := w.bus.Stats(); s.Parked != 0 || s.Connections[protocol.WebSocket] != 1 {
			t.Errorf("parked %d, connected %d; want 0 and 1", s.Parked, s.Connections[protocol.WebSocket])
		}
	})
}

// All recoveries that wait for space in one outbox are called when there is some, each once.
func TestAllThatWaitForSpaceAreCalled(t *testing.T) {
	var list waitlist
	list.add(nil, "one")
	list.add(nil, "two")
	var got []any
	for range 2 {
		for _, each := range list.take() {
			got = append(got, each.message)
		}
	}
	if want := []any{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("called %q, want %q", got, want)
	}
}

// A body of POST /bus/send that was refused because too much waits was not taken: the same number is applied when it comes
// again.
func TestABodyThatWasRefusedForNowIsTakenLater(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.SSE, "")
		body := &protocol.Send{Seq: 1, Frames: []protocol.ClientFrame{{Type: protocol.TypeSubscribe, ID: 5, Channel: "news"}}}
		c.conn.pending.Store(maxPendingFrames)
		for range 2 {
			if err := c.conn.Send(t.Context(), body); !errors.Is(err, &protocol.Error{Code: protocol.CodeRateLimited}) {
				t.Fatalf("with %d frames pending: %v, want rate_limited", maxPendingFrames, err)
			}
		}
		c.conn.pending.Store(0)
		for range 2 { // and a repetition is answered like the first
			if err := c.conn.Send(t.Context(), body); err != nil {
				t.Fatalf("when there is space: %v", err)
			}
		}
		if got := c.next(); len(got) != 1 || got[0].Type != protocol.TypeSubscribed || got[0].ID != 5 {
			t.Errorf("got %+v, want one answer to the subscribe", got)
		}
	})
}

// inline runs an actor on the goroutine that sends to it, so that what it does lies between two lines of the sender.
type inline struct{}

func (inline) Schedule(fn func()) { fn() }
func (inline) Throughput() int    { return 300 }

// A token that is revoked after its connection's actor has looked, and before the connection can be found: whoever revokes
// finds no connection to end, and the connection ends all the same.
func TestATokenThatIsRevokedBeforeItsConnectionCanBeFound(t *testing.T) {
	tell := func(Event) {}
	inBubble(t, func(c *Config) {
		withTokens(t, usual)(c)
		c.Hooks.Tell = func(e Event) { tell(e) }
	}, func(w *world) {
		w.bus.sessionProps.Configure(actor.WithDispatcher(inline{}))
		revoked := 0
		tell = func(e Event) {
			if e.What == EventConnected { // its actor has looked whether the token is revoked
				if did, err := w.bus.RevokeUser("u1"); err != nil || did.Connections != 0 {
					t.Errorf("revoking found %+v, %v; want no connection yet", did, err)
				}
				revoked++
			}
		}
		l := &link{}
		if _, _, err := w.bus.Open(t.Context(), protocol.Peer{}, &protocol.ClientFrame{Type: protocol.TypeConnect, Token: sign(t, "u1", time.Hour)}, l); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if got := l.end(); revoked != 1 || got != protocol.CodeUnauthorized {
			t.Errorf("revoked %d times; the connection ended with %q, want once and %q", revoked, got, protocol.CodeUnauthorized)
		}
	})
}

// A read that was put off because much was on its way is taken up when there is less: when the lanes have drained, or by
// whatever reads next, should they have drained before anybody waited for it.
func TestAReadThatWasPutOffIsTakenUp(t *testing.T) {
	const much = fanout.MaxInFlight / 2
	for _, row := range []struct {
		name  string
		drain func(w *world, e *entry, since protocol.Position)
	}{
		{"the lanes drain", func(_ *world, e *entry, _ protocol.Position) { e.traffic.Done(much) }},
		{"the lanes drain while a read is put off", func(w *world, e *entry, since protocol.Position) {
			low := e.traffic.Low
			e.traffic.Low = func() {} // nobody waited yet
			e.traffic.Done(much)
			e.traffic.Low = low
			w.connect().say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "news", Since: &since})
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				first := w.publish("news", "1")
				w.publish("news", "2")
				w.connect().subscribe("news", nil)
				e := w.bus.router.find("news")
				e.traffic.Add(much)
				c := w.connect()
				c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 7, Channel: "news", Since: &first})
				if got := c.next(); len(got) != 0 {
					t.Fatalf("with %d on their way it got %+v, want nothing yet", much, got)
				}
				row.drain(w, e, first)
				if got := c.next(); len(got) < 2 || got[0].ID != 7 || got[0].Type != protocol.TypeSubscribed || data(got, "news")[0] != "2" {
					t.Errorf("got %+v, want the answer and message 2", got)
				}
			})
		})
	}
}

// A client that subscribes what the server put it in, while that recovers after a failure of its channel, is told how far
// it was brought itself, and not how far the channel is: else it would skip what is still to come.
func TestAnAdoptedSubscriptionIsToldItsOwnPosition(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, withTokens(t, usual)), func(w *world) {
		c := w.signIn(sign(t, "u1", time.Hour), "")
		w.bus.Grant(Whom{User: "u1"}, []protocol.Channel{"feed"})
		big := strings.Repeat("x", 4000)
		publish := func(from, to int) (top protocol.Position) {
			for i := from; i <= to; i++ {
				top = w.publish("feed", fmt.Sprintf(`"%d %s"`, i, big))
			}
			return top
		}
		publish(1, 2)
		c.next()
		f.losing(func(*protocol.Message) bool { return true })
		top := publish(3, 500) // nobody here hears of them
		f.losing(nil)
		c.link.stall(true) // its recovery stops when the outbox is full
		f.poison("feed")
		w.pass(time.Minute)
		c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 9, Channel: "feed"})
		w.settle()
		c.link.stall(false)
		told, heard := false, uint64(2) // offsets
		for _, got := range c.next() {
			switch {
			case got.Type == protocol.TypeMessage && got.Msg.Offset == heard+1:
				heard++
			case got.Type == protocol.TypeMessage:
				t.Fatalf("heard message %d after %d", got.Msg.Offset, heard)
			case got.Type == protocol.TypeSubscribed && got.ID == 9:
				if told = true; got.Position.Offset != heard || heard == 2 || heard == top.Offset {
					t.Errorf("it is told that it is at %d; it was brought up to %d, of %d", got.Position.Offset, heard, top.Offset)
				}
			}
		}
		if !told || heard != top.Offset {
			t.Errorf("answered: %v; it heard up to message %d, want %d", told, heard, top.Offset)
		}
	})
}
