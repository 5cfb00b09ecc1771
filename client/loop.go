package client

import (
	"time"

	"tidings/protocol"
)

// event is what a link says.
type event struct {
	link   int
	frames []protocol.ServerFrame
	err    error // the link is over

	refused uint64          // the id of a request that a box on the way refused, with fault; 0: none
	fault   *protocol.Error // see refused
}

// timers are the times at which the loop has something to do; zero for never.
type timers struct {
	proof time.Time // next must have brought connected
	wake  time.Time // try again
	ping  time.Time // see whether it is time for a ping
	pong  time.Time // something must have been heard
	ask   time.Time // ask whether the link lives: an answer, or messages, are overdue
	doubt time.Time // that question has no answer: try another link beside this one
	retry time.Time // subscribe again what was refused for the moment
	again time.Time // subscribe again what rules ended
}

func (t *timers) next() time.Time {
	var first time.Time
	for _, at := range [...]time.Time{t.proof, t.wake, t.ping, t.pong, t.ask, t.doubt, t.retry, t.again} {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// due reports whether *at has come, and clears it.
func due(at *time.Time, now time.Time) bool {
	if at.IsZero() || now.Before(*at) {
		return false
	}
	*at = time.Time{}
	return true
}

func (c *Client) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var set time.Time
	for c.final == nil {
		if at := c.timers.next(); at != set {
			set = at
			if at.IsZero() {
				timer.Stop()
			} else {
				timer.Reset(time.Until(at))
			}
		}
		events, batches := c.events, c.dispatch.batches
		if c.full() {
			events = nil
		}
		if len(c.queue) == 0 {
			batches = nil
		}
		select {
		case fn := <-c.commands:
			fn()
		case e := <-events:
			c.onEvent(e)
		case batches <- c.queue:
			c.queue = nil
		case <-timer.C:
			set = time.Time{}
			c.onTime(time.Now())
		case <-c.closing:
			c.final = ErrClosed
		}
	}
	c.end()
}

func (c *Client) onEvent(e event) {
	from := c.carrier(e.link)
	if from == nil {
		return // of a link that was given up
	}
	if e.fault != nil {
		c.machine.Refused(e.refused, e.fault)
		return
	}
	if e.err == nil {
		now := time.Now()
		if from == c.current {
			c.timers.pong = time.Time{}
			c.alive(now)
		}
		c.lastHeard = now
		if from.transport == protocol.Poll {
			c.lastSent = c.lastHeard // the next poll leaves at once
		}
	}
	for i := range e.frames {
		f := &e.frames[i]
		if f.Type == protocol.TypeConnected && from == c.next {
			c.announced(f)
		}
		c.machine.Frame(e.link, f)
		if c.stuck {
			c.stuck = false
			c.stepDown(from)
		}
		if from != c.next && from != c.current {
			return // the frame ended the link
		}
	}
	if e.err != nil {
		c.machine.Lost(e.link)
		c.lost(from, e.err)
	}
}

func (c *Client) onTime(now time.Time) {
	t := &c.timers
	if c.full() { // what would meet these deadlines may lie unread
		for _, at := range []*time.Time{&t.proof, &t.pong, &t.ask, &t.doubt} {
			if due(at, now) {
				*at = now.Add(time.Second)
			}
		}
	}
	if due(&t.proof, now) && c.next != nil {
		c.machine.Lost(c.next.id)
		c.lost(c.next, errNoProof)
	}
	c.onSilence(now)
	if due(&t.pong, now) && c.current != nil {
		c.mute.went(c.current.transport, now)
		c.machine.Lost(c.current.id)
		c.lost(c.current, errNoPong)
	}
	if due(&t.wake, now) {
		c.startRound()
	}
	if due(&t.ping, now) && c.current != nil {
		c.beat(now)
	}
	if due(&t.retry, now) {
		c.machine.Retry()
	}
	if due(&t.again, now) {
		c.machine.Ask()
	}
}

// beat pings where nothing was sent, or nothing was heard, for a heartbeat. (Who only looked at what was sent would
// never find out that a line is dead on which it keeps sending.)
func (c *Client) beat(now time.Time) {
	since := c.lastSent
	if c.lastHeard.Before(since) {
		since = c.lastHeard
	}
	interval := c.interval()
	if rest := since.Add(interval).Sub(now); rest > 0 {
		c.timers.ping = now.Add(rest)
		return
	}
	c.machine.Ping()
	c.timers.ping = now.Add(interval)
}

// interval is a heartbeat, give or take a tenth. A long-poll is answered once in a heartbeat or so anyway: it gets a
// third more.
func (c *Client) interval() time.Duration {
	d := time.Duration(float64(c.heartbeat) * (0.9 + 0.2*c.cfg.Random()))
	if c.current != nil && c.current.transport == protocol.Poll {
		d += c.heartbeat / 3
	}
	return d
}

// end ends everything: the loop is over.
func (c *Client) end() {
	current := c.current
	if current != nil && c.final == ErrClosed {
		c.machine.Goodbye()
		c.flush(current)
	}
	c.cancel()
	for _, call := range c.calls {
		call.fail(c.final)
	}
	for _, t := range c.topics {
		for _, s := range t.listeners {
			c.tellEnd(s, c.final)
		}
	}
	c.setStatus(func(s *Status) {
		*s = Status{State: Closed}
		if c.final != ErrClosed {
			s.Err = c.final
		}
	})
	c.workers.Wait()
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
	c.mu.Lock()
	c.err = c.final
	c.mu.Unlock()
	close(c.done)
	c.drain()
}

// flush grants a link a moment to say goodbye.
func (c *Client) flush(current *carrier) {
	deadline := time.NewTimer(goodbyeDeadline)
	defer deadline.Stop()
	finished := current.link.finish()
	for {
		select {
		case <-c.events: // nobody listens any more
		case <-finished:
			return
		case <-deadline.C:
			return
		}
	}
}

// drain hands the last callbacks out, after Close none, and ends the dispatcher.
func (c *Client) drain() {
	defer close(c.dispatch.batches)
	if len(c.queue) == 0 {
		return
	}
	select {
	case c.dispatch.batches <- c.queue:
	case <-c.closing:
	}
}
