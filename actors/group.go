package actors

import (
	"tidings/actors/fanout"
	"tidings/core"
	"tidings/filter"
	"tidings/protocol"
)

// hearing is what a subscription with a filter or a scope hears of its channel. It never changes. A nil hearing is that
// of a subscription with neither, which hears everything.
type hearing struct {
	room   string // what the client calls it
	filter *filter.Filter
	scope  string // of protocol.ScopeIn and so on; "" for all
}

// hearingOf returns what a subscribe asks for. It fails with CodeBadFilter or CodeFilterTooComplex.
func hearingOf(f *protocol.ClientFrame) (*hearing, *protocol.Error) {
	scope := f.Scope
	if scope == protocol.ScopeAll {
		scope = ""
	}
	if f.Filter == nil && scope == "" {
		return nil, nil
	}
	h := &hearing{filter: filter.Everything(), scope: scope}
	if f.Filter != nil {
		asked, err := filter.Parse(f.Filter)
		if err != nil {
			return nil, protocol.AsError(err)
		}
		h.filter = asked
	}
	if h.room = h.filter.ID(f.Channel); scope != "" {
		h.room += "." + scope
	}
	return h, nil
}

// name is the room of a subscription, "" if it hears everything.
func (h *hearing) name() string {
	if h == nil {
		return ""
	}
	return h.room
}

// contents returns what filters look at: a document as it is now, nil if it is no more, and as it was before its
// change, nil if it was not there. A message that changes no document has its data alone.
func contents(m *protocol.Message) (after, before *filter.Document) {
	read := func(data []byte) *filter.Document {
		d, err := filter.Read(data)
		if err != nil {
			return nil // no message has it: nobody with a filter hears it
		}
		return d
	}
	switch x := m.Extra; {
	case x != nil && x.Gone:
		return nil, read(m.Data)
	case x != nil && x.Before != nil:
		return read(m.Data), read(x.Before)
	}
	return read(m.Data), nil
}

// scopeOf returns what m is to a subscription that hears h. It is the one place that decides this for one message; the
// index of a channel's groups decides it for all of them.
func (h *hearing) scopeOf(m *protocol.Message) core.Scope {
	if h == nil {
		return core.In
	}
	after, before := contents(m)
	switch {
	case after != nil && h.filter.Match(after):
		return h.pick(core.In)
	case before != nil && h.filter.Match(before):
		return h.pick(core.Out)
	}
	return core.Passes
}

// pick leaves out what the subscription's scope does not ask for.
func (h *hearing) pick(s core.Scope) core.Scope {
	if h.scope == "" || h.scope == protocol.ScopeIn && s == core.In || h.scope == protocol.ScopeOut && s == core.Out {
		return s
	}
	return core.Passes
}

// group is all members of a channel on this node that hear the same part of it. It is evaluated once for each message,
// and its frames are made once.
type group struct {
	*hearing
	members int // joined and not gone, in whatever stage
	always  bool
	fan     fanout.Group
	looked  uint64 // round of groupIndex in which it was found in what a document is now
}

// join makes sub a member of the group of what it hears. It fails with CodeOverloaded if the channel has too many.
func (ch *channel) joinGroup(sub *subscription) *protocol.Error {
	if sub.hears == nil {
		return nil
	}
	g := ch.groups[sub.hears.room]
	if g == nil {
		most := ch.bus.cfg.MaxGroups
		g = &group{hearing: sub.hears, always: sub.hears.filter.Always()}
		if len(ch.groups) >= most || g.always && ch.always >= most/10 {
			return errGroups
		}
		if ch.groups == nil {
			ch.groups = map[string]*group{}
		}
		ch.groups[g.room] = g
		ch.bus.tally.groups.Add(1)
		if g.always {
			ch.always++
		}
	}
	g.members++
	sub.group = g
	return nil
}

func (ch *channel) leaveGroup(sub *subscription) {
	g := sub.group
	if g == nil {
		return
	}
	sub.group = nil
	if g.members--; g.members > 0 {
		return
	}
	delete(ch.groups, g.room)
	ch.bus.tally.groups.Add(-1)
	if g.always {
		ch.always--
	}
}

var errGroups = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the channel has too many different filters on this node", Hint: "Use filters that many subscribers share, or that ask for equality; or try again later. The setting limits.rooms bounds them."}

// groupIndex is core.Groups over an index of their filters.
type groupIndex struct {
	state *channelState
	index *filter.Index[*group]
	round uint64
}

var _ core.Groups = (*groupIndex)(nil)

func newGroupIndex(state *channelState) *groupIndex {
	return &groupIndex{state: state, index: filter.NewIndex[*group]()}
}

// Add implements core.Groups.
func (x *groupIndex) Add(room string, _ func(*protocol.Message) core.Scope) {
	if g := x.state.groups[room]; g.scope != protocol.ScopeNone {
		x.index.Add(g, g.filter)
	}
}

// Remove implements core.Groups.
func (x *groupIndex) Remove(room string) { x.index.Remove(x.state.groups[room]) }

// Each implements core.Groups.
func (x *groupIndex) Each(m *protocol.Message, hit func(room string, s core.Scope)) {
	if x.index.Len() == 0 {
		return
	}
	x.round++
	after, before := contents(m)
	if after != nil {
		x.index.Match(after, func(g *group) {
			g.looked = x.round
			if s := g.pick(core.In); s != core.Passes {
				hit(g.room, s)
			}
		})
	}
	if before != nil {
		x.index.Match(before, func(g *group) {
			if s := g.pick(core.Out); g.looked != x.round && s != core.Passes {
				hit(g.room, s)
			}
		})
	}
}
