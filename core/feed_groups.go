package core

import (
	"cmp"
	"slices"

	"tidings/protocol"
)

// Scope is what a message is to a filter.
type Scope uint8

// The scopes. A message that changes no document is In or passes.
const (
	Passes Scope = iota // it is no concern of the filter
	In                  // the filter matches it
	Out                 // it takes a document away that the filter matched before
)

// Groups knows which filters of a channel a message concerns. A Feed adds each group that has live members, and asks
// for each message that it hands on.
type Groups interface {
	// Add adds a group, which is not there. match decides for one message, and is that of the first member's Join.
	Add(group string, match func(*protocol.Message) Scope)
	// Remove removes a group.
	Remove(group string)
	// Each calls hit for each group that m concerns, once, in any order. It must not call anything else of the Feed.
	Each(m *protocol.Message, hit func(group string, s Scope))
}

// Hit is a group that a message concerns.
type Hit struct {
	Group string
	Scope Scope
	Prev  uint64 // offset up to which the group's live members were told before
}

// Replayed is a message of a recovery, and what it is to the member's filter.
type Replayed struct {
	*protocol.Message
	Scope Scope
}

// MinQuiet is how many messages a group lets pass before it is told the position, unless Feed.Quiet has another number.
const MinQuiet = 64

// group is live members with a filter, who hear the same messages.
type group struct {
	name          string
	live          int    // members
	told          uint64 // offset up to which they were told
	toldAt        uint64 // Feed.seen then
	before, after *group // in groupList
}

// groupList is groups in the order in which they were told last, so that those which have to be told a position stand
// first.
type groupList struct{ first, last *group }

func (l *groupList) add(g *group) {
	g.before, g.after = l.last, nil
	if l.last == nil {
		l.first = g
	} else {
		l.last.after = g
	}
	l.last = g
}

func (l *groupList) remove(g *group) {
	if g.before == nil {
		l.first = g.after
	} else {
		g.before.after = g.after
	}
	if g.after == nil {
		l.last = g.before
	} else {
		g.after.before = g.before
	}
	g.before, g.after = nil, nil
}

// Skipping reports whether a group let messages pass and was not told so. While it is so Tick has to be called.
func (f *Feed[M]) Skipping() bool { return f.order.first != nil && f.order.first.toldAt != f.seen }

// Tick sends the position to each group that let messages pass. Call it every five seconds while Skipping.
func (f *Feed[M]) Tick() { f.tellThose(func(g *group) bool { return g.toldAt != f.seen }) }

// TellQuiet sends the position to the groups that let too many messages pass. Call it when Paced ends.
func (f *Feed[M]) TellQuiet() {
	most := uint64(cmp.Or(f.Quiet, MinQuiet))
	if f.order.first != nil && f.seen-f.order.first.toldAt > most {
		f.tellThose(func(g *group) bool { return f.seen-g.toldAt > most })
	}
}

func (f *Feed[M]) tellThose(late func(*group) bool) {
	var names []string
	for g := f.order.first; g != nil && late(g); g = f.order.first {
		f.told(g)
		names = append(names, g.name)
	}
	if len(names) > 0 {
		f.port.PositionAll(names, f.pos)
	}
}

// told notes that a group was told everything up to pos.
func (f *Feed[M]) told(g *group) {
	g.told, g.toldAt = f.pos.Offset, f.seen
	if !f.Omit.Has(GroupOrder) {
		f.order.remove(g)
		f.order.add(g)
	}
}

// hit notes that m concerns a group.
func (f *Feed[M]) hit(m *protocol.Message, name string, s Scope) {
	g := f.groups[name]
	if g == nil || s == Passes {
		return
	}
	f.hits = append(f.hits, Hit{Group: name, Scope: s, Prev: g.told})
	if !m.Volatile && !f.Omit.Has(GroupTold) {
		f.told(g)
	}
}

// enter makes j's member live in its group.
func (f *Feed[M]) enter(j *Join[M]) {
	if j.Group == "" {
		f.unfiltered++
		f.port.Enter(j)
		return
	}
	g := f.groups[j.Group]
	if g == nil {
		g = &group{name: j.Group, told: f.pos.Offset, toldAt: f.seen}
		f.groups[j.Group] = g
		f.order.add(g)
		f.filters.Add(j.Group, j.Match)
	}
	g.live++
	f.inGroups++
	f.port.Enter(j)
}

// exit removes a live member from its group.
func (f *Feed[M]) exit(name string) {
	if name == "" {
		f.unfiltered--
		return
	}
	g := f.groups[name]
	if g == nil {
		return
	}
	f.inGroups--
	if g.live--; g.live == 0 {
		delete(f.groups, name)
		f.order.remove(g)
		f.filters.Remove(name)
	}
}

// walk is Groups that asks each group's filter in turn.
type walk struct{ list []walked }

type walked struct {
	group string
	match func(*protocol.Message) Scope
}

func (w *walk) Add(group string, match func(*protocol.Message) Scope) {
	w.list = append(w.list, walked{group, match})
}

func (w *walk) Remove(group string) {
	w.list = slices.DeleteFunc(w.list, func(x walked) bool { return x.group == group })
}

func (w *walk) Each(m *protocol.Message, hit func(group string, s Scope)) {
	for _, x := range w.list {
		if s := x.match(m); s != Passes {
			hit(x.group, s)
		}
	}
}
