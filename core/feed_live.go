package core

import (
	"slices"

	"tidings/protocol"
)

// Message takes one message of the broker's live stream.
func (f *Feed[M]) Message(m *protocol.Message) {
	if !f.ready || f.hole {
		f.keepEarly(m)
		if f.ready && f.reading == 0 { // a read has failed
			f.catchUp()
		}
		return
	}
	f.apply(m)
}

// keepEarly keeps m until the read under way was answered, if there is space.
func (f *Feed[M]) keepEarly(m *protocol.Message) {
	if len(f.early) == 0 {
		f.earlyBytes = 0
	}
	if len(f.early) < maxEarly && f.earlyBytes+m.Size() <= maxEarlyBytes {
		f.early, f.earlyBytes = append(f.early, m), f.earlyBytes+m.Size()
	}
}

// apply hands m on if it follows, drops a repetition, and begins a hole for anything else.
func (f *Feed[M]) apply(m *protocol.Message) {
	switch {
	case m.Volatile:
		f.live(m)
	case f.follows(m):
		f.advance(m)
	case m.Epoch == f.pos.Epoch && m.Offset < f.pos.Offset, m.Position() == f.pos: // a repetition
		if f.Omit.Has(MergeDrop) {
			f.live(m)
		}
	default: // a hole, another epoch, or another message at our offset: history decides
		f.hole = true
		f.keepEarly(m)
		f.catchUp()
	}
}

// follows reports whether nothing is missing between pos and m, and m is of the same past.
func (f *Feed[M]) follows(m *protocol.Message) bool {
	if m.Prev == f.pos.Offset && m.PrevTag != "" && m.PrevTag != f.pos.Tag {
		return false
	}
	return m.Epoch == f.pos.Epoch && (m.Prev <= f.pos.Offset || f.Omit.Has(NodeContiguity)) && m.Offset > f.pos.Offset
}

func (f *Feed[M]) advance(m *protocol.Message) {
	f.pos = m.Position()
	f.live(m)
}

// live hands m to every group that it concerns. Where nobody has a filter nothing is looked up and m is not read.
func (f *Feed[M]) live(m *protocol.Message) {
	f.hits = f.hits[:0]
	if f.unfiltered > 0 {
		f.hits = append(f.hits, Hit{Scope: In, Prev: m.Prev})
	}
	if len(f.groups) > 0 {
		if !m.Volatile {
			f.seen++
		}
		f.filters.Each(m, func(name string, s Scope) { f.hit(m, name, s) })
	}
	if len(f.hits) > 0 {
		f.port.Live(m, f.hits)
	}
	if !f.Paced {
		f.TellQuiet()
	}
}

// catchUp asks for what came after pos, if no read of the feed's own is under way.
func (f *Feed[M]) catchUp() {
	if !f.started {
		return
	}
	if f.reading != 0 {
		f.again = f.again || f.hole
		return
	}
	f.tickets++
	f.reading, f.asked = f.tickets, f.pos
	f.port.Read(f.reading, f.pos)
}

// HistoryRead takes the answer to a Read: of a member's page, or of the feed's own read. An answer to neither is
// ignored.
func (f *Feed[M]) HistoryRead(ticket uint64, p Page) {
	if r := f.reads[ticket]; r != nil {
		delete(f.reads, ticket)
		f.onPage(r, p)
		return
	}
	if ticket != f.reading {
		return // the page of a member that left
	}
	f.reading = 0
	if f.stale {
		f.stale, f.again = false, false
		f.catchUp()
		return
	}
	lost := p.Lost
	if f.replaced(p) {
		lost = protocol.GapPositionUnknown
	}
	switch {
	case !f.ready:
		f.pos, f.ready = p.Top, true
	case f.asked.Epoch != f.pos.Epoch:
		f.catchUp() // a member's page told of the new epoch first: the answer is about the old one
		return
	case lost == protocol.GapHistoryExpired && p.Top.Epoch == f.pos.Epoch && f.mayBeLive(p.Top):
		// Nothing to do: the live stream brought these messages meanwhile, or may still bring them. Reading them again
		// is impossible, and a gap now could be a false one.
	case lost != "":
		f.lose(lost, p.Top)
	default:
		f.take(p)
		if p.Top.Epoch == f.pos.Epoch && len(p.Messages) > 0 && f.pos.Offset < p.Top.Offset {
			f.catchUp() // another page
			return
		}
	}
	f.settle(ticket)
}

// mayBeLive reports whether the messages that history no longer has, from the position asked for up to top, came live
// meanwhile or may still come, because no hole was seen. A feed that stands at the same place for two checks has lost
// them.
func (f *Feed[M]) mayBeLive(top protocol.Position) bool {
	switch {
	case top.Offset <= f.pos.Offset:
		return true
	case f.hole || f.pos == f.doubt:
		return false
	}
	f.doubt = f.pos
	return true
}

// replaced reports whether a page has another message at pos. The read was asked from an older pos then, and history
// was replaced since.
func (f *Feed[M]) replaced(p Page) bool {
	return slices.ContainsFunc(p.Messages, func(m *protocol.Message) bool {
		return m.Epoch == f.pos.Epoch && m.Offset == f.pos.Offset && m.Tag != f.pos.Tag
	})
}

// take hands on what follows pos of a page.
func (f *Feed[M]) take(p Page) {
	for _, m := range p.Messages {
		if f.follows(m) {
			f.advance(m)
		}
	}
}

// lose informs every live member that messages are missing, and continues from the broker's top.
func (f *Feed[M]) lose(reason protocol.GapReason, top protocol.Position) {
	if reason == protocol.GapHistoryExpired {
		reason = protocol.GapFeedLost
	}
	g := Gap{Reason: reason, Last: f.pos, From: top}
	f.again = f.again || len(f.early) > 0
	if top.Epoch == f.pos.Epoch {
		f.early, f.earlyBytes = nil, 0 // of the past that was lost, or else in history too
	}
	f.pos = top
	for _, group := range f.groups {
		group.told, group.toldAt = f.pos.Offset, f.seen // all the same: the order stays
	}
	if f.unfiltered+f.inGroups > 0 {
		f.port.GapAll(g)
	}
}

// settle ends a read of the feed's own: early messages are applied, and the joins that waited for it are answered.
func (f *Feed[M]) settle(ticket uint64) {
	f.hole, f.suspect = false, false
	early := f.early
	f.early = nil
	for _, m := range early {
		if m.Volatile || f.follows(m) || f.Omit.Has(MergeDrop) {
			f.apply(m)
		} else if m.Epoch != f.pos.Epoch || m.Offset > f.pos.Offset {
			f.again = true // another hole, and history has by now what is missing
		}
	}
	waiting := f.waiting
	f.waiting = nil
	for _, j := range waiting {
		if j.after > ticket {
			f.waiting = append(f.waiting, j)
			continue
		}
		f.join(j)
	}
	if f.again {
		f.again = false
		f.catchUp()
	}
}

// ReadFailed takes the failure of a Read: the broker did not answer. A member that waits for the answer to its
// subscribe is refused. A member that has its answer, and the feed itself, go on with the next message or check.
func (f *Feed[M]) ReadFailed(ticket uint64) {
	if r := f.reads[ticket]; r != nil {
		delete(f.reads, ticket)
		switch {
		case f.catching[r.Member] != r: // it left
		case r.first:
			delete(f.catching, r.Member)
			f.port.Refused(r.Join)
		default:
			f.stalled = append(f.stalled, r)
		}
		return
	}
	if ticket != f.reading {
		return
	}
	f.reading, f.again, f.stale = 0, false, false
	f.hole, f.early = f.suspect, nil // the next message finds the hole again
	waiting := f.waiting
	f.waiting = nil
	for _, j := range waiting {
		f.port.Refused(j)
	}
}
