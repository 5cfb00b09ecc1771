package ground

import (
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
)

// counter counts what it is asked to.
type counter struct{ n int }

type count struct{ Request }

func (a *counter) Receive(c actor.Context) {
	if c.Message() == (count{}) {
		a.n++
	}
}

// The names that unnamed actors share are free as soon as each has started, and the end of one leaves the others alone.
func TestUnnamedActorsAreReachedAndLeaveNoName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := 0
		s := NewSystem(slog.New(slog.DiscardHandler), func(any) { lost++ })
		actors := make([]counter, 20)
		pids := make([]*actor.PID, len(actors))
		for i := range actors {
			pids[i] = s.SpawnUnnamed(actor.PropsFromProducer(func() actor.Actor { return &actors[i] }), count{})
		}
		synctest.Wait()
		for _, pid := range pids[:10] {
			s.Stop(pid)
		}
		synctest.Wait()
		for _, pid := range pids {
			s.Send(pid, count{})
		}
		synctest.Wait()
		for i := range actors {
			want := 1
			if i >= 10 {
				want = 2
			}
			if actors[i].n != want {
				t.Errorf("actor %d got %d messages, want %d", i, actors[i].n, want)
			}
		}
		for _, name := range []string{"unnamed", "connection"} {
			if _, found := s.system.ProcessRegistry.GetLocal(name); found {
				t.Errorf("%q has an entry", name)
			}
		}
		if lost != 10 {
			t.Errorf("%d messages were sent to actors that had ended, want 10", lost)
		}
		s.Shutdown()
	})
}

// A message that reports something may come too late; one that asks for something must not.
func TestOnlyALostRequestIsReported(t *testing.T) {
	for _, c := range []struct {
		name   string
		letter any
		want   any
	}{
		{"a request", Request{}, Request{}},
		{"an event", Event{}, nil},
		{"a message of protoactor's own", &actor.Stop{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := lost(&actor.DeadLetterEvent{Message: c.letter}); got != c.want {
				t.Errorf("%#v: got %#v, want %#v", c.letter, got, c.want)
			}
		})
	}
}
