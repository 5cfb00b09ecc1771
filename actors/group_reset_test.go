package actors

import (
	"context"
	"testing"

	"tidings/protocol"
)

// A reset of the store reaches every subscription, whatever its filter and scope, live and in a recovery. Somebody's
// message that has the same name is none.
func TestAResetReachesEveryFilter(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		reset := func(x *protocol.Extra) {
			t.Helper()
			if _, err := w.bus.Publish(context.Background(), Publish{Channel: "cars", Data: []byte(`{}`), Event: protocol.EventReset, Extra: x}); err != nil {
				t.Fatal(err)
			}
		}
		scopes := []string{"", "in", "out", "none"}
		clients, rooms := make([]*client, len(scopes)), make([]string, len(scopes))
		start := w.publish("cars", `{"type":"bus"}`)
		for i, scope := range scopes {
			clients[i] = w.connect()
			rooms[i], _ = clients[i].subscribeTo("cars", taxis, scope, nil)
		}
		reset(&protocol.Extra{Change: 9})
		reset(nil)
		w.settle()
		for i, scope := range scopes {
			want := 1
			if scope == "none" {
				want = 0
			}
			if got := resetsIn(clients[i].next(), rooms[i]); got != want {
				t.Errorf("live, scope %q: %d resets, want %d", scope, got, want)
			}
			late := w.connect()
			room, rest := late.subscribeTo("cars", taxis, scope, &start)
			w.settle()
			if got := resetsIn(append(rest, late.next()...), room); got != want {
				t.Errorf("in a recovery, scope %q: %d resets, want %d", scope, got, want)
			}
		}
	})
}

func resetsIn(frames []protocol.ServerFrame, room string) (n int) {
	for _, f := range frames {
		if f.Room == room && f.Msg != nil && f.Msg.Event == protocol.EventReset {
			n++
		}
	}
	return n
}
