package actors

import (
	"context"
	"tidings/access"
	"tidings/core"
	"tidings/protocol"
	"time"
)

// Open signs a client in and puts link under the outbox of its connection: the one that it resumes, or a new one.
// connect may be nil for a fleeting client. connected leaves first over the link, which may be woken before Open
// returns. It fails with CodeUnsupportedVersion, CodeUnauthorized, CodeTokenExpired, CodeOverloaded, and
// CodeShuttingDown while the node drains.
func (b *Bus) Open(ctx context.Context, peer protocol.Peer, connect *protocol.ClientFrame, link core.Link) (c *Connection, gen uint64, err error) {
	if connect == nil {
		connect = &protocol.ClientFrame{Type: protocol.TypeConnect}
	}
	identity, ticket, fault := b.admit(ctx, peer, connect)
	if fault != nil {
		return nil, 0, fault
	}
	if connect.Session != "" && !peer.Fleeting() {
		if c, gen, fault = b.resume(peer, connect, identity, link); fault != nil {
			return nil, 0, fault
		} else if c != nil {
			c.fellBack(connect.Fallback)
			return c, gen, nil
		}
	}
	if Pressure(b.pressure.Load()) >= Tight {
		return nil, 0, errMemory
	}
	taken, fault := b.quotas.take(identity.User, peer.Address, b.registry.len(), b.clock())
	if fault == nil && !b.sessions.Enter() {
		b.quotas.give(taken)
		fault = errStopped
	}
	if fault != nil {
		return nil, 0, fault
	}
	c, gen = b.begin(peer, identity, b.page(connect.ConnectionID), taken, link)
	switch {
	case ticket == nil:
	case ticket.shared != nil:
		b.bindShared(ctx, ticket, c)
	default:
		if before := b.tickets.bind(ticket, c, b.cfg.Park); before != nil {
			b.send(before.pid, end{fault: errFenced})
		}
	}
	c.fellBack(connect.Fallback)
	return c, gen, nil
}

// begin makes a new connection.
func (b *Bus) begin(peer protocol.Peer, identity access.Identity, page *access.Page, taken places, link core.Link) (*Connection, uint64) {
	session := b.cluster.name(newSecret())
	c := &Connection{
		bus:    b,
		id:     b.cluster.name(newConnectionID()),
		key:    keyOf(session),
		out:    core.NewOutbox(!peer.Fleeting()),
		shard:  b.shards[b.nextShard.Add(1)%uint64(len(b.shards))],
		plain:  peer.Plain,
		via:    peer.Gateway,
		places: taken,
		opened: uint32(b.clock() / time.Second),
	}
	c.identity.Store(sharedIdentity(identity))
	kind := kindOf(peer.Transport)
	c.transport.Store(uint32(kind))
	m, policy := mandateOf(identity, page), b.policy.Load()
	c.pid = b.system.SpawnUnnamed(b.sessionProps, begun{conn: c, policy: policy, mandate: m})
	if m != nil {
		b.grants.enter(c, m.subjects) // before its client hears that it is connected
		if b.cluster != nil {
			b.cluster.signal(b.cluster.granted) // what was granted to it holds for longer now
		}
	}
	gen, _ := c.out.Attach(link, 0, c.connected(session, false, c.Identity()), nil)
	c.since.Store(gen)
	c.latest.Took(&protocol.ClientFrame{Type: protocol.TypeConnect}, gen)
	b.send(c.pid, attached{gen: gen, kind: kind, identity: c.identity.Load()})
	b.registry.add(c)
	if b.policy.Load() != policy { // who changed it may not have seen the connection
		b.send(c.pid, rulesChanged{})
	}
	if b.revocations.Revoked(identity) { // who revoked it may not have seen the connection
		b.send(c.pid, end{fault: errRevoked})
	}
	if b.ctx.Err() != nil { // Stop may not have seen it
		b.send(c.pid, end{fault: errStopped})
	}
	return c, gen
}

// resume takes up the connection of a session: its old link is fenced, and what was not received goes out again over
// the new one. If that cannot be, it returns nil; the old session, if it was the client's own, has ended then. A
// connect that comes later than a newer one of the same client is refused.
func (b *Bus) resume(peer protocol.Peer, connect *protocol.ClientFrame, identity access.Identity, link core.Link) (*Connection, uint64, *protocol.Error) {
	c := b.registry.find(connect.Session)
	if c == nil || c.ended.Load() {
		b.tally.resumesUnknown.Add(1)
		return nil, 0, nil
	}
	if c.fleeting() || !b.policy.Load().Equivalent(c.Identity(), identity) {
		b.tally.resumesForeign.Add(1)
		return nil, 0, nil
	}
	var received uint64
	if connect.Received != nil {
		received = *connect.Received
	}
	c.attaching.Lock()
	defer c.attaching.Unlock()
	if c.latest.Late(connect) {
		return nil, 0, errOvertaken
	}
	gen, ok := c.out.Attach(link, received, c.connected(connect.Session, true, identity), fencedFrame)
	if !ok {
		b.tally.resumesForgotten.Add(1)
		b.send(c.pid, end{fault: errFenced})
		return nil, 0, nil
	}
	c.since.Store(gen)
	c.latest.Took(connect, gen)
	kind := kindOf(peer.Transport)
	c.transport.Store(uint32(kind))
	b.send(c.pid, attached{gen: gen, kind: kind, identity: sharedIdentity(identity)})
	b.tally.resumes.add(kind)
	return c, gen, nil
}

// connected makes the first frame of a link, of whatever generation.
func (c *Connection) connected(session string, resumed bool, of access.Identity) func(gen uint64) *protocol.Encoded {
	if c.fleeting() {
		session = ""
	}
	return func(gen uint64) *protocol.Encoded {
		return protocol.Encode(&protocol.ServerFrame{
			Type: protocol.TypeConnected, Session: session, Connection: c.id, Resumed: resumed, Generation: gen, Announce: c.bus.announce, TTLMS: timeLeft(of),
		})
	}
}

// Find returns the connection of a session, for a poll or a send of its client. It fails with CodeSessionGone for an
// unknown session and for one of another identity alike, and for one that ended for good a short time ago with the code
// of its end.
func (b *Bus) Find(session string, peer protocol.Peer) (*Connection, error) {
	identity, fault := b.identify(b.ctx, peer, "")
	if fault != nil {
		return nil, fault
	}
	c := b.registry.find(session)
	if c == nil {
		return nil, b.endings.of(keyOf(session))
	}
	if c.ended.Load() {
		return nil, c.gone()
	}
	if c.fleeting() || !c.belongsTo(identity) {
		return nil, errGone
	}
	return c, nil
}

// belongsTo reports whether a caller who knows the session id and presents identity may use c. An anonymous connection
// belongs to whoever knows its session id: its client may have just got a token, which it sends in refresh. If the
// application decides who clients are, a request without a token shows no more than the session.
func (c *Connection) belongsTo(identity access.Identity) bool {
	own := c.Identity()
	return own.Anonymous() || own.User == identity.User || identity.Anonymous() && c.bus.hooks.Connect != nil
}
