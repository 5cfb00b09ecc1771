package actors

import (
	"time"

	"tidings/protocol"
)

// Rates of one connection (RELIABILITY.md section 5): requests per second, and how many may come at once. A subscribe and a publish count
// against their own rate alone; an unsubscribe and a goodbye, which only take load away, count against none.
var (
	commandRate   = rate{50, 100}
	subscribeRate = rate{20, 128}
	publishRate   = rate{50, 100}
)

type rate struct{ perSecond, burst float64 }

// bucket is how much of a rate is left. The zero bucket is full.
type bucket struct {
	used float64
	at   time.Duration // of the node's clock
}

// take takes one request's worth, if there is so much.
func (b *bucket) take(r rate, now time.Duration) bool {
	b.used = max(0, b.used-(now-b.at).Seconds()*r.perSecond)
	b.at = now
	if b.used+1 > r.burst {
		return false
	}
	b.used++
	return true
}

// maxRateGroups bounds the rules whose rates one connection's publishes are counted for.
const maxRateGroups = 64

// mayPublishIn takes a publish off the rate of a rule.
func (s *session) mayPublishIn(group string, perSecond float64) bool {
	b := s.rates[group]
	if b == nil {
		if len(s.rates) >= maxRateGroups {
			clear(s.rates) // the connection's own rate holds in any case
		}
		if s.rates == nil {
			s.rates = map[string]*bucket{}
		}
		b = &bucket{}
		s.rates[group] = b
	}
	return b.take(rate{perSecond, max(perSecond, 1)}, s.bus.clock())
}

// errorBudget remembers when the last errors were.
type errorBudget struct {
	at   [protocol.MaxErrors]time.Duration
	next int
	n    int
}

// spend counts an error. It answers false where there were more than protocol.MaxErrors within protocol.ErrorWindow.
func (e *errorBudget) spend(now time.Duration) bool {
	if e.n == len(e.at) && now-e.at[e.next] < protocol.ErrorWindow {
		return false
	}
	e.at[e.next] = now
	e.next = (e.next + 1) % len(e.at)
	e.n = min(e.n+1, len(e.at))
	return true
}
