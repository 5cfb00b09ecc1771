package actors

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

// newSystem makes the actor system of one bus. Its own log lines are wanted from Warn on; its metrics, which cost ten times a
// message, are off.
func newSystem(log *slog.Logger) *actor.ActorSystem {
	quiet := slog.New(atLeastWarn{log.Handler()})
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }))
}

// spawnUnnamed starts an actor that only who has its PID can find, and sends it a first message. protoactor keeps every actor under its
// name in one of 32,768 maps, which costs 300 bytes each; a PID that was used once goes without.
func (b *Bus) spawnUnnamed(props *actor.Props, first any) *actor.PID {
	const name = "unnamed"
	b.spawning.Lock()
	defer b.spawning.Unlock()
	pid, err := b.system.Root.SpawnNamed(props, name)
	if err != nil {
		panic(err) // the name was free
	}
	b.send(pid, first)
	names := b.system.ProcessRegistry.LocalPIDs.GetBucket(name)
	names.Remove(name)
	pid.Id = "connection" // under which its end removes nobody else
	return pid
}

type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h atLeastWarn) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeastWarn{h.Handler.WithAttrs(attrs)}
}
func (h atLeastWarn) WithGroup(name string) slog.Handler {
	return atLeastWarn{h.Handler.WithGroup(name)}
}

// request is embedded in messages that ask for something: none should be sent to an actor that is no more.
type request struct{}

// IgnoreDeadLetterLogging keeps protoactor from logging, and from the goroutine that it starts for that.
func (request) IgnoreDeadLetterLogging() {}

// event is embedded in messages that tell something, which may come after their actor's end by the nature of things.
type event struct{ request }

func (event) late() {}

// onDeadLetter counts requests that were sent to an actor that is no more: there should be none.
func (b *Bus) onDeadLetter(message any) {
	letter, ok := message.(*actor.DeadLetterEvent)
	if !ok {
		return
	}
	switch letter.Message.(type) {
	case interface{ late() }, actor.SystemMessage:
		return
	}
	b.tally.deadLetters.Add(1)
	b.log.Warn("a message was sent to an actor that is no more", "message", fmt.Sprintf("%T", letter.Message))
}

// noteFailure is deferred by every Receive: it logs a panic with its stack, which the supervisor will not see, and lets it go on. A panic
// on the way out stays here: protoactor would never end an actor that fails at its end.
func (b *Bus) noteFailure(c actor.Context) {
	reason := recover()
	if reason == nil {
		return
	}
	b.log.Error("an actor failed", "actor", fmt.Sprintf("%T", c.Actor()), "message", fmt.Sprintf("%T", c.Message()),
		"panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
	switch c.Message().(type) {
	case *actor.Stopping, *actor.Stopped, *actor.Restarting:
		b.tally.failures.Add(1)
		return
	}
	panic(reason)
}

// supervisor decides what becomes of an actor that failed. A channel is restarted, always: protoactor's own strategy gives up after ten
// failures, silently. Where it fails again and again it has to wait before it is restarted. A connection is stopped, and ends
// as itself alone.
type supervisor struct {
	bus     *Bus
	restart bool

	recent atomic.Int32 // failures in the last second or so
}

const (
	promptRestarts = 10 // in a second, of all channels; the next ones wait
	restartDelay   = time.Second
)

var _ actor.SupervisorStrategy = (*supervisor)(nil)

func (s *supervisor) HandleFailure(_ *actor.ActorSystem, up actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, _, _ any) {
	b := s.bus
	b.tally.failures.Add(1)
	if !s.restart || b.ctx.Err() != nil {
		up.StopChildren(child)
		return
	}
	b.tally.restarts.Add(1)
	if s.recent.Add(1) <= promptRestarts {
		b.later(restartDelay, func() { s.recent.Add(-1) })
		up.RestartChildren(child)
		return
	}
	b.log.Error("channels fail again and again: restarts are delayed", "delay", restartDelay)
	b.later(restartDelay, func() {
		s.recent.Add(-1)
		if b.ctx.Err() != nil {
			up.StopChildren(child)
			return
		}
		up.RestartChildren(child)
	})
}

// census counts the actors of one kind that have not ended.
type census struct {
	mu     sync.Mutex // guards all below
	n      int
	closed bool
	empty  chan struct{} // made by close, closed when n is 0 then
}

// enter counts one more, unless the census was closed.
func (c *census) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.n++
	}
	return !c.closed
}

func (c *census) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n == 0 && c.closed {
		close(c.empty)
	}
}

// close lets nobody enter any more. What it gives is closed when all have left.
func (c *census) close() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.empty = true, make(chan struct{})
	if c.n == 0 {
		close(c.empty)
	}
	return c.empty
}

// later calls fn after d, or at once when the bus stops.
func (b *Bus) later(d time.Duration, fn func()) {
	b.background.Go(func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-b.ctx.Done():
		}
		fn()
	})
}
