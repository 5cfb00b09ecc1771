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
	started bool
}

// message checks the server's own output: what one member is sent must follow, whatever its client would make of it.
func (m *member) message(msg *protocol.Message, prev uint64) {
	w := m.f.n.w
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

// leave takes a member out of its feed, wherever it stands.
func (m *member) leave() {
	if m.left {
		return
	}
	m.left = true
	f := m.f
	if f.gone {
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
