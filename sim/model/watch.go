package model

import (
	"tidings/core"
	"tidings/protocol"
)

// watch is what the checkers know of one subscription of one client object: they see what the application sees, and
// compare it with the ledger.
type watch struct {
	w      *World
	client int
	ch     protocol.Channel
	filter int // 0 none
	log    *channelLog

	started bool
	pos     protocol.Position // up to which all was seen or told
	inst    *instance         // that is there, where it is known
	ids     map[string]int    // id: its number among the ids seen
	epochs  map[string]string // id: epoch in which it was last seen
	count   int
}

func (t *watch) matches(i *instance) bool { return t.scope(i) != core.Passes }

func (t *watch) scope(i *instance) core.Scope {
	return verdict(t.filter, i.op.kind, i.op.before, i.op.gone)
}

func (w *World) newWatch(client int, ch protocol.Channel, filter int, since protocol.Position) *watch {
	t := &watch{w: w, client: client, ch: ch, filter: filter, log: w.ledger.channel(ch), ids: map[string]int{}, epochs: map[string]string{}}
	if !since.IsZero() {
		t.started, t.pos, t.inst = true, since, t.log.find(since)
	}
	return t
}

// message takes a message that was handed to the application.
func (t *watch) message(m *protocol.Message, epoch string) {
	t.w.Stats.Delivered++
	if m.Volatile {
		return
	}
	if m.Epoch != "" {
		epoch = m.Epoch
	}
	at := protocol.Position{Epoch: epoch, Offset: m.Offset, Tag: m.Tag}
	i := t.log.holding(at, m)
	switch {
	case i == nil:
		t.fail("I2", "inconsistent offsets", "got %s at %s, which is not there", m.ID, at)
		return
	case !t.started:
		t.fail("I1", "nonmonotonic", "got %s before it was subscribed", i)
		return
	case at.Epoch == t.pos.Epoch && at.Offset <= t.pos.Offset:
		t.fail("I1", "nonmonotonic", "got %s after %s", i, t.pos)
	default:
		t.reach(i, at, true)
	}
	if !t.matches(i) {
		t.fail("I2", "inconsistent offsets", "got %s, which its filter does not match", i)
	}
	if out := t.scope(i) == core.Out; out != m.View().Out {
		t.fail("I2", "inconsistent offsets", "got %s as out: %t, want %t", i, !out, out)
	}
	if n, ok := t.ids[m.ID]; ok && (t.count-n < protocol.RecentIDs || t.epochs[m.ID] == at.Epoch && t.w.plan.KeyTTL > t.w.plan.Horizon && !t.w.plan.Trust) {
		t.fail("I3", "duplicate", "got %s again, at %s", m.ID, i)
	}
	t.count++
	t.ids[m.ID], t.epochs[m.ID] = t.count, at.Epoch
	t.pos, t.inst = at, i
}

// reach moves over all messages between what was seen and to: none of them may be one that the application should have
// got. at is to's place; to is nil if the place is the beginning of an epoch.
func (t *watch) reach(to *instance, at protocol.Position, handed bool) {
	if at.Epoch != t.pos.Epoch && t.pos.Epoch != "" {
		t.fail("I2", "skip", "went from %s to %s without a gap", t.pos, at)
		return
	}
	i := to
	if handed && i != nil {
		t.siblings(i)
		i = i.parent
	}
	for ; i != nil && i.pos.Offset > t.pos.Offset; i = i.parent {
		t.siblings(i)
		if t.matches(i) && !t.saw(i.id) {
			t.fail("I2", "skip", "did not get %s; went from %s to %s without a gap", i, t.pos, at)
			return
		}
	}
	if i != nil && t.inst != nil && t.pos.Offset == i.pos.Offset && t.inst != i {
		t.fail("I2", "inconsistent offsets", "went from %s to %s, which follows %s", t.pos, at, i.pos)
	}
}

// siblings finds acknowledged messages that a rewind destroyed where the epoch says that nothing happened.
func (t *watch) siblings(i *instance) {
	all := t.log.at[place{i.pos.Epoch, i.pos.Offset}]
	if len(all) == 1 || t.w.plan.Trust {
		return
	}
	for _, s := range all {
		if s != i && s.op.acked && t.matches(s) && !t.saw(s.id) {
			t.fail("I2", "lost write", "never heard that %s was destroyed", s)
		}
	}
}

func (t *watch) saw(id string) bool {
	_, ok := t.ids[id]
	return ok
}

func (t *watch) gap(g core.Gap) {
	t.w.Stats.Gaps++
	if t.w.plan.Profile == Calm {
		t.fail("I6", "false gap", "gap (%s) from %s to %s, where nothing was lost", g.Reason, g.Last, g.From)
	}
	if g.Last == g.From && t.filter == 0 {
		t.fail("I6", "false gap", "gap (%s) from %s to the same place", g.Reason, g.From)
	}
	if t.started && g.Last != t.pos && t.filter == 0 && t.behind(g.Last) {
		t.fail("I2", "skip", "gap says that the last position was %s; it was %s", g.Last, t.pos)
	}
	t.started, t.pos, t.inst = true, g.From, t.log.find(g.From)
}

// behind reports whether last is another place than what was seen. Messages whose ids were seen before move the cursor
// too.
func (t *watch) behind(last protocol.Position) bool {
	if last.Epoch != t.pos.Epoch || last.Offset < t.pos.Offset {
		return true
	}
	i := t.log.find(last)
	for i != nil && i.pos.Offset > t.pos.Offset && t.saw(i.id) {
		i = i.parent
	}
	return i == nil && t.pos.Offset > 0 || i != nil && i.pos != t.pos
}

func (t *watch) subscribed(at protocol.Position) {
	if !t.started {
		t.started, t.pos, t.inst = true, at, t.log.find(at)
		return
	}
	t.moved(at)
}

// moved takes a cursor that went on without a message.
func (t *watch) moved(at protocol.Position) {
	if at == t.pos {
		return
	}
	if at.Epoch == t.pos.Epoch && at.Offset <= t.pos.Offset {
		t.fail("I1", "nonmonotonic", "the cursor went from %s back to %s", t.pos, at)
		return
	}
	i := t.log.find(at)
	if i == nil && at.Offset != 0 {
		t.fail("I2", "inconsistent offsets", "the cursor is at %s, where nothing is", at)
		return
	}
	t.reach(i, at, false)
	t.pos, t.inst = at, i
}

// converged checks a live subscription after the healing: it is at the broker's top, and nothing was destroyed behind
// its back.
func (t *watch) converged(cursor, top protocol.Position, live bool) {
	if !live {
		t.fail("I5", "unseen", "is not subscribed after the healing; cursor %s, top %s", cursor, top)
		return
	}
	t.moved(cursor)
	if cursor != top {
		t.fail("I5", "unseen", "is at %s after the healing; the top is %s", cursor, top)
	}
	if t.w.plan.Trust {
		return
	}
	for offset := top.Offset + 1; offset <= t.log.top[top.Epoch]; offset++ {
		for _, s := range t.log.at[place{top.Epoch, offset}] {
			if s.op.acked && t.matches(s) && !t.saw(s.id) {
				t.fail("I2", "lost write", "never heard that %s was destroyed", s)
				return
			}
		}
	}
}

func (t *watch) fail(check, anomaly, format string, args ...any) {
	name := "client %d, %s"
	if t.filter > 0 {
		name += " filtered"
	}
	t.w.fail(check, anomaly, name+": "+format, append([]any{t.client, t.ch}, args...)...)
}
