package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// progress counts what goes by and prints the count, each second and at the end. A nil one is silent.
type progress struct {
	out   io.Writer
	what  string // such as "published"
	n     atomic.Int64
	began time.Time
	done  chan struct{}
	ended chan struct{}
}

const progressPeriod = time.Second

// startProgress returns a progress if show is set, else nil.
func startProgress(show bool, out io.Writer, what string) *progress {
	if !show {
		return nil
	}
	p := &progress{out: out, what: what, began: time.Now(), done: make(chan struct{}), ended: make(chan struct{})}
	go p.run()
	return p
}

func (p *progress) add(n int) {
	if p != nil {
		p.n.Add(int64(n))
	}
}

func (p *progress) run() {
	defer close(p.ended)
	tick := time.NewTicker(progressPeriod)
	defer tick.Stop()
	for before := int64(0); ; {
		select {
		case <-tick.C:
			now := p.n.Load()
			fmt.Fprintf(p.out, "tidings: %d %s, %d/s\n", now, p.what, now-before)
			before = now
		case <-p.done:
			fmt.Fprintf(p.out, "tidings: %d %s in %v\n", p.n.Load(), p.what, time.Since(p.began).Round(time.Millisecond))
			return
		}
	}
}

// stop prints the sum.
func (p *progress) stop() {
	if p != nil {
		close(p.done)
		<-p.ended
	}
}
