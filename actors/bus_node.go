package actors

import (
	"context"
	"tidings/broker"
	"time"
)

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
		ID: c.config.ID, URL: c.config.URL, Version: c.config.Version, Since: b.started.UnixMilli(), Draining: b.retiring.Load(),
		WebSocket: int(b.tally.linked[webSocketKind].Load()), SSE: int(b.tally.linked[sseKind].Load()), Poll: int(b.tally.linked[pollKind].Load()),
		Parked: int(b.tally.parked.Load()), Channels: b.router.count(), Accepts: int(b.cfg.ConnectsPerSecond),
	}
	if c.config.Settings != nil {
		n.Settings = c.config.Settings()
	}
	return n
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

// followAll has this node know what all know. It fails if the broker does.
func (c *clustered) followAll() error {
	if c.board == nil {
		return nil
	}
	for _, f := range []struct {
		name string
		sink broker.BoardSink
	}{{nodesBoard, comings{c}}, {revocationsBoard, revocationsWall{c.bus}}, {grantsBoard, grantsWall{c.bus}}, {endedBoard, endedWall{c.bus}}} {
		if c.following[f.name] {
			continue
		}
		err := c.bus.call(func(ctx context.Context) error {
			stop, err := c.board.Follow(ctx, f.name, f.sink)
			if err == nil {
				context.AfterFunc(c.bus.ctx, stop)
			}
			return err
		})
		if err != nil {
			return err
		}
		c.following[f.name] = true
	}
	c.informed.Store(true)
	return nil
}

// enforce ends connections that other nodes revoked, and renews grants, until the bus stops.
func (c *clustered) enforce() {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.bus.ctx.Done():
			return
		case <-c.revoked:
			c.bus.endWhere(c.bus.revocations.Revoked, errRevoked)
		case <-c.granted:
			c.renew()
		case <-tick.C:
			c.renew()
		}
	}
}
