package core

import (
	"fmt"
	"strings"
	"testing"

	"tidings/protocol"
)

func TestFeedFiltersAGroup(t *testing.T) {
	s := liveAt(t, 4)
	s.Join(odd(join("a")))
	s.want("a subscribed at 4", "a enter")
	for n := uint64(5); n <= 8; n++ {
		s.Message(message(at(n)))
	}
	s.want("live-odd 5, prev 4", "live-odd 7, prev 5")
	s.Join(odd(join("b"))) // the group was told up to 7, b up to 8
	s.Message(message(at(9)))
	s.want("b subscribed at 8", "b enter", "live-odd 9, prev 7")
	s.Message(&protocol.Message{Channel: "c", Volatile: true, ID: "v"}) // offset 0 does not match; nothing is skipped
	s.Tick()
	s.want()
	s.Message(message(at(10)))
	s.Tick()
	s.Tick()
	s.want("position-odd 10")
	s.Message(message(at(11)))
	s.want("live-odd 11, prev 10")
}

func TestFeedTellsAQuietGroupItsPosition(t *testing.T) {
	s := liveAt(t, 0)
	s.Join(Join[string]{Member: "a", Group: "-none", Match: func(*protocol.Message) Scope { return Passes }})
	s.want("a subscribed at 0", "a enter")
	for n := uint64(1); n <= 64; n++ {
		s.Message(message(at(n)))
	}
	s.want()
	s.Message(message(at(65)))
	s.want("position-none 65")
}

func TestFeedFiltersARecovery(t *testing.T) {
	s := liveAt(t, 8)
	s.Join(odd(join("a", at(2))))
	s.HistoryRead(2, page(at(8), messages(3, 6)...))
	s.want("read 2 after 2", "a subscribed at 2, recovered", "a replay 3 5, prev 2, more true")
	s.Continue("a")
	s.HistoryRead(3, page(at(8), messages(7, 8)...))
	s.want("read 3 after 6", "a replay 7, prev 5, more false", "a position 8", "a enter")
	s.Message(message(at(9)))
	s.want("live-odd 9, prev 8")
}

// A message may take a document away that a filter matched before: live and in a recovery.
func TestFeedSaysOut(t *testing.T) {
	leaves := func(j Join[string]) Join[string] {
		j.Group, j.Match = "-leaves", func(m *protocol.Message) Scope {
			switch m.Offset % 3 {
			case 0:
				return Out
			case 1:
				return In
			}
			return Passes
		}
		return j
	}
	s := liveAt(t, 5)
	s.Join(leaves(join("a")))
	s.want("a subscribed at 5", "a enter")
	for n := uint64(6); n <= 8; n++ {
		s.Message(message(at(n)))
	}
	s.want("live-leaves 6 out, prev 5", "live-leaves 7, prev 6")
	s.Join(leaves(join("b", at(5))))
	s.HistoryRead(2, page(at(8), messages(6, 8)...))
	s.want("read 2 after 5", "b subscribed at 5, recovered", "b replay 6 out 7, prev 5, more false", "b position 8", "b enter")
}

// Groups that let messages pass are told in the order in which they were told before, and none is forgotten.
func TestFeedTellsEachQuietGroupInTime(t *testing.T) {
	s := liveAt(t, 0)
	s.Quiet = 4
	for i, member := range []string{"a", "b", "c"} {
		s.Join(silent("-"+member, join(member)))
		s.Message(message(at(uint64(i + 1))))
	}
	s.log = nil
	for n := uint64(4); n <= 12; n++ {
		s.Message(message(at(n)))
	}
	s.want("position-a 5", "position-b 6", "position-c 7", "position-a 10", "position-b 11", "position-c 12")
	if !s.Skipping() {
		t.Error("not skipping, though a and b let messages pass")
	}
	s.Tick()
	s.want("position-a-b 12")
	if s.Skipping() {
		t.Error("skipping, though all were told")
	}
	s.Tick()
	s.want()
}

// While a feed is paced no message has a position told. What became due is told when that ends.
func TestFeedThatIsPaced(t *testing.T) {
	s := liveAt(t, 0)
	s.Quiet = 2
	s.Join(silent("-a", join("a")))
	s.Join(silent("-b", join("b")))
	s.log = nil
	s.Paced = true
	for n := uint64(1); n <= 9; n++ {
		s.Message(message(at(n)))
	}
	s.want()
	s.Paced = false
	s.TellQuiet()
	s.want("position-a-b 9")
	s.TellQuiet()
	s.want()
}

// Many messages may come for one group and none for another: the quiet one is told for all that.
func TestFeedTellsAQuietGroupBesideABusyOne(t *testing.T) {
	s := liveAt(t, 0)
	s.Quiet = 2
	s.Join(silent("-quiet", join("a")))
	s.Join(odd(join("b")))
	s.log = nil
	for n := uint64(1); n <= 5; n++ {
		s.Message(message(at(n)))
	}
	s.want("live-odd 1, prev 0", "live-odd 3, prev 1", "position-quiet 3", "live-odd 5, prev 3")
}

// A cut in a long recovery in which nothing matches must not begin it from its start again.
func TestFeedTellsPositionsInAQuietRecovery(t *testing.T) {
	s := liveAt(t, 9)
	s.Join(silent("-none", join("a", at(2))))
	s.HistoryRead(2, page(at(9), messages(3, 5)...))
	s.want("read 2 after 2", "a subscribed at 2, recovered", "a replay , prev 2, more true", "a position 5")
	s.Continue("a")
	s.HistoryRead(3, page(at(9), messages(6, 9)...))
	s.want("read 3 after 5", "a replay , prev 5, more false", "a position 9", "a enter")
}

// A volatile message is heard by those that it concerns, and moves no cursor.
func TestFeedFiltersVolatileMessages(t *testing.T) {
	s := liveAt(t, 4)
	s.Join(odd(join("a")))
	s.Join(silent("-none", join("b")))
	s.want("a subscribed at 4", "a enter", "b subscribed at 4", "b enter")
	s.Message(&protocol.Message{Channel: "c", Volatile: true, ID: "v", Offset: 1})
	s.want("live-odd volatile")
	if s.Skipping() {
		t.Error("a volatile message counts as skipped")
	}
}

// spy counts what a feed asks about its groups.
type spy struct {
	walk
	asked int
}

func (s *spy) Each(m *protocol.Message, hit func(string, Scope)) {
	s.asked++
	s.walk.Each(m, hit)
}

// Where nobody has a filter no message is looked at, and a group without members is looked at no more.
func TestFeedAsksAboutLiveGroupsOnly(t *testing.T) {
	s := newFeedStory(t)
	filters := &spy{}
	s.Feed = NewFeed[string](s, filters)
	s.Start()
	s.HistoryRead(1, page(at(5)))
	s.Join(join("a"))
	s.Message(message(at(6)))
	if filters.asked != 0 {
		t.Errorf("asked %d times about no group", filters.asked)
	}
	s.Join(odd(join("b")))
	s.Join(odd(join("c")))
	s.Leave("b", "-odd")
	s.Message(message(at(7)))
	s.Leave("c", "-odd")
	s.Message(message(at(8)))
	if filters.asked != 1 || len(filters.list) != 0 {
		t.Errorf("asked %d times, and %d groups are left; want once, and none", filters.asked, len(filters.list))
	}
	if n := s.Members(); n != 1 {
		t.Errorf("%d members, want the one without a filter", n)
	}
}

// A message costs the groups that it concerns and those whose turn it is to be told, and not all of them.
func TestFeedTellsFewGroupsPerMessage(t *testing.T) {
	const groups, quiet = 1000, 250
	s := liveAt(t, 0)
	s.Quiet = quiet
	for n := range groups {
		s.Join(silent(fmt.Sprint("-", n), join(fmt.Sprint(n))))
		if n%4 == 3 {
			s.Message(message(at(uint64(n/4 + 1))))
		}
	}
	told, most := 0, 0
	for n := uint64(groups/4 + 1); n <= 5*quiet; n++ {
		s.log = nil
		s.Message(message(at(n)))
		told += strings.Count(strings.Join(s.log, ""), "-")
		most = max(most, strings.Count(strings.Join(s.log, ""), "-"))
	}
	if most > 4 || told < 3*groups {
		t.Errorf("%d groups were told, at most %d after one message; want each of %d told three times, and 4 groups a message", told, most, groups)
	}
}
