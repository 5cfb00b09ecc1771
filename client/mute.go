package client

import (
	"slices"
	"time"
)

// mute is what the loop knows of links that stay open and bring nothing.
type mute struct {
	doubted bool          // a link is being tried since the present one seems mute
	rhythm  time.Duration // mean time between what the present link brings
	beats   int           // how many of these times are in it, up to steady

	transport string // the one that went mute last
	at        time.Time
}

const (
	// askAfter is how long an answer may take before the client asks whether the link lives, and the least silence
	// after which it asks.
	askAfter = 3 * time.Second
	// doubtAfter is how long that question may go without an answer before another link is tried beside the present
	// one, which is left when the other carries the session, or after protocol.PongDeadline. With askAfter it is 5 s:
	// longer than the slowest lines take that still work.
	doubtAfter = 2 * time.Second
	// steady is after how many messages the client knows a link's rhythm, and unusual how many of its beats may be
	// missing.
	steady, unusual = 16, 32
)

// expect sees to it that the client asks at a time, if it does not do so before.
func (c *Client) expect(at time.Time) {
	if c.timers.ask.IsZero() || at.Before(c.timers.ask) {
		c.timers.ask = at
	}
}

// alive takes that the present link brought something. The next message is due in its rhythm, and an answer for which
// somebody waits is due from now on.
func (c *Client) alive(now time.Time) {
	m := &c.mute
	c.timers.ask, c.timers.doubt = time.Time{}, time.Time{}
	m.beats = min(m.beats+1, steady)
	m.rhythm += (now.Sub(c.lastHeard) - m.rhythm) / time.Duration(m.beats)
	if silence := unusual * m.rhythm; m.beats == steady && silence < c.heartbeat {
		c.timers.ask = now.Add(max(silence, askAfter))
	}
	if len(c.calls) > 0 {
		c.expect(now.Add(askAfter))
	}
}

// onSilence asks, and after a question without an answer tries another link.
func (c *Client) onSilence(now time.Time) {
	if due(&c.timers.ask, now) && c.current != nil {
		c.machine.Ping()
		c.timers.ask, c.timers.doubt = time.Time{}, now.Add(doubtAfter)
	}
	if due(&c.timers.doubt, now) && c.current != nil && c.next == nil {
		c.mute.doubted = true
		c.startRound()
	}
}

// beside lists the transports to try beside a link that seems mute: its own and those after it, or only these if it
// went mute a short time ago too.
func (c *Client) beside() []string {
	i := slices.Index(c.ladder, c.current.transport)
	if i < 0 {
		return c.ladder
	}
	again := c.mute.transport == c.current.transport && time.Since(c.mute.at) < rememberFor
	if again && i+1 < len(c.ladder) {
		i++
	}
	return c.ladder[i:]
}

// went notes that a transport went mute.
func (m *mute) went(transport string, now time.Time) { m.transport, m.at = transport, now }
