package transports

import "sync"

// answers gives the answers of held polls on few goroutines: a message to many of them would start one for each, and the runtime keeps
// what it knows of a goroutine, 500 bytes, for ever. What is run here does not wait.
type answers struct {
	mu      sync.Mutex // guards all below
	queue   []func()
	head    int // queue[:head] is done
	running int
}

// maxAnswering is how many run at once.
const maxAnswering = 32

func (a *answers) run(fn func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running == maxAnswering {
		a.queue = append(a.queue, fn)
		return
	}
	a.running++
	go func() {
		for ; fn != nil; fn = a.next() {
			fn()
		}
	}()
}

func (a *answers) next() func() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.head == len(a.queue) {
		a.queue, a.head = nil, 0
		a.running--
		return nil
	}
	fn := a.queue[a.head]
	a.queue[a.head] = nil
	a.head++
	return fn
}
