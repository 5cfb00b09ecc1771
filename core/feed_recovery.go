package core

import "tidings/protocol"

// recovery is a member on its way from Since to the feed's position, a page at a time:
//
//	join, read -> page -> Subscribed, Replay (more) -> Continue, read -> page -> Replay -> Position if needed, Enter
//	                 \-> lost: Gap, Subscribed if it is the first page, Enter
type recovery[M comparable] struct {
	*Join[M]
	at    protocol.Position // up to which pages were read
	told  uint64            // offset of the last message that was replayed
	first bool              // the subscribe has no answer yet
}

// join starts j from the top, from its own position, by a recovery, or with a gap.
func (f *Feed[M]) join(j *Join[M]) {
	since := j.Since
	switch {
	case since == nil:
		f.port.Subscribed(j, f.pos, false)
		f.enter(j)
	case *since == f.pos:
		f.port.Subscribed(j, f.pos, true)
		f.enter(j)
	case since.Epoch == f.pos.Epoch && since.Offset < f.pos.Offset:
		r := &recovery[M]{Join: j, at: *since, told: since.Offset, first: true}
		f.catching[j.Member] = r
		f.read(r)
	case j.after == 0: // this node may be behind what the client heard from another node
		f.again = f.again || f.reading != 0 // the read under way may be older than what the client heard
		j.after = f.tickets + 1
		f.waiting = append(f.waiting, j)
		f.catchUp()
	default:
		reason := protocol.GapPositionUnknown
		if since.Epoch != f.pos.Epoch {
			reason = protocol.GapEpochChanged
		}
		f.fail(&recovery[M]{Join: j, at: *since, first: true}, reason)
	}
}

func (f *Feed[M]) read(r *recovery[M]) {
	f.tickets++
	f.reads[f.tickets] = r
	f.port.Read(f.tickets, r.at)
}

// Continue reads a member's next page: its outbox has space again.
func (f *Feed[M]) Continue(member M) {
	if r := f.catching[member]; r != nil {
		f.read(r)
	}
}

// onPage hands a page to a recovering member, up to the feed's position: what is newer comes live.
func (f *Feed[M]) onPage(r *recovery[M], p Page) {
	if f.catching[r.Member] != r {
		return // it left
	}
	if p.Lost == protocol.GapEpochChanged && r.at.Epoch == f.pos.Epoch {
		f.lose(p.Lost, p.Top) // the feed stands in that epoch too: one gap now, not a second one for this member later
	}
	if p.Lost != "" {
		f.fail(r, p.Lost)
		return
	}
	if r.at.Epoch != f.pos.Epoch {
		f.fail(r, protocol.GapEpochChanged)
		return
	}
	if r.first {
		r.first = false
		f.port.Subscribed(r.Join, r.at, true)
	}
	from := r.at
	messages := f.matching(r, p.Messages)
	prev := r.told
	if len(messages) > 0 {
		r.told = messages[len(messages)-1].Offset
	}
	done := r.at == f.pos
	if !done && r.at == from {
		f.fail(r, protocol.GapFeedLost) // the broker reports neither a loss nor a next message
		return
	}
	f.port.Replay(r.Join, messages, prev, !done)
	if !done {
		if len(messages) == 0 { // a recovery that is cut off in a long quiet time goes on from here
			r.told = r.at.Offset
			f.port.Position(r.Join, r.at)
		}
		return
	}
	delete(f.catching, r.Member)
	if r.told != f.pos.Offset {
		f.port.Position(r.Join, f.pos)
	}
	f.enter(r.Join)
}

// matching moves r.at over a page's messages up to the feed's position and returns those that concern r's group.
func (f *Feed[M]) matching(r *recovery[M], messages []*protocol.Message) []Replayed {
	out := make([]Replayed, 0, len(messages))
	for _, m := range messages {
		if m.Epoch != r.at.Epoch || m.Prev > r.at.Offset || m.Offset > f.pos.Offset {
			break
		}
		if m.Offset <= r.at.Offset && !f.Omit.Has(ReplayAfter) {
			continue
		}
		r.at = m.Position()
		scope := In
		if r.Match != nil {
			scope = r.Match(m)
		}
		if scope != Passes {
			out = append(out, Replayed{m, scope})
		}
	}
	return out
}

// fail sends a member one gap and makes it live at the feed's position.
func (f *Feed[M]) fail(r *recovery[M], reason protocol.GapReason) {
	delete(f.catching, r.Member)
	f.port.Gap(r.Join, Gap{Reason: reason, Last: r.at, From: f.pos}, r.first)
	if r.first {
		f.port.Subscribed(r.Join, f.pos, false)
	}
	f.enter(r.Join)
}
