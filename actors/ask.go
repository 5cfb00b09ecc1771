package actors

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"tidings/protocol"
	"time"
)

// Channels asks for a page of the channels that somebody hears on this node, or heard a short time ago.
type Channels struct {
	Prefix string                      // of the names, "" for all
	After  protocol.Channel            // names above this one; "" for the first page
	Limit  int                         // at least 1
	Only   func(protocol.Channel) bool // lists those for which it gives true; nil means all
}

// ChannelInfo is one channel of this node.
type ChannelInfo struct {
	Name        protocol.Channel
	Subscribers int               // on this node
	Position    protocol.Position // the channel's top, as the broker has it
}

// Channels lists channels by name; more tells that there are others after them. It walks all channels: call it for a
// person or a script, not for a message. It fails as History does.
func (b *Bus) Channels(ctx context.Context, q Channels) (list []ChannelInfo, more bool, err error) {
	var entries []*entry
	b.router.each(func(e *entry) {
		if e.name > q.After && strings.HasPrefix(string(e.name), q.Prefix) && (q.Only == nil || q.Only(e.name)) {
			entries = append(entries, e)
		}
	})
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.name, b.name) })
	if more = len(entries) > q.Limit; more {
		entries = entries[:q.Limit]
	}
	tops, err := b.tops(ctx, entries)
	if err != nil {
		return nil, false, err
	}
	for i, e := range entries {
		list = append(list, ChannelInfo{Name: e.name, Subscribers: int(e.live.Load()), Position: tops[i]})
	}
	return list, more, nil
}

// topsAtOnce is how many channels' positions are asked for at once: one after the other would be a round trip each.
const topsAtOnce = 16

// tops asks the broker for the newest positions of channels. It fails if one cannot be had.
func (b *Bus) tops(ctx context.Context, entries []*entry) ([]protocol.Position, error) {
	found, errs := make([]protocol.Position, len(entries)), make([]error, len(entries))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(topsAtOnce, len(entries)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(entries); i = int(next.Add(1)) - 1 {
				if found[i], errs[i] = b.top(ctx, entries[i].name); errs[i] != nil {
					next.Store(int64(len(entries))) // the others would fail, too
				}
			}
		})
	}
	all.Wait()
	return found, cmp.Or(errs...)
}

// Connections asks for a page of this node's connections.
type Connections struct {
	Channel protocol.Channel // those that are subscribed to it; "" for all
	User    string           // those of one user; "" for all
	After   string           // ids above this one; "" for the first page
	Limit   int              // at least 1
}

// ConnectionInfo is one connection of this node. Its ID is public; its session is a secret and not here.
type ConnectionInfo struct {
	ID            string
	User          string // "" for an anonymous client
	Transport     string // protocol.WebSocket, SSE or Poll: that of its last link
	Fallback      string // why that is not the client's first transport, in the client's word; "" if it is
	Gateway       protocol.Gateway
	State         string // ConnectionLinked or ConnectionParked
	Since         time.Time
	Subscriptions int
}

// The states of a connection.
const (
	ConnectionLinked = "linked" // it has a transport; one on long-poll also between two polls
	ConnectionParked = "parked" // its transport was lost
)

// Connections lists connections by id; more tells that there are others after them. It walks all connections, and with
// a Channel asks them one by one: call it for a person or a script, not for a message. It fails with CodeTimeout if ctx
// ends before.
func (b *Bus) Connections(ctx context.Context, q Connections) (list []ConnectionInfo, more bool, err error) {
	all := slices.DeleteFunc(b.registry.all(), func(c *Connection) bool {
		return c.id <= q.After || q.User != "" && c.Identity().User != q.User
	})
	slices.SortFunc(all, func(a, b *Connection) int { return cmp.Compare(a.id, b.id) })
	for chunk := range slices.Chunk(all, q.Limit+1) {
		found, err := b.describe(ctx, chunk, q.Channel)
		if err != nil {
			return nil, false, err
		}
		for _, c := range chunk {
			d, ok := found[c.id]
			if !ok || q.Channel != "" && !d.subscribed {
				continue
			}
			if len(list) == q.Limit {
				return list, true, nil
			}
			list = append(list, b.info(c, d))
		}
	}
	return list, false, nil
}

func (b *Bus) info(c *Connection, d description) ConnectionInfo {
	state := ConnectionLinked
	if d.state == sessionParked {
		state = ConnectionParked
	}
	return ConnectionInfo{
		ID: c.id, User: c.Identity().User, Transport: c.kind().String(), Fallback: c.fallback(), Gateway: c.via, State: state, Subscriptions: d.subscriptions,
		Since: b.started.Add(time.Duration(c.opened) * time.Second),
	}
}

// Tail sees the messages of those channels for which only gives true, or of all if it is nil; only is called at each
// publish and must not wait. It fails with CodeOverloaded if there are MaxTails.
func (b *Bus) Tail(only func(protocol.Channel) bool) (*Tail, error) {
	b.tails.mu.Lock()
	defer b.tails.mu.Unlock()
	if len(b.tails.all) >= MaxTails {
		return nil, &protocol.Error{Code: protocol.CodeOverloaded, Reason: "there are as many tails as there may be", Hint: "End one of the 8."}
	}
	if b.tails.all == nil {
		b.tails.all = map[*Tail]struct{}{}
	}
	c := make(chan Seen, tailBuffer)
	t := &Tail{C: c, c: c, only: only, of: &b.tails}
	b.tails.all[t] = struct{}{}
	b.tails.n.Add(1)
	return t, nil
}

// askPause is how often those who have not answered are looked at.
const askPause = 20 * time.Millisecond

// describe asks connections how they stand. Those that end meanwhile are not in the answer. It fails with CodeTimeout
// if one does not answer before ctx ends.
func (b *Bus) describe(ctx context.Context, list []*Connection, ch protocol.Channel) (map[string]description, error) {
	answers := make(chan description, len(list))
	for _, c := range list {
		b.send(c.pid, describe{channel: ch, reply: answers})
	}
	found := make(map[string]description, len(list))
	tick := time.NewTicker(askPause)
	defer tick.Stop()
	for {
		select {
		case d := <-answers:
			if found[d.id] = d; len(found) == len(list) {
				return withoutEnded(found), nil
			}
		case <-tick.C:
			if allAnswered(list, found) && len(answers) == 0 {
				return withoutEnded(found), nil
			}
		case <-ctx.Done():
			return nil, errLate
		}
	}
}

var errLate = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the node is too busy to answer in time", Hint: "Ask again in a moment, for less."}

func allAnswered(list []*Connection, found map[string]description) bool {
	for _, c := range list {
		if _, ok := found[c.id]; !ok && !c.ended.Load() {
			return false
		}
	}
	return true
}

func withoutEnded(found map[string]description) map[string]description {
	for id, d := range found {
		if d.state == sessionEnded {
			delete(found, id)
		}
	}
	return found
}

// top asks the broker for a channel's newest position.
func (b *Bus) top(ctx context.Context, ch protocol.Channel) (top protocol.Position, err error) {
	err = b.callWith(ctx, func(ctx context.Context) error {
		page, err := b.broker.History(ctx, ch, protocol.Position{}, 1)
		top = page.Top
		return err
	})
	if err != nil {
		return protocol.Position{}, b.failure(err, errBroker)
	}
	return top, nil
}
