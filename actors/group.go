package actors

import (
	"tidings/actors/fanout"
	"tidings/core"
	"tidings/filter"
	"tidings/protocol"
)

// hearing is what a subscription hears of its channel, if that is not everything: what its client asked for, and of
// that what the rules let it hear. It never changes. A nil hearing is that of a subscription which hears everything.
type hearing struct {
	key   string         // of the group of all that hear the same
	room  string         // what the client calls it; "" if it asked for neither a filter nor a scope
	asked *filter.Filter // by the client; nil for everything
	rows  *filter.Filter // of the rules; nil for everything
	scope string         // of protocol.ScopeIn and so on; "" for all
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
	h := &hearing{asked: filter.Everything(), scope: scope}
	if f.Filter != nil {
		asked, err := filter.Parse(f.Filter)
		if err != nil {
			return nil, protocol.AsError(err)
		}
		h.asked = asked
	}
	if h.room = h.asked.ID(f.Channel); scope != "" {
		h.room += "." + scope
	}
	h.key = h.room
	return h, nil
}

// within returns h of channel ch as far as rows lets it be, whatever it was let before; nil is all.
func (h *hearing) within(ch protocol.Channel, rows *filter.Filter) *hearing {
	switch {
	case h == nil && rows == nil:
		return nil
	case h == nil:
		h = &hearing{}
	case h.asked == nil && h.scope == "" && rows == nil:
		return nil
	}
	part := *h
	part.rows, part.key = rows, h.room
	if rows != nil {
		part.key += "/" + rows.ID(ch) // no room has a slash
	}
	return &part
}

// name is the room of a subscription, "" if its client asked for neither a filter nor a scope.
func (h *hearing) name() string {
	if h == nil {
		return ""
	}
	return h.room
}

// filter returns what index finds the group by: all that scopeOf asks of a document.
func (h *hearing) filter() *filter.Filter {
	switch {
	case h.rows == nil:
		return h.asked
	case h.asked == nil:
		return h.rows
	}
	return filter.And(h.rows, h.asked)
}

// matches reports whether h is about a document.
func (h *hearing) matches(d *filter.Document) bool {
	return d != nil && (h.rows == nil || h.rows.Match(d)) && (h.asked == nil || h.asked.Match(d))
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
	if m.Reset() && h.scope != protocol.ScopeNone {
		return core.In
	}
	after, before := contents(m)
	switch {
	case h.matches(after):
		return h.pick(core.In)
	case h.matches(before):
		return h.pick(core.Out)
	}
	return core.Passes
}

// shown returns m as a subscription that hears h is shown it, given what m is to it. Where the rules decide which
// documents it hears, one that it hears no more, though it is still there, is shown as it was before: what it is now
// may be somebody else's.
func (h *hearing) shown(m *protocol.Message, s core.Scope) *protocol.Message {
	if s == core.Out && h != nil && h.rows != nil && !m.View().Out {
		return m.Left()
	}
	return m
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
	finds   *filter.Filter // hearing.filter
	members int            // joined and not gone, in whatever stage
	always  bool
	fan     fanout.Group
	looked  uint64 // of the channel's rounds, that in which it was found in what a document is now
}

// joinGroup makes sub a member of the group of what it hears. It fails with CodeOverloaded if the channel has too many.
func (ch *channel) joinGroup(sub *subscription, hears *hearing) *protocol.Error {
	if hears == nil {
		return nil
	}
	g := ch.groups[hears.key]
	if g == nil {
		most := ch.bus.cfg.MaxGroups
		g = newGroup(hears)
		if len(ch.groups) >= most || g.always && ch.always >= most/10 {
			return errGroups
		}
		if ch.groups == nil {
			ch.groups = map[string]*group{}
		}
		ch.groups[g.key] = g
		ch.bus.tally.groups.Add(1)
		if g.always {
			ch.always++
			ch.bus.tally.always.Add(1)
		}
	}
	g.members++
	sub.group = g
	return nil
}

func newGroup(hears *hearing) *group {
	finds := hears.filter()
	return &group{hearing: hears, finds: finds, always: finds.Always()}
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
	delete(ch.groups, g.key)
	ch.bus.tally.groups.Add(-1)
	if g.always {
		ch.always--
		ch.bus.tally.always.Add(-1)
	}
}

var errGroups = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the channel has too many different filters on this node", Hint: "Use filters that many subscribers share, or that ask for equality; or try again later. The setting limits.rooms bounds them."}

// groupIndex is core.Groups over an index of their filters.
type groupIndex struct {
	state *channelState
	index *filter.Index[*group]
}

var _ core.Groups = (*groupIndex)(nil)

func newGroupIndex(state *channelState) *groupIndex {
	return &groupIndex{state: state, index: filter.NewIndex[*group]()}
}

// Add implements core.Groups.
func (x *groupIndex) Add(key string, _ func(*protocol.Message) core.Scope) {
	if g := x.state.groups[key]; g.scope != protocol.ScopeNone {
		x.index.Add(g, g.finds)
	}
}

// Remove implements core.Groups.
func (x *groupIndex) Remove(key string) { x.index.Remove(x.state.groups[key]) }

// Each implements core.Groups.
func (x *groupIndex) Each(m *protocol.Message, hit func(key string, s core.Scope)) {
	if x.index.Len() == 0 {
		return
	}
	if m.Reset() {
		for name, g := range x.state.groups {
			if g.scope != protocol.ScopeNone {
				hit(name, core.In)
			}
		}
		return
	}
	x.state.rounds++
	after, before := contents(m)
	if after != nil {
		x.index.Match(after, func(g *group) {
			g.looked = x.state.rounds
			if s := g.pick(core.In); s != core.Passes {
				hit(g.key, s)
			}
		})
	}
	if before != nil {
		x.index.Match(before, func(g *group) {
			if s := g.pick(core.Out); g.looked != x.state.rounds && s != core.Passes {
				hit(g.key, s)
			}
		})
	}
}
