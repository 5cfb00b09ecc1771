package actors

import (
	"context"
	"strconv"
	"testing"
	"time"

	"tidings/protocol"
)

// SPEC.md section 7, order of requests: who subscribes and then publishes hears the message, however slow the broker
// is.
func TestAPublishIsHeardByTheSubscribeBeforeIt(t *testing.T) {
	f := &faulty{}
	f.before(func(_ context.Context, call string) error {
		if call != "publish" {
			time.Sleep(time.Second)
		}
		return nil
	})
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		var frames []protocol.ClientFrame
		for i := range 10 {
			ch := protocol.Channel("a/" + strconv.Itoa(i))
			frames = append(frames,
				protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: uint64(2*i + 1), Channel: ch},
				protocol.ClientFrame{Type: protocol.TypePublish, ID: uint64(2*i + 2), Channel: ch, Data: []byte(`1`)})
		}
		c.say(frames...)
		w.pass(time.Minute)
		if got := len(only(c.next(), protocol.TypeMessage)); got != 10 {
			t.Fatalf("%d of 10 publishes were heard", got)
		}
	})
}

// A publish does not wait for a subscribe that was refused or replaced.
func TestAPublishGoesOnWhenItsSubscribeEnds(t *testing.T) {
	f := &faulty{}
	f.before(func(_ context.Context, call string) error {
		if call == "subscribe" {
			return errBroker
		}
		return nil
	})
	inBubble(t, withFaults(f, nil), func(w *world) {
		c := w.connect()
		c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: "a"},
			protocol.ClientFrame{Type: protocol.TypePublish, ID: 2, Channel: "a", Data: []byte(`1`)},
			protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 3, Channel: "a"},
			protocol.ClientFrame{Type: protocol.TypePublish, ID: 4, Channel: "a", Data: []byte(`2`)})
		w.pass(time.Minute)
		if got := len(only(c.next(), protocol.TypeReply)); got != 2 {
			t.Fatalf("%d of 2 publishes were answered", got)
		}
	})
}

// A client whose session is gone repeats its publish on a new one: the key still makes one message of the two.
func TestAKeyOutlivesTheSession(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		publish := protocol.ClientFrame{Type: protocol.TypePublish, Channel: "a", Data: []byte(`1`), IdempotencyKey: "k"}
		first, _ := w.connect().ask(publish)
		second, _ := w.connect().ask(publish)
		if first.Position.IsZero() || first.Position != second.Position {
			t.Fatalf("one key gave %v and %v", first.Position, second.Position)
		}
	})
}
