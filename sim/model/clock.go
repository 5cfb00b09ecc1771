package model

import "time"

// clock is the one heap of events: virtual time moves only when an event is taken. Events of one moment run in the
// order in which they were set, so that a run depends on its plan and seed alone.
type clock struct {
	now  time.Duration
	seq  uint64
	heap []event
}

type event struct {
	at  time.Duration
	seq uint64
	do  func()
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// after runs do in d; at once, but not within the caller, where d is 0.
func (c *clock) after(d time.Duration, do func()) { c.at(c.now+d, do) }

func (c *clock) at(t time.Duration, do func()) {
	c.seq++
	c.heap = append(c.heap, event{max(t, c.now), c.seq, do})
	i := len(c.heap) - 1
	for i > 0 {
		p := (i - 1) / 2
		if !c.heap[i].before(c.heap[p]) {
			break
		}
		c.heap[i], c.heap[p] = c.heap[p], c.heap[i]
		i = p
	}
}

// run takes events until end; it leaves the clock there.
func (c *clock) run(end time.Duration) (events int) {
	for len(c.heap) > 0 && c.heap[0].at <= end {
		e := c.pop()
		c.now = e.at
		e.do()
		events++
	}
	c.now = end
	return events
}

func (c *clock) pop() event {
	top := c.heap[0]
	n := len(c.heap) - 1
	c.heap[0] = c.heap[n]
	c.heap[n] = event{}
	c.heap = c.heap[:n]
	i := 0
	for {
		l := 2*i + 1
		if l >= n {
			break
		}
		if r := l + 1; r < n && c.heap[r].before(c.heap[l]) {
			l = r
		}
		if !c.heap[l].before(c.heap[i]) {
			break
		}
		c.heap[i], c.heap[l] = c.heap[l], c.heap[i]
		i = l
	}
	return top
}
