package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// waitlist lets the recoveries of a connection wait until its outbox has room, since the outbox itself knows one waiter alone.
type waitlist struct {
	mu      sync.Mutex // guards waiting
	waiting []waiter
}

type waiter struct {
	pid     *actor.PID
	message any
}

// whenRoomy sends message to pid as soon as a recovery page fits the outbox.
func (c *Connection) whenSpace(pid *actor.PID, message any) {
	r := made(&c.waitlist)
	r.mu.Lock()
	r.waiting = append(r.waiting, waiter{pid, message})
	r.mu.Unlock()
	c.out.WhenSpace(c.onSpace)
}

func (c *Connection) onSpace() {
	r := made(&c.waitlist)
	r.mu.Lock()
	waiting := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	for _, w := range waiting {
		c.bus.send(w.pid, w.message)
	}
}
