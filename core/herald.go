package core

import (
	"time"

	"tidings/protocol"
)

// News is what a Herald tells those who watch a channel: one presence, joined or left frame.
type News struct {
	Type    string            // protocol.TypePresence, TypeJoined or TypeLeft
	Members []protocol.Member // nil: there are too many to be named
	Count   int               // after it
}

// How often a Herald speaks.
const (
	NewsEvery     = 200 * time.Millisecond
	NewsPerMember = 2 * time.Millisecond // so that nobody hears more than 500 names a second
	maxEarlyNews  = 64                   // changes that wait for the answer to a read
)

// Herald follows who is in a channel, by what the broker says, and tells it in batches: by names up to
// protocol.MaxPresenceMembers, above that by the count alone, which is all that it keeps then. A change costs the same
// however many are in the channel.
type Herald struct {
	known   bool // what follows is up to date with version
	version uint64
	seen    uint64 // at the last check
	count   int
	early   []MembersChange // changes that came before the read was answered
	missed  bool            // there were more of them than maxEarlyNews

	told    map[protocol.Member]struct{} // nil if it only counts
	changed map[protocol.Member]bool     // since then: true for one who came
	anew    bool                         // everybody has to hear everything
	said    int                          // the count that was told
	quiet   time.Duration                // until then

	Lost uint64 // times that it lost track and had to read
}

// NewHerald makes a herald that knows nothing yet: it has to read.
func NewHerald() *Herald { return &Herald{anew: true} }

// MustRead reports whether the members have to be read from the broker, after it has confirmed that it brings changes.
func (h *Herald) MustRead() bool {
	return !h.known || h.told == nil && h.count <= protocol.MaxPresenceMembers
}

// Read takes what was read: the first protocol.MaxPresenceMembers members.
func (h *Herald) Read(p MembersPage) {
	h.known, h.anew = true, true
	h.version, h.seen, h.count = p.Version, p.Version, p.Count
	h.told, h.changed = nil, nil
	if p.Count <= protocol.MaxPresenceMembers {
		h.count = len(p.Members)
		h.told, h.changed = make(map[protocol.Member]struct{}, p.Count), map[protocol.Member]bool{}
		for _, m := range p.Members {
			h.told[m] = struct{}{}
		}
	}
	early, missed := h.early, h.missed
	h.early, h.missed = nil, false
	for _, c := range early {
		h.Changed(c)
	}
	if missed {
		h.Interrupted()
	}
}

// Interrupted notes that changes may be missing.
func (h *Herald) Interrupted() {
	if h.known {
		h.known, h.anew = false, true
		h.Lost++
	}
}

// Check takes the version that the broker has now, and did not have long ago: of a change that was lost with nothing
// after it nothing else tells. What was ahead of the herald at a check, and still is at the next one, is lost.
func (h *Herald) Check(version uint64) {
	if version < h.version || h.version < h.seen {
		h.Interrupted()
	}
	h.seen = version
}

// Changed takes a change that the broker brought.
func (h *Herald) Changed(c MembersChange) {
	switch {
	case h.known && c.Version <= h.version:
		return
	case h.known && c.Version == h.version+1:
		h.version = c.Version
		h.apply(c)
		return
	}
	h.Interrupted()
	if len(h.early) == maxEarlyNews {
		h.missed = true
		return
	}
	h.early = append(h.early, c)
}

func (h *Herald) apply(c MembersChange) {
	if h.count = c.Count; h.told == nil {
		return
	}
	for _, m := range c.Joined {
		h.move(m, true)
	}
	for _, m := range c.Left {
		h.move(m, false)
	}
	if h.count > protocol.MaxPresenceMembers {
		h.told, h.changed, h.anew = nil, nil, true
	}
}

// move notes that a member came or went, against what was told.
func (h *Herald) move(m protocol.Member, in bool) {
	switch _, was := h.told[m]; {
	case was == in:
		delete(h.changed, m)
	default:
		h.changed[m] = in
	}
}

// Due returns when there is something to tell.
func (h *Herald) Due() (at time.Duration, any bool) {
	return h.quiet, !h.MustRead() && (h.anew || len(h.changed) > 0 || h.told == nil && h.count != h.said)
}

// Tell returns what everybody that watches must hear now: nothing, a presence, or a left and a joined.
func (h *Herald) Tell(now time.Duration) (news []News) {
	if at, any := h.Due(); !any || at > now {
		return nil
	}
	named := len(h.changed)
	if !h.anew && h.told != nil && named <= protocol.MaxPresenceChanges {
		news = h.changes()
	}
	h.settle()
	if h.told != nil && len(h.told) != h.count { // the broker contradicts itself
		h.Interrupted()
		return nil
	}
	h.said = h.count
	if news == nil {
		h.anew = false
		named = len(h.told)
		news = append(news, h.Snapshot())
	}
	h.quiet = now + max(NewsEvery, time.Duration(named)*NewsPerMember)
	return news
}

// settle takes what has changed for told.
func (h *Herald) settle() {
	for m, in := range h.changed {
		if in {
			h.told[m] = struct{}{}
		} else {
			delete(h.told, m)
		}
	}
	clear(h.changed)
}

func (h *Herald) changes() (news []News) {
	left, joined := News{Type: protocol.TypeLeft, Count: len(h.told)}, News{Type: protocol.TypeJoined}
	for m, in := range h.changed {
		if in {
			joined.Members = append(joined.Members, m)
		} else {
			left.Members = append(left.Members, m)
			left.Count--
		}
	}
	if len(left.Members) > 0 {
		news = append(news, left)
	}
	if joined.Count = left.Count + len(joined.Members); len(joined.Members) > 0 {
		news = append(news, joined)
	}
	return news
}

// Ready reports whether Snapshot is what those who watch have been told: who joins them gets it, and after it the same
// as they. Else all of them are about to get one.
func (h *Herald) Ready() bool { return !h.anew }

// Snapshot returns what was told, in full.
func (h *Herald) Snapshot() News {
	if h.told == nil {
		return News{Type: protocol.TypePresence, Count: h.said}
	}
	n := News{Type: protocol.TypePresence, Members: make([]protocol.Member, 0, len(h.told)), Count: len(h.told)}
	for m := range h.told {
		n.Members = append(n.Members, m)
	}
	return n
}
