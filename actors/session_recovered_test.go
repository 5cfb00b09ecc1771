package actors

import (
	"context"
	"testing"
	"time"

	"tidings/protocol"
)

// What subscribes behind connect recover is waited for, however slowly the broker reads.
func TestRecoveredWaitsForHistory(t *testing.T) {
	f := &faulty{}
	inBubble(t, withFaults(f, nil), func(w *world) {
		at := w.publishNumbers("a", 1, 1)
		w.publishNumbers("a", 2, 5)
		const slow = 300 * time.Millisecond
		f.before(func(context.Context, string) error {
			time.Sleep(slow) // virtual
			return nil
		})
		c := w.connectOver(protocol.Poll, "")
		began := time.Now()
		c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "a", Since: &at, Anew: true})
		<-c.conn.Recovered()
		if took := time.Since(began); took < slow {
			t.Errorf("recovered after %v, before the broker answered", took)
		}
		if frames, _ := c.conn.Outbox().Waiting(); frames != 0 { // the link of this test takes them at once
			t.Errorf("%d frames wait", frames)
		}
		same(t, "recovered", data(c.next(), "a"), numbers(2, 5))
		<-c.conn.Recovered() // nothing is: at once
	})
}

// A subscribe with anew is for a session that is gone.
func TestSubscribesAnewOnlyIfTheSessionIsNew(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		anew := protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "a", Anew: true}
		c := w.connect()
		c.say(anew)
		if got := only(c.next(), protocol.TypeSubscribed); len(got) != 1 {
			t.Fatalf("a new session: %d answers, want 1", len(got))
		}
		c.cut()
		c = c.resume()
		anew.ID = 2
		c.say(anew, protocol.ClientFrame{Type: protocol.TypePing, ID: 3})
		if got := c.next(); len(got) != 1 || got[0].Type != protocol.TypePong {
			t.Errorf("a session that was resumed: got %v, want the answer to the ping alone", got)
		}
		w.publishNumbers("a", 1, 3)
		same(t, "heard", data(c.next(), "a"), numbers(1, 3))
	})
}
