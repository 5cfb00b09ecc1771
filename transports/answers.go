package transports

import "sync"

// answers writes the answers of waiting polls on few goroutines. Without it a message to many of them would start one
// goroutine each, and the runtime never frees the 500 bytes that it keeps of every goroutine. No function run here
// waits.
type answers struct {
	mu      sync.Mutex // guards all below
	queue   []func()
	head    int // queue[:head] has run
	running int
}

// maxAnswering is how many functions run at once.
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
