package memory

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"

	"tidings/broker"
	"tidings/core"
	"tidings/protocol"
)

var _ broker.Presence = (*Broker)(nil)

// presenceShards is how many parts the table of rosters is cut into.
const presenceShards = 64

// presence is a part of the table of rosters. It holds those where somebody is, or that somebody watches: as much as
// its node says.
type presence struct {
	mu      sync.Mutex // guards the rest; held for the atomic step, so that sinks get changes in order
	rosters map[protocol.Channel]*roster
	closed  bool
	part    int // its place in the table; it does not change
}

type roster struct {
	members map[protocol.Member]struct{}
	version uint64
	sinks   []*watch
}

// watch is one call of Watch, with an identity of its own, also where two share a sink.
type watch struct{ sink broker.MembersSink }

// attending locks the part of the table that a channel is in.
func (b *Broker) attending(ctx context.Context, ch protocol.Channel) (*presence, error) {
	if ctx.Err() != nil {
		return nil, errTimeout
	}
	p := &b.presence[maphash.String(b.seed, string(ch))%presenceShards]
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	return p, nil
}

func (p *presence) open(ch protocol.Channel) *roster {
	r := p.rosters[ch]
	if r == nil {
		r = &roster{members: map[protocol.Member]struct{}{}}
		if p.rosters == nil {
			p.rosters = map[protocol.Channel]*roster{}
		}
		p.rosters[ch] = r
	}
	return r
}

// tidy forgets a roster that says nothing.
func (p *presence) tidy(ch protocol.Channel, r *roster) {
	if len(r.members) == 0 && len(r.sinks) == 0 {
		delete(p.rosters, ch)
	}
}

// Attend does its step under one lock and tells the sinks before it returns.
func (b *Broker) Attend(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
	p, err := b.attending(ctx, ch)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	p.attend(ch, joined, left, nil)
	return nil
}

// attend carries out a report, of one of several nodes if by is not nil. Its caller holds the lock.
func (p *presence) attend(ch protocol.Channel, joined, left []protocol.Member, by *Node) {
	r := p.open(ch)
	c := core.MembersChange{}
	for _, m := range joined {
		by.keep(p.part, ch, m)
		if _, ok := r.members[m]; !ok {
			r.members[m] = struct{}{}
			c.Joined = append(c.Joined, m)
		}
	}
	for _, m := range left {
		if !by.drop(p.part, ch, m) {
			continue
		}
		if _, ok := r.members[m]; ok {
			delete(r.members, m)
			c.Left = append(c.Left, m)
		}
	}
	if len(c.Joined)+len(c.Left) > 0 {
		r.version++
		c.Version, c.Count = r.version, len(r.members)
		for _, w := range r.sinks {
			w.sink.Changed(c)
		}
	}
	p.tidy(ch, r)
}

// keep notes that a member is on this node. The caller holds the lock of the presence's part.
func (n *Node) keep(part int, ch protocol.Channel, m protocol.Member) {
	if n == nil {
		return
	}
	if n.attended[part] == nil {
		n.attended[part] = map[protocol.Channel]map[protocol.Member]bool{}
	}
	if n.attended[part][ch] == nil {
		n.attended[part][ch] = map[protocol.Member]bool{}
	}
	n.attended[part][ch][m] = true
}

// drop notes that a member is not on this node, and reports whether it is on no other one.
func (n *Node) drop(part int, ch protocol.Channel, m protocol.Member) bool {
	if n == nil {
		return true
	}
	if here := n.attended[part][ch]; here[m] {
		if delete(here, m); len(here) == 0 {
			delete(n.attended[part], ch)
		}
	}
	return !slices.ContainsFunc(n.b.nodes.all(), func(o *Node) bool { return o.attended[part][ch][m] })
}

// Members reads what Attend was told. With a limit it takes time in proportion to the number of members.
func (b *Broker) Members(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
	p, err := b.attending(ctx, ch)
	if err != nil {
		return core.MembersPage{}, err
	}
	r := p.rosters[ch]
	if r == nil {
		p.mu.Unlock()
		return core.MembersPage{}, nil
	}
	page := core.MembersPage{Count: len(r.members), Version: r.version}
	if limit > 0 {
		page.Members = make([]protocol.Member, 0, len(r.members))
		for m := range r.members {
			if m.Compare(after) > 0 {
				page.Members = append(page.Members, m)
			}
		}
	}
	p.mu.Unlock()
	slices.SortFunc(page.Members, protocol.Member.Compare)
	if page.More = len(page.Members) > limit && limit > 0; page.More {
		page.Members = slices.Clone(page.Members[:limit])
	}
	return page, nil
}

// Watch brings changes on the goroutine of whoever says them. stop waits for one that is being handed out; it must not
// be called from the sink.
func (b *Broker) Watch(ctx context.Context, ch protocol.Channel, sink broker.MembersSink) (stop func(), err error) {
	p, err := b.attending(ctx, ch)
	if err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	r, w := p.open(ch), &watch{sink}
	r.sinks = append(r.sinks, w)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		r.sinks = slices.DeleteFunc(r.sinks, func(o *watch) bool { return o == w })
		if p.rosters[ch] == r {
			p.tidy(ch, r)
		}
	}, nil
}

func (p *presence) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, r := range p.rosters {
		r.sinks = nil
	}
	p.rosters = nil
}
