package actors

import (
	"context"
	"tidings/actors/ground"
	"time"
)

// drained clients come back after a random time up to a span that grows with their number: drainRate of them per second on the
// other nodes, at most maxSpread.
const (
	drainRate    = 500
	maxSpread    = 10 * time.Second
	drainSlice   = time.Second
	minSliceSize = 500
)

// Drain tells every client to come back, to another node, and returns when all have gone and every publish has its answer, or with ctx's
// error. New clients are refused from now on. Connections end in slices of a second over the time that ctx leaves, so that they do
// not all come back at once. Publishes are still taken.
func (b *Bus) Drain(ctx context.Context) error {
	b.draining.Store(true)
	list := b.registry.all()
	spread := min(time.Duration(len(list))*time.Second/drainRate, maxSpread)
	size := sliceSize(ctx, len(list))
	for len(list) > 0 {
		n := min(size, len(list))
		for _, c := range list[:n] {
			b.send(c.pid, end{fault: errStopped, afterMS: spread.Milliseconds()})
		}
		if list = list[n:]; len(list) > 0 && !ground.Pause(ctx, drainSlice) {
			return ctx.Err()
		}
	}
	for b.registry.len() > 0 || b.publishing.Load() > 0 {
		if !ground.Pause(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// sliceSize spreads n connections over the slices that fit half the time that ctx leaves, in not too small slices.
func sliceSize(ctx context.Context, n int) int {
	deadline, ok := ctx.Deadline()
	if !ok {
		return max(minSliceSize, n/10+1)
	}
	slices := max(int(time.Until(deadline)/2/drainSlice), 1)
	return max(minSliceSize, n/slices+1)
}

// Stop ends everything at once: connections get disconnect with CodeShuttingDown. It returns when no actor and no goroutine of the bus is
// left. The broker stays open.
func (b *Bus) Stop() {
	b.draining.Store(true)
	if !b.stopping.CompareAndSwap(false, true) {
		return
	}
	b.stop()
	b.alarms.Stop()
	gone := b.sessions.Close()
	for _, c := range b.registry.all() {
		b.send(c.pid, end{fault: errStopped})
	}
	<-gone
	gone = b.channels.Close() // only a session starts a channel
	b.router.each(func(e *entry) { b.system.Stop(e.pid) })
	<-gone
	b.workers.Stop()
	b.clerks.Stop()
	b.reads.Wait()
	b.publishes.Wait()
	b.asking.Wait()
	for _, s := range b.shards {
		s.Stop()
	}
	b.background.Wait()
	b.system.Shutdown()
}
