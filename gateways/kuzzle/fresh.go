package kuzzle

import (
	"encoding/binary"
	"time"

	"tidings/protocol"
)

// A channel is fresh until the client listens to it. The SDK listens once the promise of its subscribe has run, which is
// later than it reads the answer: what it reads together with the answer is lost. So a ping of RFC 6455 follows the
// answer, and nothing is said in the channel before its pong. Node answers a ping in the same turn of its event loop in
// which it reads the answer, and runs promises before the next turn, in which it reads what comes after the pong. A
// browser may answer before the page has seen anything; but it runs promises between any two messages.

// freshLimit is how long a channel may be fresh. A WebSocket client that is there answers pings sooner: one that is
// silent for so long after a ping of the heartbeat is cut.
const freshLimit = protocol.PongDeadline

// ping makes a channel fresh: nothing is said in it before the client has read what is said up to now.
func (t *talk) ping(c *channel) {
	t.pinged++
	c.ping, c.until = t.pinged, time.Now().Add(freshLimit)
	t.out = appendPing(t.out, t.pinged)
}

// appendPing appends a ping as a WebSocket frame. It carries its number.
func appendPing(dst []byte, number uint64) []byte {
	const finPing = 0x89
	return binary.BigEndian.AppendUint64(append(dst, finPing, 8), number)
}

// Pong implements transports.Ponged. A client may leave pings unanswered but the last one.
func (t *talk) Pong(carried []byte) (goOn bool) {
	if len(carried) != 8 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := binary.BigEndian.Uint64(carried)
	if n <= t.ponged || n > t.pinged {
		return false
	}
	t.ponged = n
	return true
}

// isFresh reports whether the client may not be listening yet, which has answered the pings up to ponged.
func (c *channel) isFresh(ponged uint64) bool {
	if c.ping > ponged && time.Now().Before(c.until) {
		return true
	}
	c.ping = 0 // so that no further message asks for the time
	return false
}

// fresh returns how long to wait with a notification if no pong comes before: 0 if it can be said now.
func (t *talk) fresh(e *protocol.Encoded) (wait time.Duration) {
	var h *hearing
	switch {
	case e.Message != nil:
		h = t.hearingOf(e.Seen().Room)
	case e.Frame.Type == protocol.TypeJoined || e.Frame.Type == protocol.TypeLeft:
		h = t.hearingOf(e.Frame.Room)
	}
	if h == nil {
		return 0
	}
	for _, c := range h.channels {
		if c.isFresh(t.ponged) {
			wait = max(wait, time.Until(c.until))
		}
	}
	return wait
}
