package fanout

import "time"

// heat judges whether it is worth while to make a lane's deliveries wait for more, so that several leave in one write
// for each member. What counts is how busy its shard would be if nothing waited.
type heat struct {
	hot  bool
	cool int           // periods in a row in which it could have stopped
	cost time.Duration // of a push that leaves alone, as it was last measured

	pushes        int // made in this period, one for each frame and member
	alone, shared wakes
}

// wakes are the links that were woken in a period, and how long that took.
type wakes struct {
	n    int
	took time.Duration
}

// temper is what a shard knows of all its lanes in a period.
type temper[M Member] struct {
	since time.Time // begin of the period
	slept bool      // the shard had nothing to do for a moment
	lanes []*Lane[M]
}

// A share is a part of the shard's time, in the cost of pushes that leave alone. A lane begins to wait when its shard
// is busy for half of its time and it has itself a part in that. It goes on until the shard's share is below a third.
const (
	heatPeriod = 50 * time.Millisecond
	hotShare   = 1. / 2
	coolShare  = 1. / 3
	hotPart    = 1. / 32 // of one lane: to make others wait would not help
	coolPart   = 1. / 48
	coolTimes  = 4 // periods
)

// woke counts a flush to n members that took a time. More than one frame to each costs more than one alone.
func (h *heat) woke(n, frames int, took time.Duration) {
	w := &h.shared
	if frames == 1 {
		w = &h.alone
	}
	w.n += n
	w.took += took
}

// settleCost ends the measuring of a period. Frames that left together bound from above what one alone costs.
func (h *heat) settleCost() {
	switch {
	case h.alone.n > 0:
		h.cost = h.alone.took / time.Duration(h.alone.n)
	case h.shared.n > 0:
		if c := h.shared.took / time.Duration(h.shared.n); h.cost == 0 || c < h.cost {
			h.cost = c
		}
	}
	h.alone, h.shared = wakes{}, wakes{}
}

// load returns how long the pushes of the period would take if each left alone.
func (h *heat) load() time.Duration { return time.Duration(h.pushes) * h.cost }

// judge decides after a period of length d, in which all lanes of the shard had a load of all together. behind means
// that the shard had something to do all the time: whatever the cost was taken for, the pushes cost all of it.
func (h *heat) judge(d, all time.Duration, behind bool) {
	share, part := float64(all)/float64(d), float64(h.load())/float64(d)
	if behind && all < d {
		share, part = 1, part/share
	}
	switch {
	case share > hotShare && part > hotPart:
		h.hot, h.cool = true, 0
	case share >= coolShare && part >= coolPart:
		h.cool = 0
	default:
		if h.cool += int(d / heatPeriod); h.cool >= coolTimes {
			h.hot = false
		}
	}
	h.pushes = 0
}

// judge ends the period of the shard's lanes if it was long enough.
func (s *Shard[M]) judge(now time.Time) {
	t := &s.temper
	if t.since.IsZero() {
		t.since = now
	}
	d := now.Sub(t.since)
	if d < heatPeriod {
		return
	}
	all := time.Duration(0)
	for _, l := range t.lanes {
		l.heat.settleCost()
		all += l.heat.load()
	}
	kept := t.lanes[:0]
	for _, l := range t.lanes {
		if l.heat.judge(d, all, !t.slept); l.heat.hot {
			kept = append(kept, l) // it is judged again, though it be silent
		}
	}
	clear(t.lanes[len(kept):])
	t.lanes, t.since, t.slept = kept, now, false
}

// heats counts n pushes of a lane.
func (s *Shard[M]) heats(l *Lane[M], n int) {
	if l.window == 0 {
		return
	}
	if l.heat.pushes == 0 && !l.heat.hot {
		s.temper.lanes = append(s.temper.lanes, l)
	}
	l.heat.pushes += n
}
