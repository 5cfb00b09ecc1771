package redisbroker

import (
	"context"
	"time"

	"tidings/protocol"
)

// keepLeases renews the node's leases, says anew what was lost, and takes back what nodes said whose leases are over.
func (b *Broker) keepLeases(ctx context.Context) {
	tick := time.NewTicker(b.cfg.Lease / 6)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.crowd.wake:
		case <-tick.C:
			for _, p := range b.crowd.leased() {
				if answer, err := b.ask(ctx, renewScript, p, b.cfg.Node, millis(b.cfg.Lease)); err == nil && answer == 0 {
					b.crowd.lost(p)
				}
			}
			for p := range b.cfg.Partitions {
				if b.reap(ctx, p, "") != nil {
					break
				}
			}
		}
		b.restate(ctx)
	}
}

// ask runs a script that has the partition's nodes as its key, and answers a number.
func (b *Broker) ask(ctx context.Context, s *script, p int, args ...string) (int64, error) {
	resp, _, err := b.do(ctx, s, p, []string{b.tag(p) + "nodes"}, args)
	if err != nil {
		return 0, err
	}
	return resp.AsInt64()
}

// reap takes back what a node said in a partition; "" is any node whose lease is over.
func (b *Broker) reap(ctx context.Context, p int, node string) error {
	for {
		if more, err := b.ask(ctx, reapScript, p, b.tag(p), node, millis(rememberAsked)); err != nil || more == 0 {
			return err
		}
	}
}

// restate says again who is there. What Redis may still have of before is taken back first: some may have left since.
func (b *Broker) restate(ctx context.Context) {
	for p, channels := range b.crowd.again() {
		err := b.reap(ctx, p, b.cfg.Node)
		for ch, members := range channels {
			for len(members) > 0 && err == nil {
				some := members[:min(len(members), attendRows)]
				members = members[len(some):]
				err = b.attend(ctx, p, ch, b.crowd.still(p, ch, some), nil)
			}
		}
		if err != nil && ctx.Err() == nil {
			b.crowd.lost(p)
			pause(ctx, min(time.Second, b.cfg.Lease/6))
		}
	}
}

// still returns those who are there now, too: one may have left while others were said again.
func (c *crowd) still(p int, ch protocol.Channel, members []protocol.Member) (now []protocol.Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.part(p).members[ch]
	for _, m := range members {
		if _, ok := in[m]; ok {
			now = append(now, m)
		}
	}
	return now
}

// goodbye takes back all that the node said.
func (b *Broker) goodbye(ctx context.Context) {
	for _, p := range b.crowd.leased() {
		if b.reap(ctx, p, b.cfg.Node) != nil {
			return
		}
	}
}
