package client

import (
	"testing"
	"time"

	"tidings/protocol"
)

// A path that drops one message each time, such as frames above some length: the client subscribes again twice in an hour, not
// twenty times a second, and goes to the next transport.
func TestF87_AFrameThatNeverArrives(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client(func(cfg *Config) { cfg.Transports = []string{protocol.WebSocket, protocol.SSE} })
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1), message(3))
		l.recovered(1)
		l.say(message(3)) // the same hole at the same place
		next, f := s.connected("s1", true)
		if next.transport != protocol.SSE || f.Session != "s1" {
			t.Errorf("it went to %s with session %q, want sse and s1", next.transport, f.Session)
		}
		next.recovered(1)
		next.say(message(2), message(3))
		h.want(t, "subscribed 0 false", "1", "subscribed 1 true", "subscribed 1 true", "2", "3")
	})
}

func TestF87_WhereThereIsNoOtherTransportTheWaitsGrow(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client()
		s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1), message(3))
		var waits []time.Duration
		begun := time.Now()
		for range 8 {
			before := time.Now()
			l.recovered(1)
			waits = append(waits, time.Since(before))
			l.say(message(3))
		}
		for i := 2; i < len(waits); i++ {
			if waits[i] < waits[i-1] {
				t.Errorf("the waits are %v, want them to grow", waits)
				break
			}
		}
		if took := time.Since(begun); took < 45*time.Second {
			t.Errorf("8 subscribes in %v, want them to take more than 45 s: %v", took, waits)
		}
		if st := c.Status(); st.State != Connected {
			t.Errorf("status %+v, want connected: it did nothing wrong", st)
		}
	})
}
