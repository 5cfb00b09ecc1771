package model

import (
	"bytes"
	"fmt"
	"time"

	"tidings/protocol"
)

// ledger is what really happened, as nobody in the system can see it: each message that a broker numbered, in which
// branch of its channel's history, and which publishes were acknowledged. The checkers compare what applications saw
// with it.
type ledger struct {
	w        *World
	channels map[protocol.Channel]*channelLog
	ops      []*op
	losses   int // how often the broker lost memory
}

// op is one publish of an application, however often it was tried.
type op struct {
	n         int
	ch        protocol.Channel
	kind      int  // what filters look at
	before    int  // of a change, what the document was: 0 if it was not there
	gone      bool // it removes the document
	extra     *protocol.Extra
	data      []byte
	key       string
	principal string
	acks      []protocol.Position
	instances []*instance
	acked     bool
	volatile  bool // neither numbered nor kept: outside the guarantee
}

// instance is one numbering of one op. In a world where nothing fails each op has one.
type instance struct {
	op     *op
	ch     protocol.Channel
	pos    protocol.Position
	id     string
	at     time.Duration
	losses int       // ledger.losses then
	parent *instance // the message before it in its branch; nil for the first of an epoch
}

func (i *instance) String() string { return fmt.Sprintf("%s %s (publish %d)", i.ch, i.pos, i.op.n) }

type place struct {
	epoch  string
	offset uint64
}

type channelLog struct {
	at     map[place][]*instance // more than one where history branched
	births map[string]uint64     // epoch: offset of its beginning, 0 unless numbers go on over epochs
	tip    *instance
	epoch  string
	top    map[string]uint64 // highest offset that an epoch ever had
}

func newLedger(w *World) *ledger {
	return &ledger{w: w, channels: map[protocol.Channel]*channelLog{}}
}

func (l *ledger) channel(ch protocol.Channel) *channelLog {
	c := l.channels[ch]
	if c == nil {
		c = &channelLog{at: map[place][]*instance{}, births: map[string]uint64{}, top: map[string]uint64{}}
		l.channels[ch] = c
	}
	return c
}

// born notes a new epoch of a channel.
func (l *ledger) born(ch protocol.Channel, at protocol.Position) {
	c := l.channel(ch)
	c.epoch, c.tip = at.Epoch, nil
	c.births[at.Epoch] = at.Offset
}

// rewound notes that a channel is back at a position that it had before.
func (l *ledger) rewound(ch protocol.Channel, to protocol.Position) {
	c := l.channel(ch)
	c.epoch, c.tip = to.Epoch, nil
	for _, i := range c.at[place{to.Epoch, to.Offset}] {
		if i.pos == to {
			c.tip = i
		}
	}
}

func (l *ledger) appended(o *op, m *protocol.Message) {
	c := l.channel(o.ch)
	i := &instance{op: o, ch: o.ch, pos: m.Position(), id: m.ID, at: l.w.now, losses: l.losses, parent: c.tip}
	for _, other := range o.instances {
		if other.pos.Epoch == i.pos.Epoch && other.losses == i.losses && i.at-other.at < l.w.plan.KeyTTL-2*time.Millisecond && o.key != "" {
			l.w.fail("I4", "duplicate", "publish %d has two positions: %s and %s", o.n, other.pos, i.pos)
		}
	}
	at := place{i.pos.Epoch, i.pos.Offset}
	for _, other := range c.at[at] {
		if other.losses == i.losses {
			l.w.fail("I4", "inconsistent offsets", "%s and %s have one place", other, i)
		}
	}
	c.at[at] = append(c.at[at], i)
	c.tip, c.epoch = i, i.pos.Epoch
	c.top[i.pos.Epoch] = max(c.top[i.pos.Epoch], i.pos.Offset)
	o.instances = append(o.instances, i)
	l.w.Stats.Numbered++
}

// acknowledged takes an answer that a publisher got.
func (l *ledger) acknowledged(o *op, at protocol.Position) {
	l.w.Stats.Acked++
	o.acked = true
	if o.volatile {
		return
	}
	inst := o.instance(at)
	if inst == nil {
		l.w.fail("I4", "lost write", "publish %d was acknowledged at %s, where it is not", o.n, at)
		return
	}
	for _, before := range o.acks {
		other := o.instance(before)
		if before != at && other != nil && inst.losses == other.losses && (inst.at-other.at).Abs() < l.w.plan.KeyTTL-2*time.Millisecond {
			l.w.fail("I4", "duplicate", "publish %d was acknowledged at %s and at %s", o.n, before, at)
		}
	}
	o.acks = append(o.acks, at)
}

func (o *op) instance(at protocol.Position) *instance {
	for _, i := range o.instances {
		if i.pos == at {
			return i
		}
	}
	return nil
}

// find returns the instance at a position, the newest where there are several, nil if there is none with that tag.
func (c *channelLog) find(at protocol.Position) *instance {
	return c.search(at, func(*instance) bool { return true })
}

// holding returns the instance at a position that is m.
func (c *channelLog) holding(at protocol.Position, m *protocol.Message) *instance {
	return c.search(at, func(i *instance) bool { return i.id == m.ID && bytes.Equal(i.op.data, m.Data) })
}

func (c *channelLog) search(at protocol.Position, fits func(*instance) bool) *instance {
	all := c.at[place{at.Epoch, at.Offset}]
	for k := len(all) - 1; k >= 0; k-- {
		if all[k].pos.Tag == at.Tag && fits(all[k]) {
			return all[k]
		}
	}
	return nil
}

func (w *World) newOp(ch protocol.Channel, principal string, r *rng) *op {
	n := len(w.ledger.ops) + 1
	size := 0
	switch {
	case w.plan.Heavy && !w.plan.Flood:
		size = 5_000 + r.below(40_000)
	case r.chance(5):
		size = r.below(2_000)
	}
	kind := 1 + r.below(3)
	o := &op{n: n, ch: ch, kind: kind, data: dataOf(kind, n, size), key: fmt.Sprint("key", n), principal: principal, volatile: r.chance(3)}
	if r.chance(40) {
		o.change(r)
	}
	w.ledger.ops = append(w.ledger.ops, o)
	w.opKeys[o.key] = o
	return o
}

// change makes o the change of a document.
func (o *op) change(r *rng) {
	o.extra = &protocol.Extra{Change: uint64(o.n)}
	switch {
	case r.chance(20):
		o.gone, o.extra.Gone = true, true
	case r.chance(80):
		o.before = 1 + r.below(3)
		o.extra.Before = dataOf(o.before, o.n, 0)
	}
}

func (w *World) opOf(_ protocol.Channel, key string) *op { return w.opKeys[key] }

// tagAt is the tag at a place of the channel's present history.
func (w *World) tagAt(ch protocol.Channel, epoch string, offset uint64) string {
	if i := w.ledger.channel(ch).find(protocol.Position{Epoch: epoch, Offset: offset}); i != nil {
		return i.pos.Tag
	}
	for _, i := range w.ledger.channel(ch).at[place{epoch, offset}] {
		return i.pos.Tag
	}
	return ""
}
