package actors

import (
	"maps"
	"sync"
	"tidings/core"
	"tidings/protocol"
	"time"
)

// Rates of one connection: requests per second, and how many may come at once. A subscribe and a publish count
// against their own rate alone; an unsubscribe and a goodbye, which only take load away, count against none.
var (
	commandRate   = core.Rate{PerSecond: 50, Burst: 100}
	subscribeRate = core.Rate{PerSecond: 20, Burst: 128}
	publishRate   = core.Rate{PerSecond: 50, Burst: 100}
	replayRate    = core.Rate{PerSecond: protocol.MaxReplayRate, Burst: protocol.MaxReplayBurst} // bytes of messages
)

// userRates are what users have left of the rates of rules, over all their connections to the node.
type userRates struct {
	mu   sync.Mutex // guards what follows
	left map[userRate]*core.Bucket
}

// userRate is a rule's rate, by its group, for a user.
type userRate struct{ user, group string }

const (
	maxUserRates  = 100_000 // beyond it who publishes anew is not counted; the connections' own rates hold in any case
	maxRateGroups = 64      // rules whose rates one anonymous connection's publishes are counted for
)

// take takes a publish.
func (u *userRates) take(key userRate, r core.Rate, now time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	b := u.left[key]
	if b == nil {
		if len(u.left) >= maxUserRates {
			maps.DeleteFunc(u.left, func(_ userRate, b *core.Bucket) bool { return b.Full(now) })
		}
		if len(u.left) >= maxUserRates {
			return true
		}
		if u.left == nil {
			u.left = map[userRate]*core.Bucket{}
		}
		b = &core.Bucket{}
		u.left[key] = b
	}
	return b.Take(1, r, now)
}

// errorBudget remembers when the last errors were.
type errorBudget struct {
	at   [protocol.MaxErrors]time.Duration
	next int
	n    int
}

// spend counts an error. It reports false if there were more than protocol.MaxErrors within protocol.ErrorWindow.
func (e *errorBudget) spend(now time.Duration) bool {
	if e.n == len(e.at) && now-e.at[e.next] < protocol.ErrorWindow {
		return false
	}
	e.at[e.next] = now
	e.next = (e.next + 1) % len(e.at)
	e.n = min(e.n+1, len(e.at))
	return true
}
