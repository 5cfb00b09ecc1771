package ground

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// System is the actor system of one node.
type System struct {
	system   *actor.ActorSystem
	spawning sync.Mutex // see SpawnUnnamed
}

// NewSystem returns a system without actors. Of protoactor's own log lines it writes those from Warn on; protoactor's
// metrics, which cost ten times a message, are off. onLost is called for each message that asked something of an actor
// that has ended.
func NewSystem(log *slog.Logger, onLost func(message any)) *System {
	quiet := slog.New(atLeastWarn{log.Handler()})
	s := &System{system: actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }))}
	s.system.EventStream.Subscribe(func(e any) {
		if m := lost(e); m != nil {
			onLost(m)
		}
	})
	return s
}

// Send puts a message into the queue of an actor. It never waits.
func (s *System) Send(to *actor.PID, message any) { s.system.Root.Send(to, message) }

// Spawn starts an actor.
func (s *System) Spawn(props *actor.Props) *actor.PID { return s.system.Root.Spawn(props) }

// SpawnUnnamed starts an actor that can be found by its PID alone, and sends it a first message. protoactor keeps every
// actor under its name in one of 32,768 maps, which costs 300 bytes each; a PID that was used once goes without.
func (s *System) SpawnUnnamed(props *actor.Props, first any) *actor.PID {
	const name = "unnamed"
	s.spawning.Lock()
	defer s.spawning.Unlock()
	pid, err := s.system.Root.SpawnNamed(props, name)
	if err != nil {
		panic(err) // the name was free
	}
	s.Send(pid, first)
	names := s.system.ProcessRegistry.LocalPIDs.GetBucket(name)
	names.Remove(name)
	pid.Id = "connection" // under which its end removes nobody else
	return pid
}

// Stop ends an actor, once it has handled the message at hand. It does not wait.
func (s *System) Stop(pid *actor.PID) { s.system.Root.Stop(pid) }

// Shutdown ends the system. All actors must have ended.
func (s *System) Shutdown() { s.system.Shutdown() }

// Pause waits for d. It reports false if ctx ended before.
func Pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
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
