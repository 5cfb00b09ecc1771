package actors

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"tidings/protocol"
)

func TestResumeLosesNothingAndRepeatsNothing(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		w.publishNumbers("news", 1, 5)
		got := data(c.next(), "news")
		c.link.stall(true) // 6 and 7 lie in the outbox when the link is cut
		w.publishNumbers("news", 6, 7)
		c.cut()
		w.publishNumbers("news", 8, 9)
		w.pass(29 * time.Second)
		d := c.resume()
		if !d.resumed || d.session != c.session || d.gen != 2 {
			t.Fatalf("resumed %v, generation %d", d.resumed, d.gen)
		}
		w.publish("news", "10")
		got = append(got, data(d.next(), "news")...)
		same(t, "across the cut", got, numbers(1, 10))
	})
}

// A link that took frames which never arrived: the client's count says so.
func TestResumeGoesOnWithWhatWasNotReceived(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		w.publishNumbers("news", 1, 9)
		c.next()
		c.cut()
		d := c.resumeWith(4) // subscribed and three messages
		same(t, "from the fourth on", data(d.next(), "news"), numbers(4, 9))
	})
}

func TestResumeWithACountThatCannotBeStartsAnew(t *testing.T) {
	for name, count := range map[string]func(c *client) uint64{
		"more than was sent": func(c *client) uint64 { return c.received + 1 },
		"already forgotten":  func(c *client) uint64 { return 1 },
	} {
		inBubble(t, nil, func(w *world) {
			c := w.connect()
			c.subscribe("news", nil)
			w.publishNumbers("news", 1, 9)
			c.next()
			received := c.received
			c.say(protocol.ClientFrame{Type: protocol.TypePing, ID: 9, Received: &received})
			c.next()
			c.cut()
			d := c.resumeWith(count(c))
			if d.resumed || d.session == c.session {
				t.Errorf("%s: resumed %v", name, d.resumed)
			}
			w.settle()
			w.publish("news", "10")
			if got := d.next(); len(got) != 0 {
				t.Errorf("%s: something of the old session is left: %v", name, got)
			}
			if s := w.bus.Stats(); s.Parked != 0 || s.Subscriptions != 0 {
				t.Errorf("%s: the old session goes on: %+v", name, s)
			}
		})
	}
}

func TestAParkedConnectionEndsWhenItsTimeIsOver(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		c.cut()
		w.pass(29 * time.Second)
		if s := w.bus.Stats(); s.Parked != 1 || s.Subscriptions != 1 {
			t.Errorf("after 29 s: %d parked, %d subscriptions", s.Parked, s.Subscriptions)
		}
		w.pass(2 * time.Second)
		if s := w.bus.Stats(); s.Parked != 0 || s.Subscriptions != 0 {
			t.Errorf("after 31 s: %d parked, %d subscriptions", s.Parked, s.Subscriptions)
		}
		if d := c.resume(); d.resumed {
			t.Error("resumed after the end")
		}
	})
}

// A second park has its full time, whatever is left of an earlier one.
func TestEachParkHasItsFullTime(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		for range 4 {
			c.cut()
			w.pass(20 * time.Second)
			if c = c.resume(); !c.resumed {
				t.Fatal("not resumed after 20 s")
			}
			c.next()
		}
	})
}

func TestOfTwoRacingResumesOneWins(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		for range 50 {
			c := w.connect()
			c.subscribe("news", nil)
			c.next()
			links := [2]*link{{}, {}}
			var gens [2]uint64
			var wg sync.WaitGroup
			for i, l := range links {
				wg.Go(func() {
					received := c.received
					conn, gen, err := w.bus.Open(context.Background(), protocol.Peer{Transport: protocol.WebSocket}, &protocol.ClientFrame{Type: protocol.TypeConnect, Session: c.session, Received: &received}, l)
					if err != nil || conn != c.conn {
						t.Errorf("open: %v", err)
					}
					gens[i] = gen
				})
			}
			wg.Wait()
			w.settle()
			winner := 0
			if gens[1] > gens[0] {
				winner = 1
			}
			if links[winner].end() != "" || links[1-winner].end() != protocol.CodeSuperseded || c.link.end() != protocol.CodeSuperseded {
				t.Fatalf("ends: winner %q, loser %q, the old one %q", links[winner].end(), links[1-winner].end(), c.link.end())
			}
			w.publish("news", "1")
			w.settle()
			if frames := c.conn.Outbox().Take(gens[1-winner], nil, 10, 1<<20); len(frames) != 0 {
				t.Fatal("the fenced link gets frames")
			}
			if frames := c.conn.Outbox().Take(gens[winner], nil, 10, 1<<20); len(frames) != 2 {
				t.Fatalf("the winner gets %d frames, want connected and the message", len(frames))
			}
			c.conn.Lost(gens[1-winner], "")
			w.settle()
			if s := w.bus.Stats(); s.Parked != 0 {
				t.Fatal("the fenced link's loss parked the connection")
			}
			c.conn.Lost(gens[winner], protocol.CodeProtocolError) // ends it
		}
	})
}

// A request of a link that its client gave up long ago may still arrive, after a newer one took the session up.
func TestALateResumeDoesNotFenceTheLiveLink(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		resume := func(generation, attempt uint64) (*link, error) {
			l, received := &link{}, c.received
			_, _, err := w.bus.Open(context.Background(), protocol.Peer{Transport: protocol.Poll}, &protocol.ClientFrame{
				Type: protocol.TypeConnect, Session: c.session, Received: &received, Generation: generation, Attempt: attempt, Fallback: protocol.FallbackUnproven}, l)
			w.settle()
			return l, err
		}
		live, err := resume(1, 3)
		if err != nil || c.link.end() != protocol.CodeSuperseded {
			t.Fatal(err, c.link.end())
		}
		for _, late := range []uint64{2, 3} {
			var fault *protocol.Error
			if _, err := resume(1, late); !errors.As(err, &fault) || fault.Code != protocol.CodeSuperseded {
				t.Errorf("attempt %d: %v", late, err)
			}
		}
		if live.end() != "" {
			t.Fatalf("the live link ended with %q", live.end())
		}
		// Its answer was lost: the next attempt knows no newer generation.
		next, err := resume(1, 4)
		if err != nil || live.end() != protocol.CodeSuperseded {
			t.Fatal(err, live.end())
		}
		// Another tab that goes on with the session counts its own attempts.
		if _, err := resume(3, 1); err != nil || next.end() != protocol.CodeSuperseded {
			t.Fatal(err, next.end())
		}
		// A client that says no attempt is taken at its word.
		if _, err := resume(0, 0); err != nil {
			t.Fatal(err)
		}
	})
}

// What a fenced transport still says is dropped: its client says it again over the newer one.
func TestFramesOfAFencedLinkAreDropped(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		d := c.resume()
		c.say(protocol.ClientFrame{Type: protocol.TypePublish, ID: 1, Channel: "news", Data: []byte("1")}, protocol.ClientFrame{Type: protocol.TypeDisconnect})
		c.conn.Fault(c.gen, nil, errRate)
		if got := d.next(); len(got) != 0 {
			t.Errorf("answers: %v", got)
		}
		if s := w.bus.Stats(); s.Published != 0 || s.Connections["websocket"] != 1 {
			t.Errorf("published %d, connections %v", s.Published, s.Connections)
		}
	})
}

// What arrived before the link was lost is handled.
func TestFramesBeforeALossAreHandled(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.say(protocol.ClientFrame{Type: protocol.TypePublish, ID: 1, Channel: "news", Data: []byte("1")})
		c.conn.Lost(c.gen, "")
		w.settle()
		if s := w.bus.Stats(); s.Published != 1 || s.Parked != 1 {
			t.Errorf("published %d, parked %d", s.Published, s.Parked)
		}
	})
}

func TestAConnectionChangesItsTransport(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		w.publish("news", "1")
		got := data(c.next(), "news")
		for i, transport := range []string{protocol.SSE, protocol.Poll, protocol.WebSocket, protocol.SSE} {
			c.transport = transport
			c = c.resume()
			if s := w.bus.Stats(); s.Connections[transport] != 1 {
				t.Errorf("after the change to %s: %v", transport, s.Connections)
			}
			w.publish("news", numbers(2, 9)[i])
			got = append(got, data(c.next(), "news")...)
		}
		same(t, "across all transports", got, numbers(1, 5))
	})
}

func TestPollsFollowEachOther(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.Poll, "")
		c.subscribe("news", nil)
		peer := protocol.Peer{Transport: protocol.Poll}
		poll := func(received uint64) (*client, error) {
			conn, err := w.bus.Find(c.session, peer)
			if err != nil {
				return nil, err
			}
			d := &client{w: w, link: &link{}, session: c.session, received: received}
			gen, err := conn.Poll(d.link, pollAfter(received))
			if err == nil {
				d.use(conn, gen)
			}
			return d, err
		}
		w.publish("news", "1")
		c.next()
		d, err := poll(c.received)
		if err != nil || c.link.end() != protocol.CodeSuperseded {
			t.Fatalf("the next poll: %v; the last one ended with %q", err, c.link.end())
		}
		w.publish("news", "2")
		same(t, "the second poll", data(d.next(), "news"), []string{"2"})
		if _, err := poll(99); !errors.Is(err, &protocol.Error{Code: protocol.CodeBadCursor}) {
			t.Errorf("more than was sent: %v", err)
		}
		again, err := poll(c.received) // the answer was lost
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the repeated poll", data(again.next(), "news"), []string{"2"})
		again.cut()
		w.pass(20 * time.Second)
		last, err := poll(again.received)
		if err != nil {
			t.Fatalf("after 20 s without a poll: %v", err)
		}
		last.cut()
		w.pass(31 * time.Second)
		if _, err := poll(again.received); !errors.Is(err, errGone) {
			t.Errorf("after the park: %v", err)
		}
		ws := w.connect()
		if _, err := ws.conn.Poll(&link{}, pollAfter(0)); !errors.Is(err, &protocol.Error{Code: protocol.CodeWrongTransport}) {
			t.Errorf("a poll of a WebSocket's session: %v", err)
		}
	})
}

func TestGoodbyeEndsTheConnectionAtOnce(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connect()
		c.subscribe("news", nil)
		c.say(protocol.ClientFrame{Type: protocol.TypeDisconnect}, protocol.ClientFrame{Type: protocol.TypePublish, ID: 1, Channel: "news", Data: []byte("1")})
		w.settle()
		if s := w.bus.Stats(); s.Connections["websocket"] != 0 || s.Parked != 0 || s.Subscriptions != 0 || s.Published != 0 {
			t.Errorf("after goodbye: %+v", s)
		}
		if c.link.end() != "none" {
			t.Errorf("the link ended with %q", c.link.end())
		}
		if err := c.conn.Receive(c.gen, nil); !errors.Is(err, errGone) {
			t.Errorf("receive after goodbye: %v", err)
		}
		if _, err := w.bus.Find(c.session, protocol.Peer{}); !errors.Is(err, errGone) {
			t.Errorf("find after goodbye: %v", err)
		}
	})
}

// What the client did wrong is final: it will not come back, so nothing is parked.
func TestALossWithAFinalCodeEndsTheConnection(t *testing.T) {
	for code, parked := range map[protocol.Code]int{
		"": 1, protocol.CodeHeartbeatTimeout: 1, protocol.CodeRotated: 1, protocol.CodeSlowConsumer: 1,
		protocol.CodeBadUTF8: 0, protocol.CodeTooLarge: 0,
	} {
		inBubble(t, nil, func(w *world) {
			c := w.connect()
			c.conn.Lost(c.gen, code)
			c.conn.Lost(c.gen, code)
			w.settle()
			if s := w.bus.Stats(); s.Parked != parked {
				t.Errorf("%q: %d parked, want %d", code, s.Parked, parked)
			}
		})
	}
}

// A poll that found the connection before its end, or comes after it, is told why it ended, and not that it is merely
// gone: then it would come back.
func TestAPollIsToldTheFinalWord(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.Poll, "")
		conn, err := w.bus.Find(c.session, protocol.Peer{Transport: protocol.Poll})
		if err != nil {
			t.Fatal(err)
		}
		for range protocol.MaxErrors + 1 {
			c.conn.Fault(c.gen, []uint64{9}, &protocol.Error{Code: protocol.CodeBadChannel, Reason: "no channel", Hint: "Another name."})
		}
		w.settle()
		final := &protocol.Error{Code: protocol.CodeTooManyErrors}
		if _, err := conn.Poll(&link{}, pollAfter(0)); !errors.Is(err, final) {
			t.Errorf("a poll that had found it: %v", err)
		}
		if err := conn.Send(t.Context(), &protocol.Send{Seq: 1}); !errors.Is(err, final) {
			t.Errorf("a body that had found it: %v", err)
		}
		if err := conn.Receive(c.gen, nil); !errors.Is(err, final) {
			t.Errorf("frames of it: %v", err)
		}
		if _, err := w.bus.Find(c.session, protocol.Peer{Transport: protocol.Poll}); !errors.Is(err, final) {
			t.Errorf("the next poll: %v", err)
		}
	})
}

func TestPlainConnectionsAreNeverParked(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c, err := w.open(protocol.Peer{Transport: protocol.SSE, Plain: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.session != "" {
			t.Errorf("a plain client is told a session: %q", c.session)
		}
		c.subscribe("news", nil)
		w.publish("news", "1")
		same(t, "a plain client", data(c.next(), "news"), []string{"1"})
		c.cut()
		if s := w.bus.Stats(); s.Parked != 0 || s.Subscriptions != 0 || s.Connections["sse"] != 0 {
			t.Errorf("after the cut: %+v", s)
		}
	})
}

func TestConnectionsOfGatewaysAreNeverParkedAndArePutInChannels(t *testing.T) {
	inBubble(t, func(c *Config) { c.Rules.Joins.Anonymous = []string{"lobby"} }, func(w *world) {
		c, err := w.open(protocol.Peer{Transport: protocol.WebSocket, Gateway: protocol.GatewayPrimus}, &protocol.ClientFrame{Type: protocol.TypeConnect})
		if err != nil {
			t.Fatal(err)
		}
		if c.session != "" {
			t.Errorf("the client of a gateway is told a session: %q", c.session)
		}
		w.publish("lobby", "1")
		same(t, "what the server put it in", data(c.next(), "lobby"), []string{"1"})
		c.subscribe("news", nil)
		w.publish("news", "2")
		same(t, "what it asked for", data(c.next(), "news"), []string{"2"})
		for _, f := range c.link.frames {
			if f.Message == nil && f.Frame == nil {
				t.Errorf("its transport cannot look into %s", f.JSON)
			}
		}
		c.cut()
		if s := w.bus.Stats(); s.Parked != 0 || s.Subscriptions != 0 || s.Connections["websocket"] != 0 {
			t.Errorf("after the cut: %+v", s)
		}
	})
}

func TestTooManyParkedConnectionsEndTheOldest(t *testing.T) {
	inBubble(t, func(c *Config) { c.MaxParked = 3 }, func(w *world) {
		var list []*client
		live := w.connect()
		for range 5 {
			c := w.connect()
			c.cut()
			list = append(list, c)
		}
		if s := w.bus.Stats(); s.Parked != 3 || s.Evicted != 2 || s.Lost[Cause{"websocket", causeCut}] != 5 || s.Connections["websocket"] != 1 || live.link.end() != "" {
			t.Errorf("parked %d, evicted %d, lost %v, live %v", s.Parked, s.Evicted, s.Lost, s.Connections)
		}
		for i, c := range list {
			if resumed := c.resume().resumed; resumed != (i >= 2) {
				t.Errorf("parked as number %d: resumed %v", i+1, resumed)
			}
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	inBubble(t, func(c *Config) { c.MaxConnections = 2 }, func(w *world) {
		connect := &protocol.ClientFrame{Type: protocol.TypeConnect, Version: 2}
		if _, err := w.open(protocol.Peer{}, connect); !errors.Is(err, &protocol.Error{Code: protocol.CodeUnsupportedVersion}) {
			t.Errorf("version 2: %v", err)
		}
		c := w.connect()
		w.connect()
		if _, err := w.open(protocol.Peer{}, nil); !errors.Is(err, &protocol.Error{Code: protocol.CodeOverloaded}) {
			t.Errorf("a third connection of two: %v", err)
		}
		c.cut()
		if d := c.resume(); !d.resumed {
			t.Error("a resume was refused at the limit")
		}
	})
}
