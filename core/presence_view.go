package core

import (
	"slices"

	"tidings/protocol"
)

// PresenceView is who is in a channel, as a client knows it by the frames presence, joined and left. The zero
// PresenceView knows nothing.
type PresenceView struct {
	known bool
	list  map[protocol.Member]struct{} // nil if there are too many to be named
	count int
}

// Take takes a frame. It answers false, and changes nothing, for one that comes before the first presence, and for
// other types.
func (v *PresenceView) Take(f *protocol.ServerFrame) bool {
	switch {
	case f.Count == nil:
		return false
	case f.Type == protocol.TypePresence:
		v.known, v.list = true, nil
		if f.Members != nil {
			v.list = make(map[protocol.Member]struct{}, len(f.Members))
		}
	case !v.known || f.Type != protocol.TypeJoined && f.Type != protocol.TypeLeft:
		return false
	}
	v.count = int(*f.Count)
	if v.list == nil {
		return true
	}
	for _, m := range f.Members {
		if f.Type == protocol.TypeLeft {
			delete(v.list, m)
		} else {
			v.list[m] = struct{}{}
		}
	}
	return true
}

// Forget empties the view: the subscription begins anew.
func (v *PresenceView) Forget() { *v = PresenceView{} }

// Known reports whether there was a presence frame.
func (v *PresenceView) Known() bool { return v.known }

// Count is how many there are.
func (v *PresenceView) Count() int { return v.count }

// Members returns everybody, in order; nil if there are too many to be named.
func (v *PresenceView) Members() []protocol.Member {
	if v.list == nil {
		return nil
	}
	list := make([]protocol.Member, 0, len(v.list))
	for m := range v.list {
		list = append(list, m)
	}
	slices.SortFunc(list, protocol.Member.Compare)
	return list
}
