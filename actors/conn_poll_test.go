package actors

import (
	"testing"

	"tidings/protocol"
)

// A long-poll is answered with connected alone, and its client polls again before the node came to the subscribe that stood in the same
// request: no connect fenced that request, so what it asked for still counts.
func TestFramesOfAnEarlierPollAreHandled(t *testing.T) {
	inBubble(t, nil, func(w *world) {
		c := w.connectOver(protocol.Poll, "")
		next := &link{}
		gen, err := c.conn.Poll(next, 0)
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
