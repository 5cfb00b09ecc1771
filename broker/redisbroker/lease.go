package redisbroker

import (
	"context"
	"strconv"
	"time"

	"tidings/broker/redisbroker/redis"
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
			b.renew(ctx)
			for p := range b.cfg.Partitions {
				if b.reap(ctx, p, "") != nil {
					break
				}
			}
		}
		b.restate(ctx)
	}
}

// renew prolongs the node's leases. Where there is none any more, all that the node said was taken back.
func (b *Broker) renew(ctx context.Context) {
	for _, p := range b.crowd.leased() {
		if answer, err := b.ask(ctx, redis.Renew, p, b.cfg.Node, redis.Millis(b.cfg.Lease)); err == nil && answer == 0 {
			b.crowd.lost(p)
		}
	}
}

// ask runs a script that has the partition's nodes as its key, and answers a number.
func (b *Broker) ask(ctx context.Context, s *redis.Script, p int, args ...string) (int64, error) {
	resp, _, err := b.servers.Do(ctx, s, p, []string{b.layout.Tag(p) + "nodes"}, args)
	if err != nil {
		return 0, err
	}
	return resp.AsInt64()
}

// reap takes back what a node said in a partition; "" is any node whose lease is over.
func (b *Broker) reap(ctx context.Context, p int, node string) error {
	for {
		if more, err := b.ask(ctx, redis.Reap, p, b.layout.Tag(p), node, redis.Millis(rememberAsked)); err != nil || more == 0 {
			return err
		}
	}
}

// restate repeats what the node has said. What Redis may still have of before is taken back first: some may have left
// since.
func (b *Broker) restate(ctx context.Context) {
	for p, said := range b.crowd.again() {
		err := b.reap(ctx, p, b.cfg.Node)
		for ch := range said.heard {
			if err == nil {
				err = b.hearsAgain(ctx, p, ch)
			}
		}
		for ch, members := range said.members {
			for len(members) > 0 && err == nil {
				some := members[:min(len(members), attendRows)]
				members = members[len(some):]
				err = b.attendAgain(ctx, p, ch, some)
			}
		}
		if err != nil && ctx.Err() == nil {
			b.crowd.lost(p)
			redis.Pause(ctx, min(time.Second, b.cfg.Lease/6))
		}
	}
}

// hearsAgain repeats how many subscriptions a channel has, until that is what the node said last.
func (b *Broker) hearsAgain(ctx context.Context, p int, ch protocol.Channel) error {
	for said := -1; ; {
		n := b.crowd.count(p, ch)
		if n == said {
			return nil
		}
		if err := b.hears(ctx, p, ch, n); err != nil {
			return err
		}
		said = n
	}
}

// attendAgain repeats that members are there, and takes back those who left meanwhile.
func (b *Broker) attendAgain(ctx context.Context, p int, ch protocol.Channel, members []protocol.Member) error {
	there, _ := b.crowd.still(p, ch, members)
	if err := b.attend(ctx, p, ch, there, nil); err != nil {
		return err
	}
	if _, gone := b.crowd.still(p, ch, there); len(gone) > 0 {
		return b.attend(ctx, p, ch, nil, gone)
	}
	return nil
}

// hears notes in Redis how many subscriptions a channel has here.
func (b *Broker) hears(ctx context.Context, p int, ch protocol.Channel, n int) error {
	tag := b.layout.Tag(p)
	keys := []string{tag + "r:" + string(ch), tag + "nodes", tag + "of:" + b.cfg.Node, tag + "c:" + string(ch)}
	return b.said(p, func(expected string) (string, error) {
		resp, _, err := b.servers.Do(ctx, redis.Heard, p, keys, []string{b.cfg.Node, redis.Millis(b.cfg.Lease), expected, string(ch), strconv.Itoa(n)})
		if err != nil {
			return "", err
		}
		return resp.ToString()
	})
}

// said has a script take what this node says in a partition. If all that it said there was taken back meanwhile, it is
// said again.
func (b *Broker) said(p int, say func(expected string) (string, error)) error {
	for {
		answer, err := say(b.crowd.expects(p))
		switch {
		case err != nil:
			return err
		case answer == "ok":
			b.crowd.renewed(p)
			return nil
		}
		b.crowd.lost(p)
	}
}

// goodbye takes back all that the node said.
func (b *Broker) goodbye(ctx context.Context) error {
	for _, p := range b.crowd.leave() {
		if err := b.reap(ctx, p, b.cfg.Node); err != nil {
			return err
		}
	}
	if id := b.entered.Swap(nil); id != nil {
		if _, _, err := b.servers.Do(ctx, redis.Enter, 0, b.tableKeys(), []string{*id, "0", ""}); err != nil {
			return err
		}
	}
	return nil
}
