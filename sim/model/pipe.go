package model

import "time"

// pipe is one direction of a connection: in order, delayed, sometimes stalled, until it is dead; then what is in flight
// is lost.
type pipe struct {
	w        *World
	rng      *rng
	slow     time.Duration // of this path, one way
	queue    []func()
	last     time.Duration
	stalled  time.Duration
	dead     bool
	inflight int
}

func (p *pipe) send(arrive func()) {
	if p.dead {
		return
	}
	d := p.rng.between(p.slow, p.slow+5*time.Millisecond)
	if p.rng.chance(2) {
		d += p.rng.between(0, 300*time.Millisecond)
	}
	p.last = max(p.last, p.w.now+d, p.stalled)
	p.queue = append(p.queue, arrive)
	p.inflight++
	p.w.at(p.last, p.next)
}

func (p *pipe) next() {
	if len(p.queue) == 0 {
		return
	}
	if p.w.now < p.stalled {
		p.w.at(p.stalled, p.next)
		return
	}
	arrive := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	p.inflight--
	arrive()
}

func (p *pipe) stall(d time.Duration) {
	p.stalled = max(p.stalled, p.w.now+d)
	p.last = max(p.last, p.stalled)
}

func (p *pipe) kill() {
	p.dead, p.queue, p.inflight = true, nil, 0
}

// process is something that can be frozen or gone: what reaches it while it is frozen waits, as in a kernel's buffers,
// and what was meant for one that is gone is lost.
type process struct {
	w       *World
	life    int // counts up with every death
	up      bool
	frozen  time.Duration
	backlog []func()
	waking  bool
}

// deliver runs do when the process of the given life can.
func (p *process) deliver(life int, do func()) {
	if p.life != life || !p.up {
		return
	}
	if p.w.now < p.frozen || len(p.backlog) > 0 {
		p.backlog = append(p.backlog, do)
		if !p.waking {
			p.waking = true
			p.w.at(p.frozen, func() { p.wake(life) })
		}
		return
	}
	do()
}

// after is a timer of the process.
func (p *process) after(d time.Duration, do func()) {
	life := p.life
	p.w.after(d, func() { p.deliver(life, do) })
}

func (p *process) wake(life int) {
	if p.life != life {
		return
	}
	if p.w.now < p.frozen {
		p.w.at(p.frozen, func() { p.wake(life) })
		return
	}
	for len(p.backlog) > 0 && p.life == life && p.w.now >= p.frozen {
		do := p.backlog[0]
		p.backlog[0] = nil
		p.backlog = p.backlog[1:]
		do()
	}
	if p.life == life {
		p.waking = false
	}
}

func (p *process) die() {
	p.life++
	p.up, p.backlog, p.waking, p.frozen = false, nil, false, 0
}
