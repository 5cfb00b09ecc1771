package actors

import "sync"

// pool runs what may wait, which is calls of the broker, in at most max goroutines; more wait their turn. Those who ask are bounded in
// what they ask. A pool without work has no goroutine.
type pool struct {
	max int

	mu      sync.Mutex // guards all below
	queue   []func()
	running int
	idle    *sync.Cond // running fell to 0
}

func newPool(max int) *pool {
	p := &pool{max: max}
	p.idle = sync.NewCond(&p.mu)
	return p
}

func (p *pool) run(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == p.max {
		p.queue = append(p.queue, fn)
		return
	}
	p.running++
	go p.work(fn)
}

func (p *pool) work(fn func()) {
	for ; fn != nil; fn = p.next() {
		fn()
	}
}

func (p *pool) next() func() {
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

// wait returns when nothing runs.
func (p *pool) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.running > 0 {
		p.idle.Wait()
	}
}

// depth is how many wait their turn.
func (p *pool) depth() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}
