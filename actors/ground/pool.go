package ground

import "sync"

// Pool runs functions that may wait, in at most max goroutines; more functions wait for their turn, in order. Its queue
// has no bound: each caller bounds what it has under way. A pool without work has no goroutine.
type Pool struct {
	max int

	mu      sync.Mutex // guards all below
	queue   []func()
	running int
	idle    *sync.Cond // running fell to 0
}

// NewPool returns a pool of at most max goroutines, at least 1.
func NewPool(max int) *Pool {
	p := &Pool{max: max}
	p.idle = sync.NewCond(&p.mu)
	return p
}

// Run has fn run as soon as a goroutine is free. It does not wait for it.
func (p *Pool) Run(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == p.max {
		p.queue = append(p.queue, fn)
		return
	}
	p.running++
	go p.work(fn)
}

func (p *Pool) work(fn func()) {
	for ; fn != nil; fn = p.next() {
		fn()
	}
}

func (p *Pool) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.queue = nil
		if p.running--; p.running == 0 {
			p.idle.Broadcast()
		}
		return nil
	}
	fn := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	return fn
}

// Wait returns when nothing runs.
func (p *Pool) Wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.running > 0 {
		p.idle.Wait()
	}
}

// Depth returns how many functions wait for their turn.
func (p *Pool) Depth() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}
