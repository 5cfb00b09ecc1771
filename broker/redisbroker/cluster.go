package redisbroker

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"tidings/broker"
	"tidings/broker/redisbroker/redis"
	"tidings/protocol"
)

// CheckEvery is a minute: what a connection does not show is an evicted key, or a server that lies.
func (b *Broker) CheckEvery() time.Duration { return time.Minute }

// tableKeys are the keys of the table of nodes, which is in partition 0.
func (b *Broker) tableKeys() []string {
	return []string{b.layout.Tag(0) + "table", b.layout.Tag(0) + "reports"}
}

// Enter puts the node into the table.
func (b *Broker) Enter(ctx context.Context, as broker.Node, lease time.Duration) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	report, err := json.Marshal(as)
	if err != nil {
		return b.readFailed(nil)
	}
	b.entered.Store(&as.ID)
	if _, _, err := b.servers.Do(ctx, redis.Enter, 0, b.tableKeys(), []string{as.ID, redis.Millis(lease), string(report)}); err != nil {
		return b.readFailed(err) // safe to repeat
	}
	return nil
}

// Leave takes back what the node reported. It may report again.
func (b *Broker) Leave(ctx context.Context) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	if err := b.goodbye(ctx); err != nil {
		return b.readFailed(err)
	}
	return nil
}

// Nodes returns the table.
func (b *Broker) Nodes(ctx context.Context) ([]broker.Node, error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	resp, _, err := b.servers.Do(ctx, redis.Nodes, 0, b.tableKeys(), nil)
	if err != nil {
		return nil, b.readFailed(err)
	}
	reports, err := resp.AsStrSlice()
	if err != nil {
		return nil, b.readFailed(err)
	}
	list := []broker.Node{}
	for _, report := range reports {
		var n broker.Node
		if json.Unmarshal([]byte(report), &n) == nil && n.ID != "" {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b broker.Node) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// Swap decides in one script. A key belongs to a partition as a channel does.
func (b *Broker) Swap(ctx context.Context, key string, was, is []byte, ttl time.Duration) ([]byte, error) {
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	p := b.layout.Partition(protocol.Channel(key))
	there := []byte("--")
	if was != nil {
		there[0] = 'b'
	}
	if is != nil {
		there[1] = 'b'
	}
	resp, _, err := b.servers.Do(ctx, redis.Swap, p, []string{b.layout.Tag(p) + "k:" + key}, []string{string(there), string(was), string(is), redis.Millis(max(ttl, time.Millisecond))})
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, b.writeFailed(err)
	}
	now, err := resp.AsBytes()
	if err != nil {
		return nil, b.writeFailed(nil)
	}
	return slices.Clone(now), nil
}

// Heard notes in Redis how many subscriptions a channel has on this node.
func (b *Broker) Heard(ctx context.Context, ch protocol.Channel, n int) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	p := b.layout.Partition(ch)
	b.crowd.hears(p, ch, n)
	if err := b.hears(ctx, p, ch, n); err != nil {
		return b.readFailed(err) // safe to repeat
	}
	return nil
}
