package actors

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"tidings/broker"
	"tidings/protocol"
	"time"
)

// NodeConfig is what a node is called among several, and where the others reach it. It counts with a broker.Cluster
// alone.
type NodeConfig struct {
	// ID is protocol.NodeIDBytes characters of A-Z a-z 0-9 - _, another one for each start of a process. Sessions and
	// connections of the node have names that begin with it. Empty means one that is drawn.
	ID string
	// URL is where other nodes reach this one, scheme and host without a path. Empty means that they do not: what comes
	// to them for a session of this node is answered with CodeSessionGone.
	URL string
	// Version is that of the program.
	Version string
	// Settings returns a digest of each part of the settings that must be equal on all nodes, by name. Nil: none.
	Settings func() map[string]string
}

func (c NodeConfig) validate() error {
	if c.ID != "" && !protocol.GoodNodeID(c.ID) {
		return errors.New("Node.ID: it must be 8 characters of A-Z a-z 0-9 - _")
	}
	return nil
}

// drawNodeID returns a random id of a node.
func drawNodeID() string {
	var b [protocol.NodeIDBytes * 3 / 4]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

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

// reportEvery is how often a node reports itself, and reads the table.
const reportEvery = broker.Lease / 3

// run reports the node until the bus stops.
func (c *clustered) run() {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		if !c.informed.Load() {
			if err := c.followAll(); err != nil && c.bus.ctx.Err() == nil {
				c.bus.log.Warn("the node could not read what all nodes know", "error", err)
			}
		}
		c.report()
		select {
		case <-c.bus.ctx.Done():
			return
		case <-c.wake:
		case <-tick.C:
		}
	}
}

// nodesBoard has a note for each node that has come, or has said that it goes: so that all others read the table at
// once. The table alone says who is there.
const nodesBoard = "nodes"

// What a node's note says, and for how long.
const (
	nodeUp       = "up"
	nodeDraining = "draining"
	nodeLeft     = "left"
	nodeNoteLife = 4 * broker.Lease
)

// comings is what hears the notes of nodes.
type comings struct{ *clustered }

func (c comings) All([]broker.Note) { c.hurry() }
func (c comings) Changed(n broker.Note) {
	if n.Key != c.config.ID {
		c.hurry()
	}
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

func (c *clustered) report() {
	now := c.present()
	err := c.bus.call(func(ctx context.Context) error {
		err := c.broker.Enter(ctx, now, broker.Lease)
		if state := stateOf(now); err == nil && state != c.told {
			if err = c.tell(ctx, state); err == nil {
				c.told = state
			}
		}
		return err
	})
	if err == nil {
		c.asking.Lock()
		err = c.read()
		c.asking.Unlock()
	}
	if err != nil && c.bus.ctx.Err() == nil {
		c.bus.log.Warn("the node could not report itself to the broker", "error", err)
	}
}

func stateOf(n broker.Node) string {
	if n.Draining {
		return nodeDraining
	}
	return nodeUp
}

// tell has all other nodes look at the table.
func (c *clustered) tell(ctx context.Context, state string) error {
	if c.board == nil {
		return nil
	}
	return c.board.Note(ctx, nodesBoard, c.config.ID, []byte(state), nodeNoteLife)
}

// present returns what the node reports of itself.
func (c *clustered) present() broker.Node {
	b := c.bus
	n := broker.Node{
		ID: c.config.ID, URL: c.config.URL, Version: c.config.Version, Since: b.started.UnixMilli(), Draining: b.draining.Load(),
		WebSocket: int(b.tally.linked[webSocketKind].Load()), SSE: int(b.tally.linked[sseKind].Load()), Poll: int(b.tally.linked[pollKind].Load()),
		Parked: int(b.tally.parked.Load()), Channels: b.router.count(), Accepts: int(b.cfg.ConnectsPerSecond),
	}
	if c.config.Settings != nil {
		n.Settings = c.config.Settings()
	}
	return n
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

// leave takes the node out of the table.
func (c *clustered) leave() {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.bus.cfg.BrokerTimeout)
	defer cancel()
	err := c.broker.Leave(ctx)
	if err == nil {
		err = c.tell(ctx, nodeLeft)
	}
	if err != nil {
		c.bus.log.Warn("the node could not leave the table of nodes", "error", err)
	}
}
