package transports

import (
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"

	"tidings/core"
	"tidings/protocol"
)

// What happens in the middle of something: each test changes the world between two steps of one goroutine.

// A link that is lost while the bus opens its session is reported when the session is known, so that it is parked at once.
func TestALinkThatIsLostBeforeItIsBoundIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.bus.opens = func(l core.Link) { l.(*socket).hangUp() }
		c, err := r.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go c.Write([]byte(upgradeRequest() + string(text(`{"type":"connect"}`))))
		synctest.Wait()
		all := r.bus.all()
		if len(all) != 1 || !slices.Equal(all[0].losses(), []protocol.Code{""}) {
			t.Fatalf("%d sessions, of which the first lost %q; want one that was lost once", len(all), all[0].losses())
		}
		if _, linked := all[0].outbox.Attached(); linked {
			t.Error("the session still has a link: nobody parks it")
		}
	})
}

func TestAStreamThatIsLostBeforeItIsBoundIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		ev := &eventStream{}
		ev.init(r.h, sseKind, sseForm{})
		session, gen, err := r.bus.Open(t.Context(), protocol.Peer{Transport: protocol.SSE}, &protocol.ClientFrame{}, ev)
		if err != nil {
			t.Fatal(err)
		}
		ev.lose(protocol.CodeSlowConsumer)
		ev.bind(session, gen)
		if got := session.(*fakeSession).losses(); !slices.Equal(got, []protocol.Code{protocol.CodeSlowConsumer}) {
			t.Errorf("lost with %q, want once, with slow_consumer", got)
		}
	})
}

// Frames that a poll took before it was fenced belong to the poll that fenced it.
func TestAPollThatIsFencedAfterItTookFramesAnswersNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		id, _ := r.openPoll(t)
		session := r.bus.find(id)
		poll := func() *pollLink {
			p := r.h.newPoll()
			received := session.outbox.Sent()
			if gen, _ := session.outbox.Attached(); gen > 1 {
				received--
			}
			gen, err := session.Poll(p, &protocol.ClientFrame{Type: protocol.TypePoll, Received: &received})
			if err != nil {
				t.Fatal(err)
			}
			p.bind(session, gen)
			return p
		}
		first := poll()
		r.bus.publish("a", "1")
		taken := first.take()
		second := poll()
		w := httptest.NewRecorder()
		err := first.answer(w, taken)
		if err == nil || protocol.AsError(err).Code != protocol.CodeSuperseded || w.Body.Len() > 0 {
			t.Errorf("answered %q, %v; want nothing, and superseded", w.Body, err)
		}
		if again := second.take(); len(taken) != 1 || len(again) != 1 || again[0] != taken[0] {
			t.Errorf("the first poll took %d frames, the second %d; want the same one", len(taken), len(again))
		}
	})
}

// When the hold of a plain poll is over, what it took is in the answer, also if not all channels were answered by then:
// its cursor is behind it.
func TestAPlainPollWithAChannelThatIsNotAnsweredBringsWhatItTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		go func() {
			synctest.Wait()
			r.bus.publish("a", "1")
		}()
		p := r.mustPoll(t, "?channel=a&channel=unanswered", "")
		if !slices.Equal(p.data(), []string{"1"}) || p.cursor != "e1:1:t1,-" {
			t.Errorf("got %v with the cursor %q, want message 1 with e1:1:t1,-", p.data(), p.cursor)
		}
	})
}
