package actors

import (
	"context"
	"tidings/actors/ground"
	"tidings/protocol"
	"time"
)

// How fast clients are sent away. A node whose clients go to other nodes sends at least leastSlice of them in a second,
// and tells each to come back within that second. A node that is alone sends at least lonelySlice, and they come back
// within a time that grows with their number: lonelyRate of them a second, within at most lonelySpread.
const (
	drainSlice   = time.Second
	leastSlice   = 50
	drainReserve = 5 * time.Second // of the window, for what is under way at the end
	lonelySlice  = 500
	lonelyRate   = 500
	lonelySpread = 10 * time.Second
)

// lastWords is how long a node among others still answers after its last client was sent away: a client that was between
// two polls then, perhaps at another node, hears at once that its session is gone, and not after a broken request.
const lastWords = time.Second

// foreignSteps is over how many parts of a second the clients of gateways leave that go in it. They are not told when
// to come back, so their own ends are spread.
const foreignSteps = 10

// Retire has the node say that no new clients are to be sent to it, and waits for delay, or for ctx, so that balancers
// and other nodes hear of it. Until Drain all goes on as before: clients that are sent here are still taken. It does not
// wait if there is no other node that they could be sent to.
func (b *Bus) Retire(ctx context.Context, delay time.Duration) {
	b.retiring.Store(true)
	b.cluster.hurry()
	if len(b.Others()) > 0 {
		ground.Pause(ctx, delay)
	}
}

// Drain asks every client to come back, to another node, and returns when all have gone and every publish has its
// answer, or with ctx's error. New clients are refused from now on. Connections end in slices of a second over the time
// that ctx leaves, so that they do not all come back at once; those without a transport end last. Publishes are still
// taken.
func (b *Bus) Drain(ctx context.Context) error {
	b.retiring.Store(true)
	b.draining.Store(true)
	b.cluster.hurry()
	all := b.registry.all()
	linked := make([]*Connection, 0, len(all))
	for _, c := range all {
		if _, ok := c.out.Attached(); ok {
			linked = append(linked, c)
		}
	}
	pace, told := b.paceOf(ctx, len(all)), map[*Connection]bool{}
	for len(linked) > 0 {
		n := min(pace.size, len(linked))
		for _, c := range linked[:n] {
			told[c] = true
		}
		if !b.sendAway(ctx, linked[:n], pace.spread, len(linked) > n) {
			return ctx.Err()
		}
		linked = linked[n:]
	}
	for b.registry.len() > 0 || b.publishing.Load() > 0 {
		for _, c := range b.registry.all() { // parked ones, and those that came as it began
			if !told[c] {
				told[c] = true
				b.send(c.pid, end{fault: errStopped, afterMS: pace.spread.Milliseconds()})
			}
		}
		if !ground.Pause(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
	if len(all) > 0 && len(b.Others()) > 0 && !ground.Pause(ctx, lastWords) {
		return ctx.Err()
	}
	return nil
}

// sendAway ends the connections of one slice, and returns when the next may begin, or with false if ctx has ended. The
// last slice is not waited for to its end.
func (b *Bus) sendAway(ctx context.Context, slice []*Connection, spread time.Duration, more bool) bool {
	var foreign []*Connection
	for _, c := range slice {
		if c.via != protocol.NoGateway {
			foreign = append(foreign, c)
			continue
		}
		b.send(c.pid, end{fault: errStopped, afterMS: spread.Milliseconds()})
	}
	for left := foreignSteps; left > 0 && (more || len(foreign) > 0); left-- {
		n := (len(foreign) + left - 1) / left
		for _, c := range foreign[:n] {
			b.send(c.pid, end{fault: errStopped})
		}
		foreign = foreign[n:]
		if !ground.Pause(ctx, drainSlice/foreignSteps) {
			return false
		}
	}
	return true
}

// pace is how many connections end in a second, and within what time their clients come back.
type pace struct {
	size   int
	spread time.Duration
}

// paceOf returns the pace at which n connections leave within ctx. The window decides: if other nodes accept fewer, that
// is logged with the window that would be long enough.
func (b *Bus) paceOf(ctx context.Context, n int) pace {
	deadline, bounded := ctx.Deadline()
	window := time.Until(deadline)
	accepted, others := b.acceptedElsewhere()
	if others == 0 {
		p := pace{size: n/10 + 1, spread: min(time.Duration(n)*time.Second/lonelyRate, lonelySpread)}
		if bounded {
			p.size = perSlice(n, window/2)
		}
		p.size = max(p.size, lonelySlice)
		return p
	}
	p := pace{size: leastSlice, spread: drainSlice}
	if bounded {
		p.size = max(p.size, perSlice(n, max(window-drainReserve, window/2)))
	}
	if most := max(leastSlice, accepted/2); accepted > 0 && p.size > most {
		enough := time.Duration((n+most-1)/most)*drainSlice + drainReserve
		b.log.Warn("the drain window is short for what the other nodes accept: some clients will be refused, and come again",
			"connections", n, "window", window.String(), "a_second", p.size, "accepted_a_second", accepted, "hint", "set drain to "+enough.String()+" or more, or limits.connects higher")
	}
	return p
}

// perSlice is how many of n connections end in each slice, so that all are gone within a time.
func perSlice(n int, within time.Duration) int { return n/max(int(within/drainSlice), 1) + 1 }

// acceptedElsewhere returns how many connections a second the other nodes accept together that stay, 0 if one of them
// has no bound, and how many they are.
func (b *Bus) acceptedElsewhere() (accepted, others int) {
	bounded := true
	for _, n := range b.Nodes() {
		if n.ID == b.Self() || n.Draining {
			continue
		}
		others++
		accepted += n.Accepts
		bounded = bounded && n.Accepts > 0
	}
	if !bounded {
		accepted = 0
	}
	return accepted, others
}
