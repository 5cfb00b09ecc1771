package actors

import (
	"tidings/access"
	"tidings/protocol"
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
