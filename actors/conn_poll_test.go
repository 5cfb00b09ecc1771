package actors

import (
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// A long-poll is answered with connected alone, and its client polls again before the node came to the subscribe that
// stood in the same request: no connect fenced that request, so what it asked for still counts.
func TestFramesOfAnEarlierPollAreHandled(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.Poll, "")
		next := &link{}
		gen, err := c.conn.Poll(next, pollAfter(0))
		if err != nil {
			t.Fatalf("poll: %v", err)
		}
		c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "a"}) // of the first request
		c.link, c.read = next, 0
		c.use(c.conn, gen)
		if got := c.next(); len(got) != 1 || got[0].Type != protocol.TypeSubscribed {
			t.Fatalf("the subscribe of the first poll got %v", got)
		}
	})
}

// A poll that takes over from the one before wakes no actor. One that comes after the link was lost takes the session
// up again, in whichever order the actor hears of it.
func TestPollsWhoseActorSleeps(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.Poll, "")
		at := func(what string, parked int) {
			t.Helper()
			synctest.Wait()
			if got := w.bus.Stats().Parked; got != parked {
				t.Errorf("%s: %d sessions are parked, want %d", what, got, parked)
			}
		}
		poll := func() uint64 {
			t.Helper()
			gen, err := c.conn.Poll(&link{}, pollAfter(0))
			if err != nil {
				t.Fatalf("poll: %v", err)
			}
			return gen
		}
		at("after connect", 0)
		first := poll()
		second := poll()
		at("after two polls", 0)
		c.conn.Lost(first, "")
		at("the first is lost, which was over", 0)
		c.conn.Lost(second, "")
		at("the second is lost", 1)
		third := poll()
		at("after the next poll", 0)
		if !c.conn.Outbox().Detach(third) { // its loss is reported after the next two polls
			t.Fatal("the third had no link")
		}
		poll()
		last := poll()
		w.bus.send(c.conn.pid, detached{gen: third})
		at("the loss of the third comes late", 0)
		c.conn.Lost(last, "")
		at("the last is lost", 1)
		time.Sleep(w.bus.cfg.Park + time.Minute) // of the bubble
		if !c.conn.ended.Load() {
			t.Error("nobody polled, and the session is still there after its time")
		}
	})
}

// pollAfter is the poll of a client that has received so many frames, and says nothing of which poll it is.
func pollAfter(received uint64) *protocol.ClientFrame {
	return &protocol.ClientFrame{Type: protocol.TypePoll, Received: &received}
}

func numberedPoll(received, generation, attempt uint64) *protocol.ClientFrame {
	f := pollAfter(received)
	f.Generation, f.Attempt = generation, attempt
	return f
}

// A copy of an earlier poll that was delayed on its way is refused, and takes nothing from the poll that waits.
func Test_B115_aLatePollTakesNothingOver(t *testing.T) {
	for _, tt := range []struct {
		name string
		late func(generation uint64) *protocol.ClientFrame
		want protocol.Code
	}{
		{name: "the poll before", late: func(g uint64) *protocol.ClientFrame { return numberedPoll(0, g, 1) }, want: protocol.CodeSuperseded},
		{name: "a copy of the poll that waits", late: func(g uint64) *protocol.ClientFrame { return numberedPoll(0, g, 2) }},
		{name: "the next poll", late: func(g uint64) *protocol.ClientFrame { return numberedPoll(0, g, 3) }},
		{name: "a poll that says neither", late: func(uint64) *protocol.ClientFrame { return pollAfter(0) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, nil, func(w *world) {
				c := w.connectOver(protocol.Poll, "")
				generation := c.conn.since.Load()
				for attempt := range uint64(2) {
					if _, err := c.conn.Poll(&link{}, numberedPoll(0, generation, attempt+1)); err != nil {
						w.t.Fatalf("poll %d: %v", attempt+1, err)
					}
				}
				live, _ := c.conn.Outbox().Attached()
				_, err := c.conn.Poll(&link{}, tt.late(generation))
				now, _ := c.conn.Outbox().Attached()
				var got protocol.Code
				if err != nil {
					got = protocol.AsError(err).Code
				}
				if got != tt.want || (now == live) != (tt.want != "") {
					t.Errorf("got %q, want %q; the link of generation %d was fenced: %v", got, tt.want, live, now != live)
				}
			})
		})
	}
}

// A poll of the transport before a reconnect is late, whatever its number.
func Test_B115_aPollOfAnOlderLinkIsLate(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.Poll, "")
		older := c.conn.since.Load()
		if _, _, err := w.bus.Open(t.Context(), protocol.Peer{Transport: protocol.Poll}, &protocol.ClientFrame{Type: protocol.TypeConnect, Session: c.session, Received: new(uint64), Generation: older, Attempt: 2}, &link{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.conn.Poll(&link{}, numberedPoll(0, older, 9)); protocol.AsError(err).Code != protocol.CodeSuperseded {
			t.Errorf("got %v, want superseded", err)
		}
		if _, err := c.conn.Poll(&link{}, numberedPoll(0, c.conn.since.Load(), 1)); err != nil {
			t.Errorf("the first poll of the newer link: %v", err)
		}
	})
}
