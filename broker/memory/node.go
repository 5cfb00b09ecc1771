package memory

import (
	"context"
	"slices"
	"sync"
	"time"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

var _ interface {
	broker.Broker
	broker.Presence
	broker.Cluster
	broker.Board
	broker.Arbiter
	broker.Reach
	broker.Checked
	broker.Owned
	broker.Holder
	broker.Pinger
} = (*Node)(nil)

// Node is what one of several nodes in this process sees of a Broker that they share. A Broker that has nodes is used
// through them alone.
type Node struct {
	b     *Broker
	heard map[protocol.Channel]int // guarded by b.nodes.mu

	attended [presenceShards]map[protocol.Channel]map[protocol.Member]bool // each guarded by the lock of its part of the presence

	mu     sync.Mutex // guards all below
	id     string     // of the last Enter
	closed bool
	died   time.Time // of Kill; zero if it was not killed
	stops  map[*func()]struct{}
}

// Node returns another node's view of the broker.
func (b *Broker) Node() *Node {
	n := &Node{b: b, heard: map[protocol.Channel]int{}, stops: map[*func()]struct{}{}}
	b.nodes.mu.Lock()
	defer b.nodes.mu.Unlock()
	b.nodes.list = append(slices.Clone(b.nodes.list), n)
	return n
}

// nodes is what a broker keeps for the nodes that share it.
type nodes struct {
	mu    sync.Mutex // guards the rest, and what each has heard; taken after the presence's locks, never before. It is held while notes go out
	list  []*Node    // replaced, not changed
	table map[string]place
	books map[string]*board
	swaps map[string]swapped
}

// place is a node's in the table.
type place struct {
	broker.Node
	until time.Time
}

// board holds the notes of one board.
type board struct {
	notes map[string]note
	sinks []*follower
}

type note struct {
	value []byte
	until time.Time
}

// follower is one call of Follow.
type follower struct{ sink broker.BoardSink }

// swapped is what a key of Swap holds.
type swapped struct {
	value []byte
	until time.Time
}

// Close ends the node's subscriptions, and takes back all that it reported.
func (n *Node) Close() error {
	n.shut(time.Time{})
	n.takeBack()
	return nil
}

// Kill is the end of the node's process without a word: it hears nothing more, all its calls fail, and what it reported
// holds for Config.Lease, or as Enter said.
func (n *Node) Kill() { n.shut(n.b.cfg.Now()) }

func (n *Node) shut(died time.Time) {
	n.mu.Lock()
	stops := n.stops
	if !n.closed {
		n.closed, n.died, n.stops = true, died, nil
	}
	n.mu.Unlock()
	for stop := range stops {
		(*stop)()
	}
}

// takeBack takes back what the node reported.
func (n *Node) takeBack() {
	for i := range n.b.presence {
		p := &n.b.presence[i]
		p.mu.Lock()
		for ch, members := range n.attended[i] {
			var left []protocol.Member
			for m := range members {
				left = append(left, m)
			}
			p.attend(ch, nil, left, n)
		}
		p.mu.Unlock()
	}
	all := &n.b.nodes
	all.mu.Lock()
	defer all.mu.Unlock()
	all.list = slices.DeleteFunc(slices.Clone(all.list), func(m *Node) bool { return m == n })
	delete(all.table, n.name())
	clear(n.heard)
}

// over reports whether the node died a lease ago, so that nothing counts any more that it reported.
func (n *Node) over(now time.Time, lease time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.died.IsZero() && now.Sub(n.died) >= lease
}

func (n *Node) name() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.id
}

// working returns why a call cannot be made.
func (n *Node) working(ctx context.Context) error {
	if ctx.Err() != nil {
		return errTimeout
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errClosed
	}
	return nil
}

// track has Close call stop, unless who subscribed did.
func (n *Node) track(stop func()) func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		go stop() // it may wait for a sink
		return func() {}
	}
	n.stops[&stop] = struct{}{}
	return func() {
		n.mu.Lock()
		delete(n.stops, &stop)
		n.mu.Unlock()
		stop()
	}
}

func (n *Node) Publish(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
	if err := n.working(ctx); err != nil {
		return broker.Receipt{}, err
	}
	r, err := n.b.Publish(ctx, p)
	if err == nil {
		r.Others = n.b.nodes.others(n, p.Channel)
	}
	return r, err
}

func (n *Node) History(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
	if err := n.working(ctx); err != nil {
		return core.Page{}, err
	}
	return n.b.History(ctx, ch, after, limit)
}

func (n *Node) Last(ctx context.Context, ch protocol.Channel, limit int) (core.Page, error) {
	if err := n.working(ctx); err != nil {
		return core.Page{}, err
	}
	return n.b.Last(ctx, ch, limit)
}

func (n *Node) Subscribe(ctx context.Context, ch protocol.Channel, sink broker.Sink) (func(), error) {
	if err := n.working(ctx); err != nil {
		return nil, err
	}
	stop, err := n.b.Subscribe(ctx, ch, sink)
	if err != nil {
		return nil, err
	}
	return n.track(stop), nil
}

// Attend keeps the members of each node apart, so that one who is on two is there until both report that it left.
func (n *Node) Attend(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
	if err := n.working(ctx); err != nil {
		return err
	}
	p, err := n.b.attending(ctx, ch)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	p.attend(ch, joined, left, n)
	return nil
}

func (n *Node) Members(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
	if err := n.working(ctx); err != nil {
		return core.MembersPage{}, err
	}
	return n.b.Members(ctx, ch, after, limit)
}

func (n *Node) Watch(ctx context.Context, ch protocol.Channel, sink broker.MembersSink) (func(), error) {
	if err := n.working(ctx); err != nil {
		return nil, err
	}
	stop, err := n.b.Watch(ctx, ch, sink)
	if err != nil {
		return nil, err
	}
	return n.track(stop), nil
}

func (n *Node) Claim(ch protocol.Channel, owner string) error {
	if err := n.working(context.Background()); err != nil {
		return err
	}
	return n.b.Claim(ch, owner)
}

func (n *Node) Ping(ctx context.Context) error {
	if err := n.working(ctx); err != nil {
		return err
	}
	return n.b.Ping(ctx)
}

func (n *Node) Holdings() broker.Holdings { return n.b.Holdings() }

func (n *Node) CheckEvery() time.Duration { return n.b.CheckEvery() }
