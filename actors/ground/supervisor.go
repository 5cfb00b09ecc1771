package ground

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Supervision is what the supervisors of one node share.
type Supervision struct {
	Context    context.Context // its end is the node's: then no actor is restarted
	Background *sync.WaitGroup // of the node's goroutines: the end of the node waits for it
	Log        *slog.Logger
	Failures   *atomic.Uint64 // counts actors that failed
	Restarts   *atomic.Uint64 // counts those that were restarted
}

// Supervisor decides what becomes of an actor that failed. One that restarts does so always: protoactor's own strategy
// gives up after ten failures, silently. If actors fail again and again they wait before they are restarted.
type Supervisor struct {
	*Supervision
	Restart bool // false: the actor is stopped

	recent atomic.Int32 // failures in the last second or so
}

const (
	promptRestarts = 10 // in a second, of all actors of one supervisor; the next ones wait
	restartDelay   = time.Second
)

var _ actor.SupervisorStrategy = (*Supervisor)(nil)

// HandleFailure implements actor.SupervisorStrategy.
func (s *Supervisor) HandleFailure(_ *actor.ActorSystem, up actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, _, _ any) {
	s.Failures.Add(1)
	if !s.Restart || s.Context.Err() != nil {
		up.StopChildren(child)
		return
	}
	s.Restarts.Add(1)
	if s.recent.Add(1) <= promptRestarts {
		s.later(restartDelay, func() { s.recent.Add(-1) })
		up.RestartChildren(child)
		return
	}
	s.Log.Error("channels fail again and again: restarts are delayed", "delay", restartDelay)
	s.later(restartDelay, func() {
		s.recent.Add(-1)
		if s.Context.Err() != nil {
			up.StopChildren(child)
			return
		}
		up.RestartChildren(child)
	})
}

// later calls fn after d, or at once when the node ends.
func (s *Supervision) later(d time.Duration, fn func()) {
	s.Background.Go(func() {
		Pause(s.Context, d)
		fn()
	})
}

// Note is deferred by every Receive: it logs a panic with its stack, which HandleFailure does not see, and lets it go
// on. A panic at the end of an actor stays here, since protoactor would never end that actor.
func (s *Supervision) Note(c actor.Context) {
	reason := recover()
	if reason == nil {
		return
	}
	s.Log.Error("an actor failed", "actor", fmt.Sprintf("%T", c.Actor()), "message", fmt.Sprintf("%T", c.Message()),
		"panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
	switch c.Message().(type) {
	case *actor.Stopping, *actor.Stopped, *actor.Restarting:
		s.Failures.Add(1)
		return
	}
	panic(reason)
}
