package transports

import (
	"context"
	"sync"
	"time"
)

// patience is a context with a deadline that costs nothing until somebody waits for it: most clients are let in at once.
type patience struct {
	context.Context // the parent
	until           time.Time

	mu     sync.Mutex // guards all below
	waited context.Context
	cancel context.CancelFunc
	over   bool
}

func newPatience(parent context.Context, d time.Duration) *patience {
	return &patience{Context: parent, until: time.Now().Add(d)}
}

// end lets go of what waiting cost. Who still waits is told.
func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.cancel != nil {
		p.cancel()
	}
}

func (p *patience) Deadline() (time.Time, bool) { return p.until, true }

func (p *patience) Done() <-chan struct{} {
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

func (p *patience) Err() error {
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
