package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// waitlist is the recoveries of a connection that wait until its outbox has space, since the outbox itself knows one
// waiter alone.
type waitlist struct {
	mu      sync.Mutex // guards waiting
	waiting []waiter
}

type waiter struct {
	pid     *actor.PID
	message any
}

func (w *waitlist) add(pid *actor.PID, message any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, waiter{pid, message})
}

// take returns all that wait, and forgets them.
func (w *waitlist) take() []waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.waiting
	w.waiting = nil
	return all
}
