package core

import (
	"testing"

	"tidings/protocol"
)

// What sim/model found in this package, each as the shortest story that shows it.

// The member had its answer: refusing it then reached nobody, and it stood outside the feed for good.
func TestFeedGoesOnWithARecoveryWhoseNextPageFailed(t *testing.T) {
	s := liveAt(t, 8)
	s.Join(join("a", at(2)))
	s.HistoryRead(2, page(at(8), messages(3, 5)...))
	s.Continue("a")
	s.want("read 2 after 2", "a subscribed at 2, recovered", "a replay 3 4 5, prev 2, more true", "read 3 after 5")
	s.ReadFailed(3)
	s.want()
	s.Check()
	s.want("read 4 after 8", "read 5 after 5")
	s.HistoryRead(5, page(at(8), messages(6, 8)...))
	s.want("a replay 6 7 8, prev 5, more false", "a enter")
}

func TestFeedRefusesWhoHasNoAnswerYet(t *testing.T) {
	s := liveAt(t, 8)
	s.Join(join("a", at(2)))
	s.ReadFailed(2)
	s.want("read 2 after 2", "a refused")
	s.Check()
	s.want("read 3 after 8")
}

// With trust_persistence a broker that was rewound goes on under the same epoch: its next message may follow our offset
// and yet not our message.
func TestFeedHoldsWhatFollowsAnInterruption(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.Interrupted()
	s.Message(message(at(6))) // of the past that has another message 5
	s.want("a subscribed at 5", "a enter", "read 2 after 5")
	p := lost(protocol.GapPositionUnknown, at(6))
	s.HistoryRead(2, p)
	s.want("gap position_unknown from 5 to 6", "read 3 after 6")
}

func TestFeedDropsAnAnswerFromBeforeTheInterruption(t *testing.T) {
	s := liveAt(t, 5)
	s.Check()
	s.Interrupted()
	s.HistoryRead(2, page(at(6), message(at(6))))
	s.want("read 2 after 5", "read 3 after 5")
}

// A read that fails leaves the doubt: the next message asks again, and is not handed on before.
func TestFeedDoubtsUntilAReadAnswers(t *testing.T) {
	s := liveAt(t, 5)
	s.Join(join("a"))
	s.Interrupted()
	s.ReadFailed(2)
	s.Message(message(at(6)))
	s.want("a subscribed at 5", "a enter", "read 2 after 5", "read 3 after 5")
	s.HistoryRead(3, page(at(6), message(at(6))))
	s.want("live 6, prev 5")
}

func TestFeedSeesAnotherMessageAtItsPlaceInAPage(t *testing.T) {
	s := liveAt(t, 4)
	s.Join(join("a"))
	s.Check()                 // asks after 4
	s.Message(message(at(5))) // and moves on meanwhile
	s.want("a subscribed at 4", "a enter", "read 2 after 4", "live 5, prev 4")
	s.HistoryRead(2, page(at(6), message(foreign(5)), message(at(6))))
	s.want("gap position_unknown from 5 to 6")
}

// A read and the live stream come by different ways: the one may tell of the new past while the other still brings the
// old one.
func TestFeedTakesNoMessageOfAnotherPast(t *testing.T) {
	s := liveAt(t, 4)
	s.Join(join("a"))
	old := message(at(6))
	old.PrevTag = at(5).Tag
	s.Check()
	s.HistoryRead(2, page(foreign(5), message(foreign(5))))
	s.Message(old)
	s.want("a subscribed at 4", "a enter", "read 2 after 4", "live e5x, prev 4", "read 3 after e5x")
	s.HistoryRead(3, page(foreign(5)))
	s.want("read 4 after e5x")
	s.HistoryRead(4, page(foreign(5)))
	s.want()
}

// A new link, with nothing to write, must let a recovery go on: over long-polling it waited for the end of the poll's
// hold.
func TestOutboxIsRoomyOnceALinkIsThere(t *testing.T) {
	o, called := NewOutbox(true), 0
	o.WhenSpace(func() { called++ })
	if called != 0 {
		t.Fatal("roomy without a link")
	}
	o.Attach(deadLink{}, 0, nil, nil)
	if called != 1 {
		t.Fatalf("called %d times after Attach, want 1", called)
	}
}

// While a client opens a new link the old one goes on: it may report more than its connect said, which the new link has
// not written yet.
func TestOutboxTakesAReportOfWhatAnOlderLinkBrought(t *testing.T) {
	o := NewOutbox(true)
	gen, _ := o.Attach(deadLink{}, 0, nil, nil)
	for range 3 {
		o.Push(counted())
	}
	if n := len(o.Take(gen, nil, 64, 1<<20)); n != 3 {
		t.Fatalf("took %d frames, want 3", n)
	}
	gen, _ = o.Attach(deadLink{}, 1, nil, nil) // its connect said 1
	if err := o.Ack(3); err != nil {
		t.Fatalf("a report of frames that were written: %v", err)
	}
	if err := o.Ack(4); err == nil {
		t.Fatal("a report of a frame that was never written is taken")
	}
	if n := len(o.Take(gen, nil, 64, 1<<20)); n != 2 {
		t.Fatalf("the new link brings %d frames, want 2 and 3: its client counts them there", n)
	}
	o.Attach(deadLink{}, 1, nil, nil)
	if gen, ok := o.Attach(deadLink{}, 3, nil, nil); !ok || len(o.Take(gen, nil, 64, 1<<20)) != 0 {
		t.Fatal("a link that has received more than its predecessor wrote cannot resume")
	}
}

func counted() *protocol.Encoded { return &protocol.Encoded{JSON: []byte("{}"), Counted: true} }

type deadLink struct{}

func (deadLink) Wake()                 {}
func (deadLink) End(*protocol.Encoded) {}
