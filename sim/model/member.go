package model

import (
	"slices"

	"tidings/core"
	"tidings/protocol"
)

// member is one subscription of one session.
type member struct {
	s       *session
	f       *feed
	room    string
	filter  int
	id      uint64
	left    bool
	told    protocol.Position // what was last written, for the check of the server's own output
	group   uint64            // offset up to which it was told with its group
	started bool
	outside bool // it waits for the broker, and its feed does not know it
	join    core.Join[*member]
}

// message checks the server's own output: what one member is sent must follow and concern it, whatever its client would
// make of it.
func (m *member) message(msg *protocol.Message, room string, scope core.Scope, prev uint64) {
	w := m.f.n.w
	if want := scopeOf(m.filter, msg, true); room != m.room || m.filter > 0 && scope != want {
		w.wire("foreign", "node %d sends %s of room %q as %d to a member of %q, for which it is %d", m.f.n.id, msg.Position(), room, scope, m.room, want)
	}
	if msg.Volatile {
		return
	}
	switch {
	case !m.started:
		w.wire("nonmonotonic", "node %d sends %s before it answered the subscribe", m.f.n.id, msg.Position())
	case msg.Epoch != m.told.Epoch:
		w.wire("skip", "node %d goes from %s to %s without a gap", m.f.n.id, m.told, msg.Position())
	case msg.Offset <= m.told.Offset:
		w.wire("duplicate", "node %d sends %s after %s", m.f.n.id, msg.Position(), m.told)
	case prev > m.told.Offset:
		w.wire("skip", "node %d sends %s with prev %d after %s", m.f.n.id, msg.Position(), prev, m.told)
	}
	m.told = msg.Position()
}

// live is message for one that comes to its whole group.
func (m *member) live(msg *protocol.Message, h core.Hit) {
	if !msg.Volatile && h.Prev < m.group {
		m.f.n.w.wire("skip", "node %d sends %s with prev %d to a group that was told up to %d", m.f.n.id, msg.Position(), h.Prev, m.group)
	}
	m.message(msg, h.Group, h.Scope, h.Prev)
	if !msg.Volatile {
		m.group = msg.Offset
	}
}

// leave takes a member out of its feed, wherever it stands.
func (m *member) leave() {
	if m.left {
		return
	}
	m.left = true
	f := m.f
	if f.gone || m.outside {
		return
	}
	if i := slices.IndexFunc(f.early, func(j core.Join[*member]) bool { return j.Member == m }); i >= 0 {
		f.early = slices.Delete(f.early, i, i+1)
		return
	}
	f.step(func() { f.core.Leave(m, m.room) })
	if i := slices.Index(f.rooms[m.room], m); i >= 0 {
		f.rooms[m.room] = slices.Delete(f.rooms[m.room], i, i+1)
	}
}
