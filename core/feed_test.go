package core

import (
	"testing"

	"tidings/protocol"
)

// #n is line n of the mechanisms in sim/model/table.go.

// #5, #6: what a page says is lost is lost; a replay starts strictly after the cursor.
func TestFeedReplaysStrictlyAfterTheCursor(t *testing.T) {
	s := liveAt(t, 8)
	s.Join(join("a", at(5)))
	s.want("read 2 after 5")
	s.HistoryRead(2, page(at(8), messages(4, 8)...)) // a broker that gives too much
	s.want("a subscribed at 5, recovered", "a replay 6 7 8, prev 5, more false", "a enter")
}

func TestFeedTellsAMemberWhatHistoryLost(t *testing.T) {
	s := liveAt(t, 8)
	s.Join(join("a", at(5)))
	s.HistoryRead(2, lost(protocol.GapHistoryExpired, at(8)))
	s.want("read 2 after 5", "a gap history_expired from 5 to 8, answering true", "a subscribed at 8", "a enter")
}

// #7: a read before the node is registered could end before a message that nobody brings.
func TestFeedRegistersBeforeReading(t *testing.T) {
	s := newFeedStory(t)
	s.Join(join("a"))
	s.Join(join("b", at(3)))
	s.Check()
	s.want() // not subscribed at the broker yet
	s.Start()
	s.want("read 1 top")
	s.Message(message(at(6))) // numbered after the read, come before its answer
	s.want()
	s.HistoryRead(1, page(at(5)))
	s.want("a subscribed at 6", "a enter", "read 2 after 3")
	s.HistoryRead(2, page(at(6), messages(4, 6)...))
	s.want("b subscribed at 3, recovered", "b replay 4 5 6, prev 3, more false", "b enter")
}

// #8: what history gave does not come again live.
func TestFeedDropsHeldAtOrBelowHistory(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.want("a subscribed at 5", "a enter")
	s.Message(message(at(7))) // 6 is missing
	s.Message(message(at(8)))
	s.Message(message(at(9)))
	s.want("read 2 after 5")
	s.HistoryRead(2, page(at(8), messages(6, 8)...))
	s.want("live 6, prev 5", "live 7, prev 6", "live 8, prev 7", "live 9, prev 8")
}

// #9: a hole is filled from history, in order, without a gap.
func TestFeedFillsAHole(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.Message(message(at(6)))
	s.Message(message(at(8)))
	s.want("a subscribed at 5", "a enter", "live 6, prev 5", "read 2 after 6")
	s.HistoryRead(2, page(at(8), messages(7, 8)...))
	s.want("live 7, prev 6", "live 8, prev 7")
}

// #9: two holes are two reads, at once.
func TestFeedFillsASecondHole(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.Message(message(at(7)))  // 6 is missing
	s.Message(message(at(10))) // 8 and 9 too, which the broker numbers after the read
	s.want("a subscribed at 5", "a enter", "read 2 after 5")
	s.HistoryRead(2, page(at(7), messages(6, 7)...))
	s.want("live 6, prev 5", "live 7, prev 6", "read 3 after 7")
	s.HistoryRead(3, page(at(10), messages(8, 10)...))
	s.want("live 8, prev 7", "live 9, prev 8", "live 10, prev 9")
}

// #10: nothing follows the last message of a burst, so only a check finds its loss.
func TestFeedCheckFindsTailLoss(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.want("a subscribed at 5", "a enter")
	s.Check()
	s.want("read 2 after 5")
	s.HistoryRead(2, page(at(6), message(at(6))))
	s.want("live 6, prev 5")
	s.Check()
	s.HistoryRead(3, page(at(6)))
	s.want("read 3 after 6")
}

// #2, #3: a broker that lost its memory has another epoch: one gap.
func TestFeedTellsAChangedEpochOnce(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.want("a subscribed at 5", "a enter")
	s.Message(message(in("f", 1)))
	s.Message(message(in("f", 2)))
	s.want("read 2 after 5")
	s.HistoryRead(2, lost(protocol.GapEpochChanged, in("f", 1)))
	s.want("gap epoch_changed from 5 to f1", "live f2, prev 1", "read 3 after f2")
	s.HistoryRead(3, page(in("f", 2)))
	s.Message(message(at(5))) // a straggler of the old epoch
	s.want("read 4 after f2")
	s.HistoryRead(4, page(in("f", 2)))
	s.want("read 5 after f2")
	s.HistoryRead(5, page(in("f", 2)))
	s.Message(message(in("f", 3)))
	s.want("live f3, prev 2")
}

// #4: the same epoch and offset, but not the same message.
func TestFeedTellsARewoundBroker(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.want("a subscribed at 5", "a enter")
	s.Message(message(foreign(5)))
	s.want("read 2 after 5")
	s.HistoryRead(2, lost(protocol.GapPositionUnknown, foreign(5)))
	s.want("gap position_unknown from 5 to e5x", "read 3 after e5x") // what was kept may be of either past: history knows
}

func TestFeedCheckFindsARewoundBroker(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.Check()
	s.want("a subscribed at 5", "a enter", "read 2 after 5")
	s.HistoryRead(2, lost(protocol.GapPositionUnknown, at(3)))
	s.want("gap position_unknown from 5 to 3")
	s.Message(message(at(4)))
	s.want("live 4, prev 3")
}

func TestFeedTellsWhenAHoleCannotBeFilled(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.Join(odd(join("b")))
	s.want("a subscribed at 5", "a enter", "b subscribed at 5", "b enter")
	s.Message(message(at(2000)))
	s.HistoryRead(2, lost(protocol.GapHistoryExpired, at(2000)))
	s.want("read 2 after 5", "gap feed_lost from 5 to 2000", "read 3 after 2000")
	s.HistoryRead(3, page(at(2000)))
	s.Message(message(at(2001)))
	s.want("live 2001, prev 2000", "live-odd 2001, prev 2000")
}

// A check may ask from a place that history just dropped while the live stream brings it all: no gap then.
func TestFeedDoesNotTakeLagForLoss(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.want("a subscribed at 5", "a enter")
	s.Check()
	s.Message(message(at(6)))
	s.HistoryRead(2, lost(protocol.GapHistoryExpired, at(8))) // 7 and 8 are on their way
	s.want("read 2 after 5", "live 6, prev 5")
	s.Message(message(at(7)))
	s.Message(message(at(8)))
	s.want("live 7, prev 6", "live 8, prev 7")

	s.Check()
	s.HistoryRead(3, lost(protocol.GapHistoryExpired, at(9)))
	s.want("read 3 after 8")
	s.Check() // the feed stands where it stood: 9 is lost
	s.HistoryRead(4, lost(protocol.GapHistoryExpired, at(9)))
	s.want("read 4 after 8", "gap feed_lost from 8 to 9")
}

func TestFeedJoins(t *testing.T) {
	other := in("f", 5)
	for _, c := range []struct {
		name   string
		since  []protocol.Position
		answer *Page // to the read that the join asks for; nil if it asks for none
		want   []string
	}{
		{name: "without a cursor", want: []string{"a subscribed at 5", "a enter"}},
		{name: "at the top", since: []protocol.Position{at(5)}, want: []string{"a subscribed at 5, recovered", "a enter"}},
		{
			name: "behind", since: []protocol.Position{at(3)}, answer: &Page{Top: at(5), Messages: messages(4, 5)},
			want: []string{"read 2 after 3", "a subscribed at 3, recovered", "a replay 4 5, prev 3, more false", "a enter"},
		}, {
			name: "before the first", since: []protocol.Position{at(0)}, answer: &Page{Top: at(5), Messages: messages(1, 5)},
			want: []string{"read 2 after 0", "a subscribed at 0, recovered", "a replay 1 2 3 4 5, prev 0, more false", "a enter"},
		}, {
			name: "behind, with another tag", since: []protocol.Position{foreign(3)}, answer: &Page{Top: at(5), Lost: protocol.GapPositionUnknown},
			want: []string{"read 2 after e3x", "a gap position_unknown from e3x to 5, answering true", "a subscribed at 5", "a enter"},
		}, {
			name: "at the top, with another tag", since: []protocol.Position{foreign(5)}, answer: &Page{Top: at(5)},
			want: []string{"read 2 after 5", "a gap position_unknown from e5x to 5, answering true", "a subscribed at 5", "a enter"},
		}, {
			name: "ahead of the broker", since: []protocol.Position{at(9)}, answer: &Page{Top: at(5)},
			want: []string{"read 2 after 5", "a gap position_unknown from 9 to 5, answering true", "a subscribed at 5", "a enter"},
		}, {
			name: "ahead of this node", since: []protocol.Position{at(6)}, answer: &Page{Top: at(6), Messages: messages(6, 6)},
			want: []string{"read 2 after 5", "a subscribed at 6, recovered", "a enter"},
		}, {
			name: "further than this node was", since: []protocol.Position{at(6)}, answer: &Page{Top: at(7), Messages: messages(6, 7)},
			want: []string{"read 2 after 5", "read 3 after 6"},
		}, {
			name: "in another epoch than the broker", since: []protocol.Position{other}, answer: &Page{Top: at(5)},
			want: []string{"read 2 after 5", "a gap epoch_changed from f5 to 5, answering true", "a subscribed at 5", "a enter"},
		}, {
			name: "in an epoch that this node has not seen", since: []protocol.Position{other}, answer: &Page{Top: other, Lost: protocol.GapEpochChanged},
			want: []string{"read 2 after 5", "a subscribed at f5, recovered", "a enter"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := liveAt(t, 5)
			s.Join(join("a", c.since...))
			if c.answer != nil {
				s.HistoryRead(2, *c.answer)
			}
			s.want(c.want...)
		})
	}
}

// An answer that was under way when a client joined may be older than what the client heard elsewhere.
func TestFeedWaitsForAReadAskedAfterTheJoin(t *testing.T) {
	s := liveAt(t, 5)
	s.Check()
	s.Join(join("a", at(6)))
	s.HistoryRead(2, page(at(5)))
	s.want("read 2 after 5", "read 3 after 5")
	s.HistoryRead(3, page(at(6), message(at(6))))
	s.want("a subscribed at 6, recovered", "a enter")
}

func TestFeedPages(t *testing.T) {
	s := liveAt(t, 9)
	s.Join(join("a", at(2)))
	s.HistoryRead(2, page(at(9), messages(3, 5)...))
	s.want("read 2 after 2", "a subscribed at 2, recovered", "a replay 3 4 5, prev 2, more true")
	s.Message(message(at(10))) // not to a, which is not that far
	s.want()
	s.Continue("a")
	s.HistoryRead(3, page(at(10), messages(6, 8)...))
	s.want("read 3 after 5", "a replay 6 7 8, prev 5, more true")
	s.Continue("a")
	s.want("read 4 after 8")
	s.Message(message(at(11))) // read and answer cross
	s.HistoryRead(4, page(at(10), messages(9, 10)...))
	s.want("a replay 9 10, prev 8, more true")
	s.Continue("a")
	s.HistoryRead(5, page(at(12), messages(11, 12)...)) // 12 is on its way here
	s.want("read 5 after 10", "a replay 11, prev 10, more false", "a enter")
	s.Message(message(at(12)))
	s.want("live 12, prev 11")
}

func TestFeedTellsOneGapWhereTheWindowRunsOut(t *testing.T) {
	s := liveAt(t, 9)
	s.Join(join("a", at(2)))
	s.HistoryRead(2, page(at(9), messages(3, 5)...))
	s.want("read 2 after 2", "a subscribed at 2, recovered", "a replay 3 4 5, prev 2, more true")
	s.Continue("a")
	s.HistoryRead(3, lost(protocol.GapHistoryExpired, at(9)))
	s.want("read 3 after 5", "a gap history_expired from 5 to 9, answering false", "a enter")
	s.Message(message(at(10)))
	s.want("live 10, prev 9")
}

// A recovering member's page may tell of a new epoch before the feed knows. There is one gap for each, not two.
func TestFeedLearnsOfANewEpochFromAPage(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.Join(join("b", at(3)))
	s.Check()
	s.want("a subscribed at 5", "a enter", "read 2 after 3", "read 3 after 5")
	s.HistoryRead(2, lost(protocol.GapEpochChanged, in("f", 1)))
	s.want("gap epoch_changed from 5 to f1", "b gap epoch_changed from 3 to f1, answering true", "b subscribed at f1", "b enter")
	s.Join(join("c", in("f", 2))) // ahead of this node
	s.HistoryRead(3, lost(protocol.GapEpochChanged, in("f", 1)))
	s.want("read 4 after f1")
	s.HistoryRead(4, page(in("f", 2), message(in("f", 2))))
	s.want("live f2, prev 1", "c subscribed at f2, recovered", "c enter", "read 5 after f2")
}

func TestFeedGoesOnWithoutTheBroker(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("live"))
	s.Join(join("paging", at(2)))
	s.HistoryRead(2, page(at(5), message(at(3))))
	s.Continue("paging")
	s.Join(join("behind", at(3)))
	s.Join(join("ahead", at(9)))
	s.want("live subscribed at 5", "live enter", "read 2 after 2", "paging subscribed at 2, recovered",
		"paging replay 3, prev 2, more true", "read 3 after 3", "read 4 after 3", "read 5 after 5")
	s.ReadFailed(3)
	s.want() // it was answered: it goes on later
	s.ReadFailed(4)
	s.want("behind refused")
	s.ReadFailed(5)
	s.want("ahead refused")
	s.Message(message(at(7)))
	s.want("read 6 after 5")
	s.ReadFailed(6)
	s.Check()
	s.want("read 7 after 5", "read 8 after 3")
	s.HistoryRead(7, page(at(7), messages(6, 7)...))
	s.want("live 6, prev 5", "live 7, prev 6")
	s.HistoryRead(8, page(at(7), messages(4, 7)...))
	s.want("paging replay 4 5 6 7, prev 3, more false", "paging enter")
	if n := s.Members(); n != 2 {
		t.Errorf("%d members, want the 2 that were not refused", n)
	}
}

func TestFeedForgetsTheReadOfAMemberThatLeft(t *testing.T) {
	for name, answer := range map[string]func(s *feedStory){
		"answered": func(s *feedStory) { s.HistoryRead(2, page(at(5), messages(4, 5)...)) },
		"failed":   func(s *feedStory) { s.ReadFailed(2) },
	} {
		t.Run(name, func(t *testing.T) {
			s := liveAt(t, 5)
			s.Join(join("a", at(3)))
			s.Leave("a", "")
			s.Join(join("a", at(4)))
			s.want("read 2 after 3", "read 3 after 4")
			answer(s)
			s.want() // of the a that left
			s.HistoryRead(3, page(at(5), message(at(5))))
			s.want("a subscribed at 4, recovered", "a replay 5, prev 4, more false", "a enter")
		})
	}
}

func TestFeedLeave(t *testing.T) {
	s := newFeedStory(t)
	s.Start()
	s.Join(join("waiting"))
	s.Leave("waiting", "")
	s.HistoryRead(1, page(at(5)))
	s.want("read 1 top")
	s.Join(join("a"))
	s.Join(odd(join("b")))
	s.Leave("a", "")
	s.Message(message(at(7)))
	s.Leave("b", "-odd")
	s.HistoryRead(2, page(at(7), messages(6, 7)...))
	s.want("a subscribed at 5", "a enter", "b subscribed at 5", "b enter", "read 2 after 5")
	if n := s.Members(); n != 0 {
		t.Errorf("%d members after all left", n)
	}
}

func TestFeedHandsOutVolatileMessages(t *testing.T) {
	volatile := &protocol.Message{Channel: "c", Volatile: true, ID: "v"}
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.want("a subscribed at 5", "a enter")
	s.Message(volatile)
	s.Message(message(at(7)))
	s.Message(volatile) // kept with what it came among
	s.want("live volatile", "read 2 after 5")
	s.HistoryRead(2, page(at(7), messages(6, 7)...))
	s.want("live 6, prev 5", "live 7, prev 6", "live volatile")
}

func TestFeedHoldsABoundedNumber(t *testing.T) {
	for name, c := range map[string]struct {
		size int // of data
		kept uint64
	}{
		"of messages": {size: 1, kept: maxEarly},
		"of bytes":    {size: 60 << 10, kept: 17},
	} {
		t.Run(name, func(t *testing.T) {
			s := liveAt(t, 5)
			s.Join(join("a"))
			for n := uint64(7); n <= 7+2*maxEarly; n++ {
				m := message(at(n))
				m.Data = make([]byte, c.size)
				s.Message(m)
			}
			s.log = nil
			s.HistoryRead(2, page(at(6), message(at(6))))
			if got := uint64(len(s.log)); got != 1+c.kept {
				t.Fatalf("%d messages went out after the hole was filled, want 1 and the %d that were kept", got, c.kept)
			}
			s.log = nil
			s.Message(message(at(7 + 2*maxEarly + 1))) // finds what was not kept
			s.HistoryRead(3, page(at(7+2*maxEarly+1), messages(7+c.kept, 7+2*maxEarly+1)...))
			s.want(append([]string{"read 3 after " + place(at(6+c.kept))}, lives(7+c.kept, 7+2*maxEarly+1)...)...)
		})
	}
}

func lives(first, last uint64) (lines []string) {
	for n := first; n <= last; n++ {
		lines = append(lines, "live "+place(at(n))+", prev "+place(at(n-1)))
	}
	return lines
}

// Messages of a broker that numbers with holes are chained by Prev.
func TestFeedFollowsPrevNotOffsets(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.want("a subscribed at 5", "a enter")
	m := message(at(9))
	m.Prev = 5
	s.Message(m)
	s.want("live 9, prev 5")
	m = message(at(20))
	m.Prev = 15
	s.Message(m)
	s.want("read 2 after 9")
}

// A broker that says neither what was lost nor what comes next must not keep a member waiting for ever.
func TestFeedDoesNotLoopOnAnEmptyPage(t *testing.T) {
	s := liveAt(t, 8)
	s.Join(join("a", at(5)))
	s.HistoryRead(2, page(at(8)))
	s.want("read 2 after 5", "a subscribed at 5, recovered", "a gap feed_lost from 5 to 8, answering false", "a enter")
}

// An answer of the old epoch comes after the feed has moved on.
func TestFeedDropsAPageOfAnOlderEpoch(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a", at(3)))
	s.Check()
	s.HistoryRead(3, lost(protocol.GapEpochChanged, in("f", 1)))
	s.HistoryRead(2, page(at(5), messages(4, 5)...))
	s.want("read 2 after 3", "read 3 after 5", "a gap epoch_changed from 3 to f1, answering true", "a subscribed at f1", "a enter")
}

// #4: what comes after an interruption may follow another past, even under the same epoch and at the next offset.
func TestFeedTrustsNothingAfterAnInterruption(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.Check()
	s.Interrupted()
	s.Message(message(at(6)))
	s.want("a subscribed at 5", "a enter", "read 2 after 5")
	s.HistoryRead(2, page(at(5))) // asked before
	s.want("read 3 after 5")
	s.HistoryRead(3, lost(protocol.GapPositionUnknown, at(6)))
	s.want("gap position_unknown from 5 to 6", "read 4 after 6")
	s.HistoryRead(4, page(at(6)))
	s.Message(message(at(7)))
	s.want("live 7, prev 6")
}

func TestFeedFindsAReplacedHistoryInAPage(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.Check()
	s.Message(message(at(6)))
	s.HistoryRead(2, page(at(7), message(foreign(6)), message(at(7))))
	s.want("a subscribed at 5", "a enter", "read 2 after 5", "live 6, prev 5", "gap position_unknown from 6 to 7")
}
