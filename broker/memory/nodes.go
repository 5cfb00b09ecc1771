package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"tidings/broker"
	"tidings/protocol"
)

// Enter puts the node into the table.
func (n *Node) Enter(ctx context.Context, as broker.Node, lease time.Duration) error {
	if err := n.working(ctx); err != nil {
		return err
	}
	n.mu.Lock()
	n.id = as.ID
	n.mu.Unlock()
	all := &n.b.nodes
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.table == nil {
		all.table = map[string]place{}
	}
	as.Settings = maps.Clone(as.Settings)
	all.table[as.ID] = place{as, n.b.cfg.Now().Add(lease)}
	return nil
}

// Leave takes back what the node reported. It may report again.
func (n *Node) Leave(ctx context.Context) error {
	if err := n.working(ctx); err != nil {
		return err
	}
	n.takeBack()
	all := &n.b.nodes
	all.mu.Lock()
	defer all.mu.Unlock()
	all.list = append(slices.Clone(all.list), n)
	return nil
}

// Nodes returns the table.
func (n *Node) Nodes(ctx context.Context) ([]broker.Node, error) {
	if err := n.working(ctx); err != nil {
		return nil, err
	}
	all, now := &n.b.nodes, n.b.cfg.Now()
	all.mu.Lock()
	defer all.mu.Unlock()
	list := []broker.Node{}
	for _, id := range slices.Sorted(maps.Keys(all.table)) {
		if p := all.table[id]; now.Before(p.until) {
			p.Settings = maps.Clone(p.Settings)
			list = append(list, p.Node)
		}
	}
	return list, nil
}

// Heard keeps how many subscriptions the node has.
func (n *Node) Heard(ctx context.Context, ch protocol.Channel, count int) error {
	if err := n.working(ctx); err != nil {
		return err
	}
	n.b.nodes.mu.Lock()
	defer n.b.nodes.mu.Unlock()
	if count == 0 {
		delete(n.heard, ch)
	} else {
		n.heard[ch] = count
	}
	return nil
}

// all returns the nodes.
func (all *nodes) all() []*Node {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.list
}

// others adds up what the nodes but one have reported of a channel.
func (all *nodes) others(but *Node, ch protocol.Channel) (sum int) {
	now, lease := but.b.cfg.Now(), but.b.cfg.Lease
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, n := range all.list {
		if n != but && !n.over(now, lease) {
			sum += n.heard[ch]
		}
	}
	return sum
}

// Note keeps a note, and tells all who follow before it returns.
func (n *Node) Note(ctx context.Context, name, key string, value []byte, ttl time.Duration) error {
	if err := n.working(ctx); err != nil {
		return err
	}
	all, now := &n.b.nodes, n.b.cfg.Now()
	all.mu.Lock()
	defer all.mu.Unlock()
	b := all.board(name)
	told := broker.Note{Key: key}
	if value == nil || ttl <= 0 {
		delete(b.notes, key)
	} else {
		b.notes[key] = note{slices.Clone(value), now.Add(ttl)}
		told.Value, told.Left = slices.Clone(value), ttl
	}
	for _, f := range b.sinks {
		f.sink.Changed(told)
	}
	return nil
}

func (all *nodes) board(name string) *board {
	if all.books == nil {
		all.books = map[string]*board{}
	}
	b := all.books[name]
	if b == nil {
		b = &board{notes: map[string]note{}}
		all.books[name] = b
	}
	return b
}

// Follow brings the notes on the goroutines of who makes them.
func (n *Node) Follow(ctx context.Context, name string, sink broker.BoardSink) (stop func(), err error) {
	if err := n.working(ctx); err != nil {
		return nil, err
	}
	all, now := &n.b.nodes, n.b.cfg.Now()
	all.mu.Lock()
	defer all.mu.Unlock()
	b, f := all.board(name), &follower{sink}
	notes := []broker.Note{}
	for _, key := range slices.Sorted(maps.Keys(b.notes)) {
		if it := b.notes[key]; now.Before(it.until) {
			notes = append(notes, broker.Note{Key: key, Value: slices.Clone(it.value), Left: it.until.Sub(now)})
		}
	}
	sink.All(notes)
	b.sinks = append(b.sinks, f)
	return n.track(func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		b.sinks = slices.DeleteFunc(b.sinks, func(o *follower) bool { return o == f })
	}), nil
}

// Swap decides under one lock.
func (n *Node) Swap(ctx context.Context, key string, was, is []byte, ttl time.Duration) ([]byte, error) {
	if err := n.working(ctx); err != nil {
		return nil, err
	}
	all, now := &n.b.nodes, n.b.cfg.Now()
	all.mu.Lock()
	defer all.mu.Unlock()
	held := all.swaps[key]
	if !now.Before(held.until) {
		held.value = nil
	}
	if (held.value == nil) != (was == nil) || string(held.value) != string(was) {
		return slices.Clone(held.value), nil
	}
	if is == nil {
		delete(all.swaps, key)
		return nil, nil
	}
	if all.swaps == nil {
		all.swaps = map[string]swapped{}
	}
	all.swaps[key] = swapped{slices.Clone(is), now.Add(ttl)}
	return slices.Clone(is), nil
}

// sweep drops what is over its time, with the reports of nodes that died a lease ago.
func (all *nodes) sweep(now time.Time, lease time.Duration) {
	for _, n := range all.expire(now) {
		if n.over(now, lease) {
			n.takeBack()
		}
	}
}

// expire drops what is over its time, and returns the nodes.
func (all *nodes) expire(now time.Time) []*Node {
	all.mu.Lock()
	defer all.mu.Unlock()
	maps.DeleteFunc(all.table, func(_ string, p place) bool { return !now.Before(p.until) })
	maps.DeleteFunc(all.swaps, func(_ string, s swapped) bool { return !now.Before(s.until) })
	for _, b := range all.books {
		maps.DeleteFunc(b.notes, func(_ string, it note) bool { return !now.Before(it.until) })
	}
	return all.list
}
