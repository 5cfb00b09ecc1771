package check

import (
	"slices"

	"tidings/protocol"
)

// Check returns every violation: I1 order, I2 silent loss, I3 duplicate, I4 acknowledged and positioned, I5
// convergence, I6 no false gap.
func (h *History) Check() []Violation {
	j := &judge{History: h, at: map[place][]*Numbered{}}
	for i := range h.Numbered {
		j.number(&h.Numbered[i])
	}
	j.acks()
	for _, l := range h.Listeners {
		j.listen(l)
	}
	return j.bad
}

// number takes one message of the broker.
func (j *judge) number(n *Numbered) {
	at := place{n.Channel, n.Position.Epoch, n.Position.Offset}
	for _, other := range j.at[at] {
		if other.Life == n.Life {
			j.fail("I4", "inconsistent offsets", "%s has two messages at %s", n.Channel, n.Position)
		}
	}
	j.at[at] = append(j.at[at], n)
}

func (j *judge) acks() {
	type keyed struct{ channel, key string }
	keys := map[keyed]*Numbered{}
	for i := range j.Numbered {
		n := &j.Numbered[i]
		if n.Key == "" {
			continue
		}
		k := keyed{n.Channel, n.Key}
		if first := keys[k]; first != nil && first.Life == n.Life && n.At-first.At < j.Window.Keys {
			j.fail("I4", "duplicate", "the key %s has two positions in %s: %s and %s", n.Key, n.Channel, first.Position, n.Position)
		}
		keys[k] = n
	}
	ops := map[string]*Numbered{}
	for _, a := range j.Acks {
		n := j.find(a.Channel, a.Position, func(n *Numbered) bool { return (a.ID == "" || n.ID == a.ID) && n.Data == a.Data })
		if n == nil {
			j.fail("I4", "lost write", "publish %s was acknowledged at %s of %s, where it is not", a.Op, a.Position, a.Channel)
			continue
		}
		if first := ops[a.Op+" "+a.Channel]; first != nil && first != n && first.Life == n.Life && n.At-first.At < j.Window.Keys {
			j.fail("I4", "duplicate", "publish %s was acknowledged at %s and at %s of %s", a.Op, first.Position, a.Position, a.Channel)
		}
		ops[a.Op+" "+a.Channel] = n
	}
}

// ear is one listener as it goes through its events.
type ear struct {
	*judge
	*Listener
	started bool
	pos     protocol.Position // up to which all was seen or told
	from    *Numbered         // the last message; nil after a gap
	ids     map[string]int    // id: its number among the ids seen
	epochs  map[string]string // id: where it was seen last
	count   int
}

func (j *judge) listen(l *Listener) {
	e := &ear{judge: j, Listener: l, ids: map[string]int{}, epochs: map[string]string{}}
	for i := range l.Events {
		switch ev := &l.Events[i]; ev.Kind {
		case Message:
			e.message(ev)
		case Gap:
			e.gap(ev)
		case Subscribed:
			e.subscribed(ev)
		}
	}
	if l.Final && j.Tops != nil {
		e.end()
	}
}

func (e *ear) say(check, anomaly string, ev *Event, format string, args ...any) {
	e.fail(check, anomaly, "%s on %s, at %v: "+format, append([]any{e.Name, e.Channel, ev.At}, args...)...)
}

func (e *ear) message(ev *Event) {
	n := e.find(e.Channel, ev.Position, func(n *Numbered) bool { return n.ID == ev.ID && n.Data == ev.Data })
	if n == nil {
		e.say("I2", "inconsistent offsets", ev, "got %s at %s, where the broker has not that message", ev.ID, ev.Position)
		return
	}
	switch {
	case !e.started:
		e.say("I1", "nonmonotonic", ev, "got %s before it was subscribed", ev.Position)
	case ev.Position.Epoch == e.pos.Epoch && ev.Position.Offset <= e.pos.Offset:
		e.say("I1", "nonmonotonic", ev, "got %s after %s", ev.Position, e.pos)
	default:
		e.reach(ev, ev.Position.Offset-1)
	}
	if e.from != nil && e.from.Life != n.Life {
		e.say("I2", "lost write", ev, "never heard that the broker lost its memory between %s and %s", e.pos, ev.Position)
	}
	if k, ok := e.ids[ev.ID]; ok && (e.count-k < protocol.RecentIDs || e.epochs[ev.ID] == ev.Position.Epoch) {
		e.say("I3", "duplicate", ev, "got %s again, at %s", ev.ID, ev.Position)
	}
	e.count++
	e.ids[ev.ID], e.epochs[ev.ID] = e.count, ev.Position.Epoch
	e.pos, e.from = ev.Position, n
}

// reach finds messages between the last position and offset, in ev's epoch, that were not handed out.
func (e *ear) reach(ev *Event, offset uint64) {
	if ev.Position.Epoch != e.pos.Epoch {
		e.say("I2", "skip", ev, "went from %s to %s without a gap", e.pos, ev.Position)
		return
	}
	for o := e.pos.Offset + 1; o <= offset; o++ {
		for _, n := range e.at[place{e.Channel, e.pos.Epoch, o}] {
			if _, ok := e.ids[n.ID]; !ok && !e.known(n) {
				e.say("I2", "skip", ev, "went from %s to %s without a gap, and never got %s", e.pos, ev.Position, n.Position)
				return
			}
		}
	}
}

// known reports of a message that was numbered twice, because the broker forgot its key, whether the first time it went
// to another listener of the same client before this one was there: a client knows ids by channel, for all who share
// the subscription.
func (e *ear) known(n *Numbered) bool {
	first := slices.IndexFunc(e.Numbered, func(other Numbered) bool { return other.Channel == n.Channel && other.ID == n.ID })
	if e.Numbered[first].Position == n.Position {
		return false
	}
	return slices.ContainsFunc(e.Listeners, func(l *Listener) bool {
		return l != e.Listener && l.Name == e.Name && l.Channel == e.Channel && slices.ContainsFunc(l.Events, func(ev Event) bool { return ev.ID == n.ID })
	})
}

func (e *ear) subscribed(ev *Event) {
	if e.started && ev.Position != e.pos {
		if ev.Position.Epoch == e.pos.Epoch && ev.Position.Offset < e.pos.Offset {
			e.say("I1", "nonmonotonic", ev, "is subscribed from %s after %s", ev.Position, e.pos)
		} else {
			e.reach(ev, ev.Position.Offset)
		}
	}
	e.started, e.pos = true, ev.Position
}

// gap judges a gap by what the broker lost: a change of epoch, or a last position that is no longer in the window.
func (e *ear) gap(ev *Event) {
	switch {
	case !e.started && ev.Reason == string(protocol.GapUnrecovered): // it joined others, elsewhere than they are: client.Since says so
	case ev.Last == ev.Position:
		e.say("I6", "false gap", ev, "a gap (%s) from %s to the same place", ev.Reason, ev.Last)
	case e.started && ev.Last != e.pos && e.passed(ev.Last) != ev.Last:
		e.say("I2", "skip", ev, "a gap says that the last position was %s; it was %s", ev.Last, e.pos)
	case ev.Last.Epoch == ev.Position.Epoch && e.inWindow(ev):
		e.say("I6", "false gap", ev, "a gap (%s) from %s to %s, where history had everything", ev.Reason, ev.Last, ev.Position)
	}
	e.started, e.pos, e.from = true, ev.Position, nil
}

// inWindow reports whether the message at a gap's last position was still in history, to be compared, when the gap was
// told.
func (e *ear) inWindow(ev *Event) bool {
	after, size := 0, 0
	var last *Numbered
	for i := range e.Numbered {
		n := &e.Numbered[i]
		if n.Channel != e.Channel || n.Position.Epoch != ev.Last.Epoch || n.At > ev.At {
			continue
		}
		if n.Position.Offset > ev.Last.Offset {
			after++
		}
		if n.Position.Offset == max(ev.Last.Offset, 1) {
			last = n
		}
		if n.Position.Offset >= ev.Last.Offset {
			size += n.Size
		}
	}
	if last == nil {
		return after == 0
	}
	return after < e.Window.Messages && size <= e.Window.Bytes && ev.At-last.At <= e.Window.Age
}

// end judges where a listener is when everything is whole again.
func (e *ear) end() {
	top := e.Tops[e.Channel]
	last := Event{At: -1}
	if len(e.Events) > 0 {
		last.At = e.Events[len(e.Events)-1].At
	}
	e.pos = e.passed(top)
	switch {
	case !e.Live || !e.started:
		e.say("I5", "unseen", &last, "is not subscribed in the end")
	case e.pos != top:
		e.say("I5", "unseen", &last, "is at %s in the end; the top is %s", e.pos, top)
	}
}

// passed goes from the last position on over messages whose ids were seen before, which are not handed out again, at
// most to.
func (e *ear) passed(to protocol.Position) protocol.Position {
	at := e.pos
	for at.Epoch == to.Epoch && at.Offset < to.Offset {
		next := e.at[place{e.Channel, at.Epoch, at.Offset + 1}]
		seen := slices.IndexFunc(next, func(n *Numbered) bool { _, ok := e.ids[n.ID]; return ok || e.known(n) })
		if seen < 0 {
			break
		}
		at = next[seen].Position
	}
	return at
}

// Got returns the data of the messages that a listener got, in order.
func (l *Listener) Got() []string {
	var got []string
	for _, ev := range l.Events {
		if ev.Kind == Message {
			got = append(got, ev.Data)
		}
	}
	return got
}

// Gaps returns the gaps that a listener was told.
func (l *Listener) Gaps() []Event {
	var gaps []Event
	for _, ev := range l.Events {
		if ev.Kind == Gap {
			gaps = append(gaps, ev)
		}
	}
	return gaps
}
