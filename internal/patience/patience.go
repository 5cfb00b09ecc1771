// Package patience is about waiting: a context with a deadline for what mostly does not wait, and times that are
// spread.
package patience

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Patience is a context with a deadline that costs one allocation, and a timer only once somebody waits for it.
type Patience struct {
	context.Context // the parent
	until           time.Time

	mu     sync.Mutex // guards all below
	waited context.Context
	cancel context.CancelFunc
	over   bool
}

// New returns a context that ends after d, or with its parent.
func New(parent context.Context, d time.Duration) *Patience {
	return &Patience{Context: parent, until: time.Now().Add(d)}
}

// End frees what waiting cost. Whoever still waits sees the context done.
func (p *Patience) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.cancel != nil {
		p.cancel()
	}
}

// Deadline implements context.Context.
func (p *Patience) Deadline() (time.Time, bool) { return p.until, true }

// Done implements context.Context.
func (p *Patience) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waited == nil {
		p.waited, p.cancel = context.WithDeadline(p.Context, p.until)
		if p.over {
			p.cancel()
		}
	}
	return p.waited.Done()
}

// Err implements context.Context.
func (p *Patience) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.waited != nil:
		return p.waited.Err()
	case p.over:
		return context.Canceled
	case !time.Now().Before(p.until):
		return context.DeadlineExceeded
	}
	return p.Context.Err()
}

// Jittered returns d, give or take a fifth, so that what began together does not go on together.
func Jittered(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*d/5+1)
}
