package actors

import (
	"context"
	"errors"
	"testing"

	"tidings/protocol"
)

func TestTailSeesWhatIsPublished(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		tail, err := w.bus.Tail(func(ch protocol.Channel) bool { return ch == "a/1" })
		if err != nil {
			t.Fatal(err)
		}
		w.publish("b", "0")
		at := w.publish("a/1", "1")
		if got := <-tail.C; got.Channel != "a/1" || got.Position != at || string(got.Data) != "1" || got.ID == "" {
			t.Errorf("got %+v", got)
		}
		for range 2 {
			if _, err := w.bus.Publish(context.Background(), Publish{Channel: "a/1", Data: []byte("2"), IdempotencyKey: "k"}); err != nil {
				t.Fatal(err)
			}
		}
		if <-tail.C; len(tail.C) != 0 {
			t.Error("a repetition was seen, too")
		}
		for range tailBuffer + 3 {
			w.publish("a/1", "3")
		}
		if len(tail.C) != tailBuffer || tail.Dropped() != 3 || tail.Dropped() != 0 {
			t.Errorf("%d wait", len(tail.C))
		}
		if s := w.bus.Stats(); s.Tails != 1 || s.TailDropped != 3 {
			t.Errorf("%d tails, %d dropped", s.Tails, s.TailDropped)
		}
		tail.Close()
		tail.Close()
		if w.publish("a/1", "4"); w.bus.tails.n.Load() != 0 {
			t.Error("it is still there")
		}
		for range MaxTails {
			tail, err := w.bus.Tail(nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tail.Close()
		}
		if _, err := w.bus.Tail(nil); !errors.Is(err, &protocol.Error{Code: protocol.CodeOverloaded}) {
			t.Errorf("one too many: got %v", err)
		}
	})
}
