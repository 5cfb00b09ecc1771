package model

import (
	"fmt"
	"tidings/protocol"
	"time"
)

// publisher is a backend that publishes over HTTP and repeats with the same key what has no answer.
type publisher struct {
	w   *World
	id  int
	rng *rng
}

func (p *publisher) burst(ch protocol.Channel, n int, within time.Duration) {
	for range n {
		o := p.w.newOp(ch, fmt.Sprint("p", p.id), p.rng)
		p.w.after(p.rng.between(0, within), func() { p.try(o, 0) })
	}
}

func (p *publisher) try(o *op, tries int) {
	w := p.w
	if o.acked || w.now > w.plan.Horizon+quiet-time.Second {
		return
	}
	n := w.nodes[p.rng.below(len(w.nodes))]
	life, done := n.life, false
	w.after(p.rng.between(time.Millisecond, 20*time.Millisecond), func() {
		if p.rng.chance(2) {
			return
		}
		n.deliver(life, func() {
			n.publish(o, func(a answer, ok bool) {
				if p.rng.chance(4) {
					return // the answer is lost
				}
				w.after(p.rng.between(time.Millisecond, 20*time.Millisecond), func() {
					if ok {
						w.ledger.acknowledged(o, a.at)
						done = true
					}
				})
			})
		})
	})
	w.after(p.rng.between(1200*time.Millisecond, 2*time.Second), func() {
		if !done {
			p.try(o, tries+1)
		}
	})
}
