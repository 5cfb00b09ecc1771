package ground

import (
	"runtime"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// mailbox is an actor's queue in place of protoactor's own. That one keeps 700 bytes when idle, and for ever what a
// burst made it grow to; if it is bounded it spins its sender. This one is bounded by its senders, each of which counts
// what it has under way. It never blocks, and holds nothing when it is empty.
type mailbox struct {
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
	work       func() // process, bound once

	mu        sync.Mutex // guards all below
	user      []any      // user[:head] is done
	head      int
	system    []any // leaves first
	suspended bool  // after a panic, until the supervisor has decided
	running   bool
	idle      bool // mostly: keeps no slot
}

var _ actor.Mailbox = (*mailbox)(nil)

// keptSlots is how many slots of an empty queue are kept for the next messages.
const keptSlots = 4

// NewMailbox returns a mailbox for an actor that is busy now and then.
func NewMailbox() actor.Mailbox { return new(mailbox) }

// NewIdleMailbox returns a mailbox for actors of which there are many and most are idle.
func NewIdleMailbox() actor.Mailbox { return &mailbox{idle: true} }

// RegisterHandlers implements actor.Mailbox.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invoker, m.dispatcher, m.work = invoker, dispatcher, m.process
}

// Start implements actor.Mailbox.
func (m *mailbox) Start() {}

// PostUserMessage implements actor.Mailbox. It never waits.
func (m *mailbox) PostUserMessage(message any) {
	m.mu.Lock()
	if len(m.user) == cap(m.user) && m.head > len(m.user)/2 {
		n := copy(m.user, m.user[m.head:])
		clear(m.user[n:])
		m.user, m.head = m.user[:n], 0
	}
	m.user = append(m.user, message)
	m.schedule()
}

// PostSystemMessage implements actor.Mailbox. It never waits.
func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	m.system = append(m.system, message)
	m.schedule()
}

// schedule starts a run if there is none and releases the lock.
func (m *mailbox) schedule() {
	start := !m.running && m.invoker != nil && (len(m.system) > 0 || !m.suspended)
	m.running = m.running || start
	m.mu.Unlock()
	if start {
		m.dispatcher.Schedule(m.work)
	}
}

// UserMessageCount implements actor.Mailbox.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.user) - m.head
}

func (m *mailbox) process() {
	for m.run() {
	}
}

// run handles messages until there are none. It reports true if a panic ended it: the supervisor knows, and the caller
// goes on with the rest.
func (m *mailbox) run() (again bool) {
	var message any
	defer func() {
		if reason := recover(); reason != nil {
			m.invoker.EscalateFailure(reason, message)
			again = true
		}
	}()
	for n := 1; ; n++ {
		if n%m.dispatcher.Throughput() == 0 {
			runtime.Gosched()
		}
		var system bool
		message, system = m.next()
		switch {
		case message == nil:
			return false
		case system:
			m.invoker.InvokeSystemMessage(message)
		default:
			m.invoker.InvokeUserMessage(message)
		}
	}
}

// next takes the next message. If there is none the run is over, under the same lock, so that no post is missed.
func (m *mailbox) next() (message any, system bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.system) > 0 {
		message = m.system[0]
		m.system[0] = nil
		if m.system = m.system[1:]; len(m.system) == 0 {
			m.system = nil
		}
		switch message.(type) {
		case *actor.SuspendMailbox:
			m.suspended = true
		case *actor.ResumeMailbox:
			m.suspended = false
		default:
			return message, true
		}
	}
	if m.suspended || m.head == len(m.user) {
		m.running = false
		return nil, false
	}
	message = m.user[m.head]
	m.user[m.head] = nil
	if m.head++; m.head == len(m.user) {
		m.user, m.head = m.user[:0], 0
		if m.idle || cap(m.user) > keptSlots {
			m.user = nil
		}
	}
	return message, false
}
