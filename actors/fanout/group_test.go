package fanout

import (
	"fmt"
	"strings"
	"testing"

	"tidings/core"
)

// A message is one operation, whoever hears it: those who hear everything, and each group its own frame.
func TestAGroupHearsItsFrame(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		all, a1, a2, b := s.actor("all"), s.actor("a1"), s.actor("a2"), s.actor("b")
		one, two, nobody := &Group{}, &Group{}, &Group{}
		l.Enter(all, nil, false)
		l.Enter(a1, one, false)
		l.Enter(a2, one, true)
		l.Enter(b, two, false)
		l.Message(frame("1"), []Selected{{Group: one, Frame: frame("1a")}, {Group: nobody, Frame: frame("1n")}, {Group: two, Frame: frame("1b")}}, nil)
		l.Message(nil, []Selected{{Group: two, Frame: frame("2b")}}, nil)
		l.Message(frame("3"), nil, nil)
		l.Select([]Selected{{Group: one, Frame: frame("position")}})
		l.Deliver(frame("gap"))
		s.heard(all, "1 3 gap")
		s.heard(a1, "1a position")
		s.heard(a2, "1a position")
		s.heard(b, "1b 2b")
		s.wants("live a2")
		if pushed, _ := s.shard.Delivered(); pushed != 6 {
			t.Errorf("%d messages delivered, want 6", pushed)
		}
	})
}

// Who leaves a group hears it no more, may enter another, and leaves nothing behind.
func TestMembersMoveBetweenGroups(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		a, b := s.actor("a"), s.actor("b")
		one, two := &Group{}, &Group{}
		both := func(n int) {
			l.Message(nil, []Selected{{Group: one, Frame: frame(fmt.Sprint(n, "one"))}, {Group: two, Frame: frame(fmt.Sprint(n, "two"))}}, nil)
		}
		l.Enter(a, one, false)
		l.Enter(b, one, false)
		both(1)
		l.Leave(a)
		l.Enter(a, two, false)
		both(2)
		l.Leave(b)
		both(3)
		l.Displace(func(all []*actor) {
			for _, m := range all {
				s.note("displaced %s", m.name)
			}
		})
		both(4)
		s.heard(a, "1one 2two 3two")
		s.heard(b, "1one 2one")
		s.wants("displaced a")
		if l.groups != nil {
			t.Errorf("%d crowds are left", len(l.groups))
		}
	})
}

// Who is excluded gets the position in the room of its group.
func TestAnExceptionInAGroupIsPassedBy(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		a, b := s.actor("a"), s.actor("b")
		one := &Group{}
		l.Enter(a, one, false)
		l.Enter(b, one, false)
		but := &Exception{Outboxes: []*core.Outbox{a.out}, Frame: frame("not in a group")}
		l.Message(nil, []Selected{{Group: one, Frame: frame("1"), Instead: frame("position")}}, but)
		l.Message(nil, []Selected{{Group: one, Frame: frame("volatile")}}, but)
		s.heard(a, "position")
		s.heard(b, "1 volatile")
		if pushed, passedBy := s.shard.Delivered(); pushed != 2 || passedBy != 2 {
			t.Errorf("delivered %d, passed by %d; want 2 and 2", pushed, passedBy)
		}
	})
}

// A walk over more members than one turn has pushes reaches each once, in whatever group.
func TestALongWalkReachesEachOnce(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		var all []*actor
		groups := []*Group{nil, {}, {}, {}}
		const each = turnPushes*2/3 + 1
		for i := range each * len(groups) {
			a := s.actor(fmt.Sprint(i))
			all = append(all, a)
			l.Enter(a, groups[i%len(groups)], false)
		}
		var parts []Selected
		for i, g := range groups[1:] {
			parts = append(parts, Selected{Group: g, Frame: frame(fmt.Sprint(i + 1))})
		}
		l.Message(frame("0"), parts, nil)
		l.Message(frame("0"), parts, nil)
		for i, a := range all {
			s.heard(a, strings.TrimSpace(strings.Repeat(fmt.Sprint(i%len(groups), " "), 2)))
		}
	})
}

// Only the links of those who were pushed to are woken: not 10,000 for one that a message concerns.
func TestAMessageWakesThoseWhomItConcerns(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		woken := map[string]int{}
		var last *Group
		for i := range 100 {
			a := s.actor(fmt.Sprint(i))
			a.link.onWake = func() { woken[a.name]++ }
			last = &Group{}
			l.Enter(a, last, false)
		}
		all := s.actor("all")
		all.link.onWake = func() { woken["all"]++ }
		l.Enter(all, nil, false)
		l.Message(nil, []Selected{{Group: last, Frame: frame("1")}}, nil)
		s.wants()
		if len(woken) != 1 || woken["99"] != 1 {
			t.Errorf("woken: %v, want 99 alone, once", woken)
		}
	})
}
