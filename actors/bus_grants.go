package actors

import (
	"context"
	"encoding/json"
	"tidings/access"
	"tidings/broker"
	"tidings/protocol"
	"time"
)

// Whom names those whom a grant is for; one of its fields is set.
type Whom struct {
	User       string // all connections of a user
	Session    string // the key of a session of the application: all connections whose signed id was made with it; a secret
	Connection string // of a signed connection id the page's own part; or the public name of a connection that is there
}

// Granted is what Grant or Ungrant did.
type Granted struct {
	Connections int // of this node, parked ones included, that the change reaches now
}

// Subscribe puts clients in channels: those that are connected, and those that will be. It is remembered for a minute
// if nobody of them was connected yet, and for a day after the last one has left. It fails with CodeNotFound for a
// public name of no connection, and with CodeLimitExceeded; then it changes nothing. With several nodes it is so on
// all of them, and fails as the broker does.
func (b *Bus) Grant(who Whom, channels []protocol.Channel) (Granted, error) {
	to, only, fault := b.subject(who)
	if fault != nil {
		return Granted{}, fault
	}
	if b.notes() != nil && only == nil {
		return b.grantAll(to, channels)
	}
	conns, fault := b.grants.add(to, channels, only)
	if fault != nil {
		return Granted{}, fault
	}
	return b.tellGranted(conns), nil
}

// Unsubscribe takes that back. What a client has subscribed to itself, and may, goes on. It fails with CodeNotFound as
// Subscribe does; what was not granted is no fault.
func (b *Bus) Ungrant(who Whom, channels []protocol.Channel) (Granted, error) {
	to, only, fault := b.subject(who)
	if fault != nil {
		return Granted{}, fault
	}
	if b.notes() != nil && only == nil {
		return b.ungrantAll(to, channels)
	}
	conns := b.grants.remove(to, channels)
	if only != nil {
		conns = []*Connection{only}
	}
	return b.tellGranted(conns), nil
}

// Granted counts the connections of this node that a grant for them reaches now.
func (b *Bus) Granted(who Whom) Granted {
	to, only, fault := b.subject(who)
	switch {
	case fault != nil:
		return Granted{}
	case only != nil:
		return Granted{Connections: 1}
	}
	return Granted{Connections: len(b.grants.conns(to))}
}

// OneConnection reports whether that is the public name of a connection, which is on one node.
func (b *Bus) OneConnection(who Whom) bool {
	return who.User == "" && who.Session == "" && !access.GoodPageID(who.Connection)
}

func (b *Bus) tellGranted(conns []*Connection) Granted {
	for _, c := range conns {
		b.send(c.pid, grantsChanged{})
	}
	return Granted{Connections: len(conns)}
}

// subject returns the subject that a grant is for, and, if that is one connection alone, the connection. Public names
// of connections are shorter than pages' ids.
func (b *Bus) subject(who Whom) (subject, *Connection, *protocol.Error) {
	switch {
	case who.User != "":
		return subject{ofUser, who.User}, nil, nil
	case who.Session != "":
		return subject{ofSession, access.SessionHash(who.Session)}, nil, nil
	case access.GoodPageID(who.Connection):
		return subject{ofPage, who.Connection}, nil, nil
	}
	c := b.registry.get(who.Connection)
	if c == nil || c.ended.Load() {
		return subject{}, nil, errNoConnection
	}
	return subject{ofConnection, c.id}, c, nil
}

// Of several nodes each has a copy of all grants, which the notes of this board feed.
const (
	grantsBoard = "grants"
	renewEvery  = time.Minute
)

// note keeps a grant for a time, or takes it away.
func (g grant) note(b *Bus, ttl time.Duration) error {
	var text []byte
	if ttl > 0 {
		var err error
		if text, err = json.Marshal(g); err != nil {
			return err
		}
	}
	return b.call(func(ctx context.Context) error { return b.notes().Note(ctx, grantsBoard, g.key(), text, ttl) })
}

// grantAll grants a subject channels on all nodes. What it has granted when the broker fails is taken back, as far as
// the broker takes that.
func (b *Bus) grantAll(to subject, channels []protocol.Channel) (Granted, error) {
	now := time.Now()
	if fault := b.grants.mayAdd(to, channels, now); fault != nil {
		return Granted{}, fault
	}
	for i, ch := range channels {
		g := grant{to.kind, to.name, ch}
		if err := g.note(b, b.grants.life(to, ch, now)); err != nil {
			for _, ch := range channels[:i+1] {
				if !b.grants.has(to, ch) {
					grant{to.kind, to.name, ch}.note(b, 0)
				}
			}
			return Granted{}, b.failure(err, errUnnoted)
		}
	}
	for _, ch := range channels {
		b.grants.put(to, ch, now.Add(b.grants.life(to, ch, now)))
	}
	return b.tellGranted(b.grants.conns(to)), nil
}

// ungrantAll takes that back.
func (b *Bus) ungrantAll(to subject, channels []protocol.Channel) (Granted, error) {
	for _, ch := range channels {
		if err := (grant{to.kind, to.name, ch}).note(b, 0); err != nil {
			return Granted{}, b.failure(err, errUnnoted)
		}
		b.grants.drop(to, ch)
	}
	return b.tellGranted(b.grants.conns(to)), nil
}

// grantsWall hears the notes of grants.
type grantsWall struct{ bus *Bus }

func (w grantsWall) All(notes []broker.Note) {
	now := time.Now()
	var list []grantUntil
	for _, n := range notes {
		var g grant
		if n.Value != nil && json.Unmarshal(n.Value, &g) == nil {
			list = append(list, grantUntil{g, n.Key, now.Add(n.Left)})
		}
	}
	w.bus.tellGranted(w.bus.grants.replace(list))
	w.bus.cluster.signal(w.bus.cluster.granted)
}

func (w grantsWall) Changed(n broker.Note) {
	var conns []*Connection
	if n.Value == nil {
		conns = w.bus.grants.dropKey(n.Key)
	} else {
		var g grant
		if json.Unmarshal(n.Value, &g) != nil {
			return
		}
		w.bus.grants.put(g.subject(), g.Channel, time.Now().Add(n.Left))
		conns = w.bus.grants.conns(g.subject())
	}
	w.bus.tellGranted(conns)
	if len(conns) > 0 && n.Left < grantAfter {
		w.bus.cluster.signal(w.bus.cluster.granted)
	}
}

// renew renews the grants of those who are connected here, and forgets those that are over.
func (c *clustered) renew() {
	if c.board == nil {
		return
	}
	for _, g := range c.bus.grants.due(time.Now()) {
		if err := g.note(c.bus, grantLife); err != nil {
			c.bus.log.Warn("a grant could not be renewed", "error", err)
			return // the next ones would fail, too
		}
	}
}
