package core

import (
	"time"

	"tidings/protocol"
)

// MembersPage is a broker's answer to a read of who is in a channel.
type MembersPage struct {
	Members []protocol.Member // in order, after the one asked for
	More    bool              // there are others after them
	Count   int               // of all
	Version uint64            // of the channel's presence, when the page was read
}

// MembersChange is one change of who is in a channel.
type MembersChange struct {
	Version      uint64 // counts up by one per change, as long as somebody watches
	Joined, Left []protocol.Member
	Count        int // of all, after the change
}

// DepartureGrace is how long a departure waits for a return before the broker hears of it, so that a subscription which
// replaces another one does not flap.
const DepartureGrace = 100 * time.Millisecond

// Attendance is who is in a channel on one node, and what the broker has to hear of that. A member may be there several
// times. Times are those of one clock that never goes back.
type Attendance struct {
	members map[protocol.Member]*attendee
	coming  []protocol.Member
	leaving []departure // the earliest first
}

type attendee struct {
	n      int  // times that it is there
	said   said // what the broker knows
	coming bool // it is in the list
	leave  time.Duration
}

type said uint8

const (
	absent   said = iota
	present       // the broker took it
	whatever      // a call failed: it may or may not have
)

type departure struct {
	member protocol.Member
	at     time.Duration
}

// NewAttendance returns the attendance of an empty channel.
func NewAttendance() *Attendance { return &Attendance{members: map[protocol.Member]*attendee{}} }

// Len is the number of members that are here, or that the broker may still take for present.
func (a *Attendance) Len() int { return len(a.members) }

// Enter notes that a member is here once more.
func (a *Attendance) Enter(m protocol.Member) {
	x := a.members[m]
	if x == nil {
		x = &attendee{}
		a.members[m] = x
	}
	if x.n++; x.said != present {
		a.announce(m, x)
	}
}

func (a *Attendance) announce(m protocol.Member, x *attendee) {
	if !x.coming {
		x.coming = true
		a.coming = append(a.coming, m)
	}
}

// Leave notes that a member is here once less.
func (a *Attendance) Leave(m protocol.Member, now time.Duration) {
	x := a.members[m]
	if x == nil || x.n == 0 {
		return
	}
	if x.n--; x.n == 0 {
		x.leave = now + DepartureGrace
		a.leaving = append(a.leaving, departure{m, x.leave})
	}
}

// Due returns when the broker has to hear something: at once where at is not after now.
func (a *Attendance) Due() (at time.Duration, any bool) {
	switch {
	case len(a.coming) > 0:
		return 0, true
	case len(a.leaving) > 0:
		return a.leaving[0].at, true
	}
	return 0, false
}

// Take returns what the broker has to hear now. Before the next call it must be told, or Failed.
func (a *Attendance) Take(now time.Duration) (joined, left []protocol.Member) {
	for _, m := range a.coming {
		x := a.members[m]
		if x == nil {
			continue
		}
		x.coming = false
		if x.n > 0 {
			x.said = present
			joined = append(joined, m)
		}
	}
	a.coming = nil
	i := 0
	for ; i < len(a.leaving) && a.leaving[i].at <= now; i++ {
		d := a.leaving[i]
		x := a.members[d.member]
		if x == nil || x.n > 0 || x.leave != d.at {
			continue
		}
		delete(a.members, d.member)
		if x.said != absent {
			left = append(left, d.member)
		}
	}
	if a.leaving = a.leaving[i:]; len(a.leaving) == 0 {
		a.leaving = nil
	}
	return joined, left
}

// Failed notes that the broker may or may not have taken what Take gave: it has to hear it again.
func (a *Attendance) Failed(joined, left []protocol.Member) {
	for _, m := range joined {
		a.doubt(m)
	}
	var gone []departure
	for _, m := range left {
		if a.members[m] == nil {
			a.members[m] = &attendee{}
			gone = append(gone, departure{m, 0})
		}
		a.doubt(m)
	}
	a.leaving = append(gone, a.leaving...)
}

// Restate has the broker hear again of everybody who is here.
func (a *Attendance) Restate() {
	for m := range a.members {
		a.doubt(m)
	}
}

func (a *Attendance) doubt(m protocol.Member) {
	if x := a.members[m]; x != nil {
		if x.said = whatever; x.n > 0 {
			a.announce(m, x)
		}
	}
}
