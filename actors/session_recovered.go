package actors

import (
	"slices"
	"tidings/actors/ground"
)

// firstGeneration is that of the link with which the connection began.
const firstGeneration = 1

// awaitRecovered asks to hear, by the closing of done, when all that the connection's subscriptions recover is in its
// outbox. A connection that ends meanwhile does not answer.
type awaitRecovered struct {
	ground.Event
	done chan<- struct{}
}

// Recovered returns a channel that is closed when the subscribes which were received so far have brought all that they
// recover into the outbox, or were refused. It is never closed if the connection ends before.
func (c *Connection) Recovered() <-chan struct{} {
	done := make(chan struct{})
	c.bus.send(c.pid, awaitRecovered{done: done})
	return done
}

// onAwaitRecovered notes who waits. Receive calls recovered after each message.
func (s *session) onAwaitRecovered(m awaitRecovered) {
	if s.state != sessionEnded {
		s.few().recovered = append(s.few().recovered, m.done)
	}
}

// recovered answers those who wait for it, if nothing is being recovered.
func (s *session) recovered() {
	asked := func(sub *subscription) bool { return sub.permission == permissionAsked }
	if s.verifying || len(s.waiting) > 0 || s.recovering > 0 || slices.ContainsFunc(s.subs, asked) {
		return
	}
	for _, done := range s.seldom.recovered {
		close(done)
	}
	s.seldom.recovered = nil
}
