package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"

	"tidings/protocol"
	"tidings/sim/nemesis/proxy"
)

// fault is one kind of thing that goes wrong.
type fault struct {
	name  string
	least time.Duration // that it lasts, at pace 1; 0 for 2 s
	// begin makes it go wrong and returns what heals it. Both may take a moment.
	begin func(ctx context.Context, s *stage, rng *rand.Rand) (heal func() error, err error)
	after time.Duration // how long after its end clients may come back; 0 for grace
	// may reports whether a fault for which clients were away at most so long can cause a gap of this reason on this
	// channel. Nil means missed.
	may func(away time.Duration, reason protocol.GapReason, channel string) bool
}

// missed is what a network can cause, or a server that stands still: who was away for longer than the busy channel's
// window missed something there, and nowhere else. A client comes back within ten seconds of the healing.
func missed(away time.Duration, reason protocol.GapReason, channel string) bool {
	return reason == protocol.GapHistoryExpired && channel == busyChannel && away >= busyWindow
}

// forgotten is what the end of the server causes: it forgets every channel.
func forgotten(_ time.Duration, reason protocol.GapReason, _ string) bool {
	return reason == protocol.GapEpochChanged
}

// grace is how long after its end a fault explains gaps.
const grace = 10 * time.Second

// patience is grace where a client does not see at once that its connection leads nowhere: it gives a poll that is not
// answered up after 14 s, a WebSocket that does not open after 12 s, and comes again within half the time since it heard
// something.
const patience = 25 * time.Second

// faults are all kinds.
var faults = []fault{
	{name: "server killed", may: forgotten, begin: ends(syscall.SIGKILL)},
	{name: "server stopped and continued", begin: func(_ context.Context, s *stage, _ *rand.Rand) (func() error, error) {
		s.server.signal(syscall.SIGSTOP)
		return func() error { s.server.signal(syscall.SIGCONT); return nil }, nil
	}},
	{name: "connections reset", begin: often(func(s *stage) { s.proxy.Reset(proxy.Rule{Share: 0.4}) })},
	{name: "server asked to end (SIGTERM)", may: forgotten, begin: ends(syscall.SIGTERM)},
	{name: "nobody can connect", begin: func(_ context.Context, s *stage, _ *rand.Rand) (func() error, error) {
		s.proxy.Down(true)
		s.proxy.Reset(proxy.Rule{})
		return func() error { s.proxy.Down(false); return nil }, nil
	}},
	{name: "connections half-closed", begin: often(func(s *stage) { s.proxy.HalfClose(proxy.Rule{Share: 0.4}) })},
	{name: "a process of clients sleeps", begin: func(_ context.Context, s *stage, rng *rand.Rand) (func() error, error) {
		if len(s.pages) == 0 {
			return func() error { return nil }, nil
		}
		page := s.pages[rng.IntN(len(s.pages))]
		page.signal(syscall.SIGSTOP)
		return func() error { page.signal(syscall.SIGCONT); return nil }, nil
	}},
	{name: "all bytes stall", begin: rule(proxy.Rule{Stall: true})},
	{name: "bytes to the server stall", begin: rule(proxy.Rule{Direction: proxy.Up, Stall: true})},
	{name: "bytes to clients stall", begin: rule(proxy.Rule{Direction: proxy.Down, Stall: true})},
	{name: "half of the connections go mute", after: patience, begin: rule(proxy.Rule{Share: 0.5, Mute: true})},
	{name: "half go mute to the server", after: patience, begin: rule(proxy.Rule{Share: 0.5, Direction: proxy.Up, Mute: true})},
	{name: "half go mute to the client", after: patience, begin: rule(proxy.Rule{Share: 0.5, Direction: proxy.Down, Mute: true})},
	{name: "a trickle of 3 KB a second", begin: rule(proxy.Rule{Direction: proxy.Down, Rate: 3000})},
	{name: "each piece 300 ms late", begin: rule(proxy.Rule{Delay: 300 * time.Millisecond})},
	{name: "polls up to 2 s late", begin: rule(proxy.Rule{Path: "/bus/poll", Share: 0.5, Late: 2 * time.Second})},
	{name: "messages above 800 bytes dropped", begin: rule(proxy.Rule{Direction: proxy.Down, Drop: 800})},
	{name: "connections cut after 12 KB", begin: rule(proxy.Rule{Path: "/bus", Direction: proxy.Down, ResetAt: 12 << 10})},
	{name: "a word refused with HTML", begin: rule(proxy.Rule{Method: "POST", Contains: word, Answer: 403})},
	{name: "bodies above 1 KB refused", begin: rule(proxy.Rule{Method: "POST", Larger: 1 << 10, Answer: 413})},
	{name: "half of all answered 502 with HTML", begin: rule(proxy.Rule{Share: 0.5, Answer: 502})},
	{name: "requests doubled", begin: rule(proxy.Rule{Method: "POST", Share: 0.5, Twice: true})},
	{name: "answers lost", begin: rule(proxy.Rule{Share: 0.3, Lose: true})},
	{name: "requests swallowed", after: patience, begin: rule(proxy.Rule{Method: "POST", Share: 0.2, Swallow: true})},
	{name: "no WebSocket", begin: reconnecting(proxy.Rule{Path: "/bus/ws", NoUpgrade: true})},
	{name: "WebSockets that lead nowhere", after: patience, begin: reconnecting(proxy.Rule{Path: "/bus/ws", DeadSocket: true})},
}

// rule begins with a rule of the proxy and heals by taking it away.
func rule(r proxy.Rule) func(context.Context, *stage, *rand.Rand) (func() error, error) {
	return func(_ context.Context, s *stage, _ *rand.Rand) (func() error, error) {
		end := s.proxy.Apply(r)
		return func() error { end(); return nil }, nil
	}
}

// reconnecting is rule for what only new connections notice: half of the present ones are reset.
func reconnecting(r proxy.Rule) func(context.Context, *stage, *rand.Rand) (func() error, error) {
	return func(ctx context.Context, s *stage, rng *rand.Rand) (func() error, error) {
		heal, err := rule(r)(ctx, s, rng)
		s.proxy.Reset(proxy.Rule{Path: "/bus/ws", Share: 0.5})
		return heal, err
	}
}

// often does something again and again, each second or so.
func often(do func(*stage)) func(context.Context, *stage, *rand.Rand) (func() error, error) {
	return func(ctx context.Context, s *stage, rng *rand.Rand) (func() error, error) {
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		every := 500*time.Millisecond + time.Duration(rng.Int64N(int64(time.Second)))
		go func() {
			defer close(ended)
			for do(s); pause(ctx, every) == nil; {
				do(s)
			}
		}()
		return func() error { cancel(); <-ended; return nil }, nil
	}
}

// ends ends the server by a signal, and starts it again.
func ends(sig syscall.Signal) func(context.Context, *stage, *rand.Rand) (func() error, error) {
	return func(_ context.Context, s *stage, _ *rand.Rand) (func() error, error) {
		s.server.finish(sig)
		return s.server.start, nil
	}
}
