package actors

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"tidings/access"
	"tidings/protocol"
)

// SetRules puts other rules in the place of those of Config. They count for what clients ask for from now on, and subscriptions that they do not
// allow end at once: what waits of them for a client is not written any more. It fails where the rules do not compile, and changes nothing then.
func (b *Bus) SetRules(rules access.Rules) error {
	policy, err := rules.Compile()
	if err != nil {
		return err
	}
	b.policy.Store(policy)
	for _, c := range b.registry.all() { // those that come later know the new rules
		b.send(c.pid, RulesChanged{})
	}
	return nil
}

// SetTokens puts another verifier in the place of that of Config, for tokens that come from now on. It does not close the one before.
func (b *Bus) SetTokens(tokens *access.Tokens) { b.tokens.Store(tokens) }

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

// Channels lists channels by name; more tells that there are others after them. It walks all channels: call it for a person or a script,
// not for a message. It fails as History does.
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
	for _, e := range entries {
		top, err := b.top(ctx, e.name)
		if err != nil {
			return nil, false, err
		}
		subscribers, _, _ := e.reach()
		list = append(list, ChannelInfo{Name: e.name, Subscribers: subscribers, Position: top})
	}
	return list, more, nil
}

// top asks the broker for a channel's newest position.
func (b *Bus) top(ctx context.Context, ch protocol.Channel) (top protocol.Position, err error) {
	err = b.callWith(ctx, func(ctx context.Context) error {
		page, err := b.cfg.Broker.History(ctx, ch, protocol.Position{}, 1)
		top = page.Top
		return err
	})
	if err != nil {
		return protocol.Position{}, b.failure(err, errBroker)
	}
	return top, nil
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
	State         string // ConnectionLinked or ConnectionParked
	Since         time.Time
	Subscriptions int
}

// The states of a connection.
const (
	ConnectionLinked = "linked" // it has a transport; one on long-poll also between two polls
	ConnectionParked = "parked" // its transport was lost
)

// Connections lists connections by id; more tells that there are others after them. It walks all connections, and with a Channel asks them
// one by one: call it for a person or a script, not for a message. It fails with CodeTimeout where ctx ends before.
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
	if d.state == parked {
		state = ConnectionParked
	}
	return ConnectionInfo{
		ID: c.id, User: c.Identity().User, Transport: c.kind().String(), State: state, Subscriptions: d.subscriptions,
		Since: b.started.Add(time.Duration(c.opened) * time.Second),
	}
}

var errNoConnection = &protocol.Error{Code: protocol.CodeNotFound, Reason: "there is no connection of this id on this node", Hint: "It may have ended, or be on another node; GET /api/connections lists those that are here."}

// Send hands an event to one connection, by its public name, or to those of a page, by the page's own id. A parked one hears it when it comes back. It fails with CodeNotFound.
func (b *Bus) Send(connection string, e Sent) (receivers int, err error) {
	list := slices.DeleteFunc(b.named(connection), func(c *Connection) bool { return c.ended.Load() })
	if len(list) == 0 {
		return 0, errNoConnection
	}
	return b.hand(&e, list), nil
}

// Broadcast hands an event to every connection of this node, parked ones included, and gives their number; exact tells whether there is no
// other node.
func (b *Bus) Broadcast(e Sent) (receivers int, exact bool) {
	return b.sendWhere(e, func(access.Identity) bool { return true })
}

// SendUsers hands an event to every connection of some users on this node, as Broadcast does. It walks all connections: to send much to a user, publish to
// a channel of the user's.
func (b *Bus) SendUsers(users []string, e Sent) (receivers int, exact bool) {
	return b.sendWhere(e, func(id access.Identity) bool { return !id.Anonymous() && slices.Contains(users, id.User) })
}

func (b *Bus) sendWhere(e Sent, match func(access.Identity) bool) (receivers int, exact bool) {
	list := slices.DeleteFunc(b.registry.all(), func(c *Connection) bool { return c.ended.Load() || !match(c.Identity()) })
	return b.hand(&e, list), b.alone()
}

// hand hands the event to connections, but to those excluded, and gives their number.
func (b *Bus) hand(e *Sent, list []*Connection) (receivers int) {
	frame := protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeEvent, Event: e.Event, Data: e.Data, Exclude: e.Exclude.Tab})
	but := b.named(e.Exclude.Narrow().Connection)
	for _, c := range list {
		if !slices.Contains(but, c) {
			c.hand(frame)
			receivers++
		}
	}
	return receivers
}

// Sent is an event for connections: no message of a channel.
type Sent struct {
	Event   string
	Data    []byte // compact JSON
	Exclude protocol.Exclude
}

// hand pushes a frame from outside of the connection's actor.
func (c *Connection) hand(frame *protocol.Encoded) {
	if !c.out.Push(frame) {
		c.overflowed()
	}
	c.shard.wakeLink(c.out)
}

// Disconnect ends one connection for good, or, where code says retry, so that its client comes back anew. It fails with CodeNotFound.
func (b *Bus) Disconnect(connection string, code protocol.Code) error {
	c := b.registry.get(connection)
	if c == nil || c.ended.Load() {
		return errNoConnection
	}
	b.send(c.pid, End{Err: endedBy(code)})
	return nil
}

func endedBy(code protocol.Code) *protocol.Error {
	hint := "Do not come back by yourself."
	if code.Row().Retry {
		hint = "Connect anew, and subscribe from the last positions."
	}
	return &protocol.Error{Code: code, Reason: "the operator closed this connection", Hint: hint}
}
