package actors

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"tidings/broker"
	"tidings/protocol"
	"time"
)

// Neighbour is another node that is there, as a name of one of its sessions or connections shows.
type Neighbour struct {
	ID   string
	URL  string
	Gone <-chan struct{} // closed when the node is there no more
}

// Self is the id of this node among several; "" if it is the only one.
func (b *Bus) Self() string { return b.cluster.self() }

// Elsewhere returns the node that a session or a connection is on by its name, if that is another one that is there and
// can be reached.
func (b *Bus) Elsewhere(name string) (Neighbour, bool) {
	id, ok := b.cluster.foreign(name)
	if !ok {
		return Neighbour{}, false
	}
	n := b.cluster.find(id)
	if n == nil || n.URL == "" {
		return Neighbour{}, false
	}
	return Neighbour{ID: n.ID, URL: n.URL, Gone: n.gone}, true
}

// Others returns all other nodes that are there, by their ids.
func (b *Bus) Others() []Neighbour {
	var list []Neighbour
	for _, n := range b.cluster.list() {
		if n.ID != b.Self() {
			list = append(list, Neighbour{ID: n.ID, URL: n.URL, Gone: n.gone})
		}
	}
	return list
}

// Nodes returns what all nodes have reported of themselves, this one included, by their ids; nil if it is the only one.
func (b *Bus) Nodes() []broker.Node {
	var list []broker.Node
	for _, n := range b.cluster.list() {
		list = append(list, n.Node)
	}
	return list
}

// clustered is a node's part in a cluster. A nil one is that of a node that is alone.
type clustered struct {
	bus    *Bus
	broker broker.Cluster
	board  broker.Board // nil if the broker is none
	config NodeConfig
	prefix string        // of the names of sessions and connections
	wake   chan struct{} // has space for one signal: report now
	told   string        // the state that the others were told last; run's alone

	following map[string]bool // boards; run's alone
	informed  atomic.Bool     // all boards are followed
	revoked   chan struct{}   // has space for one signal: end connections that other nodes revoked
	granted   chan struct{}   // has space for one signal: renew grants
	spent     chan struct{}   // has space for one signal: streams of tickets have ended

	asking sync.Mutex // one asks for the table at a time; guards asked
	asked  time.Time  // when the table was read last

	mu    sync.Mutex // guards the rest
	table []*member  // by ids
}

// member is one node of the table.
type member struct {
	broker.Node
	gone chan struct{}
}

func (b *Bus) newClustered() *clustered {
	shared, ok := b.broker.(broker.Cluster)
	if !ok {
		return nil
	}
	c := &clustered{bus: b, broker: shared, config: b.cfg.Node, wake: make(chan struct{}, 1), following: map[string]bool{}, revoked: make(chan struct{}, 1), granted: make(chan struct{}, 1), spent: make(chan struct{}, 1)}
	c.board, _ = b.broker.(broker.Board)
	if c.config.ID == "" {
		c.config.ID = drawNodeID()
	}
	c.prefix = c.config.ID + "."
	return c
}

func (c *clustered) self() string {
	if c == nil {
		return ""
	}
	return c.config.ID
}

// name puts the node's id before the name of a session or connection.
func (c *clustered) name(own string) string {
	if c == nil {
		return own
	}
	return c.prefix + own
}

// foreign returns the node that a name is of, if that is not this one.
func (c *clustered) foreign(name string) (id string, ok bool) {
	if c == nil {
		return "", false
	}
	id, _, ok = strings.Cut(name, ".")
	return id, ok && id != c.config.ID && protocol.GoodNodeID(id)
}

// hurry has the node reported at once, since it has changed.
func (c *clustered) hurry() {
	if c == nil {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// read reads the table. The caller has asking.
func (c *clustered) read() error {
	c.asked = time.Now()
	var found []broker.Node
	err := c.bus.call(func(ctx context.Context) (err error) {
		found, err = c.broker.Nodes(ctx)
		return err
	})
	if err != nil {
		return err // those of before are good until the broker is back
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := map[string]*member{}
	for _, m := range c.table {
		before[m.ID] = m
	}
	c.table = nil
	for _, n := range found {
		m := &member{Node: n}
		if old := before[n.ID]; old != nil {
			m.gone = old.gone
			delete(before, n.ID)
		} else {
			m.gone = make(chan struct{})
		}
		c.table = append(c.table, m)
	}
	for _, m := range before {
		close(m.gone)
	}
	return nil
}

// askAgain is how soon the table is read again for a node that is not in it, which may have just come.
const askAgain = 200 * time.Millisecond

// find returns a node of the table, or nil.
func (c *clustered) find(id string) *member {
	if m := c.known(id); m != nil {
		return m
	}
	c.asking.Lock()
	defer c.asking.Unlock()
	if m := c.known(id); m != nil || time.Since(c.asked) < askAgain {
		return m
	}
	if err := c.read(); err != nil {
		return nil
	}
	return c.known(id)
}

func (c *clustered) known(id string) *member {
	for _, m := range c.list() {
		if m.ID == id {
			return m
		}
	}
	return nil
}

func (c *clustered) list() []*member {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.table // replaced, not changed
}
