package fanout

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"tidings/core"
	"tidings/protocol"
)

// stage is a shard whose port writes down what it is asked, in a bubble.
type stage struct {
	t       *testing.T
	shard   *Shard[*actor]
	traffic Traffic

	mu    sync.Mutex // guards asked
	asked []string
}

// actor is one member.
type actor struct {
	name   string
	out    *core.Outbox
	place  Place
	link   link
	breaks bool // its outbox panics when it is asked for
}

func (a *actor) Outbox() *core.Outbox {
	if a.breaks {
		panic("broken")
	}
	return a.out
}
func (a *actor) Place() *Place { return &a.place }

// link is how a test looks on when an outbox is flushed.
type link struct{ onWake func() }

func (l *link) Wake() {
	if l.onWake != nil {
		l.onWake()
	}
}
func (l *link) End(*protocol.Encoded) {}

func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, fmt.Sprintf(format, args...))
}

func (s *stage) Overflowed(a *actor)            { s.note("overflowed %s", a.name) }
func (s *stage) Broken(a *actor)                { s.note("broken %s", a.name) }
func (s *stage) Failed(what string, reason any) { s.note("%s: %v", what, reason) }
func (s *stage) Live(a *actor)                  { s.note("live %s", a.name) }
func (s *stage) Next(a *actor, asker uint32)    { s.note("next %s %d", a.name, asker) }
func (s *stage) Withdraw(a *actor)              { s.note("withdraw %s", a.name) }

func onStage(t *testing.T, play func(s *stage, l *Lane[*actor])) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t}
		s.traffic.Low = func() { s.note("low") }
		s.shard = NewShard(0, Port[*actor](s))
		var ended sync.WaitGroup
		ended.Go(s.shard.Run)
		play(s, NewLane(s.shard, &s.traffic, 0))
		synctest.Wait()
		if n := s.traffic.Len(); n != 0 {
			t.Errorf("%d operations are on their way when all is done", n)
		}
		s.shard.Stop()
		ended.Wait()
	})
}

func (s *stage) actor(name string) *actor {
	a := &actor{name: name, out: core.NewOutbox(true)}
	a.out.Attach(&a.link, 0, nil, nil)
	return a
}

// wants compares what the port was asked since the last call.
func (s *stage) wants(want ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.asked, want) {
		s.t.Errorf("the port was asked %q, want %q", s.asked, want)
	}
	s.asked = nil
}

// heard compares the texts of the frames that came to a since the last call.
func (s *stage) heard(a *actor, want string) {
	s.t.Helper()
	synctest.Wait()
	var got []string
	for _, f := range a.out.Take(1, nil, 10_000, 1<<30) {
		got = append(got, strings.Trim(string(f.JSON), `"`))
	}
	if g := strings.Join(got, " "); g != want {
		s.t.Errorf("%s heard %q, want %q", a.name, g, want)
	}
}

func frame(text string) *protocol.Encoded {
	return protocol.NewEncoded([]byte(`"`+text+`"`), protocol.TypeMessage)
}

func message(text string) *protocol.Encoded {
	f := frame(text)
	f.Message = &protocol.Message{}
	return f
}

// What is put on a lane comes in that order, to those who are members then.
func TestALaneIsFirstInFirstOut(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		a, b := s.actor("a"), s.actor("b")
		l.Push(a, frame("subscribed"))
		l.Enter(a, nil, false)
		l.Message(frame("1"), nil, nil)
		l.Enter(b, nil, true)
		l.Message(frame("2"), nil, nil)
		l.Leave(a)
		l.Leave(a)
		l.Message(frame("3"), nil, nil)
		l.Push(a, frame("reply"))
		s.heard(a, "subscribed 1 2 reply")
		s.heard(b, "2 3")
		s.wants("live b")
		if pushed, passedBy := s.shard.Delivered(); pushed != 4 || passedBy != 0 {
			t.Errorf("delivered %d, passed by %d; want 4 and 0", pushed, passedBy)
		}
	})
}

// Who is excluded gets the message's position in its place, or nothing, and is counted apart.
func TestAnExceptionIsPassedBy(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		a, b := s.actor("a"), s.actor("b")
		l.Enter(a, nil, false)
		l.Enter(b, nil, false)
		l.Message(frame("1"), nil, &Exception{Outboxes: []*core.Outbox{a.out}, Frame: frame("position")})
		l.Message(frame("volatile"), nil, &Exception{Outboxes: []*core.Outbox{a.out}})
		s.heard(a, "position")
		s.heard(b, "1 volatile")
		if pushed, passedBy := s.shard.Delivered(); pushed != 2 || passedBy != 2 {
			t.Errorf("delivered %d, passed by %d; want 2 and 2", pushed, passedBy)
		}
	})
}

// A page of history is followed by the question for the next, if there is more, asked for the incarnation that gave it.
func TestAReplayAsksForTheNextPage(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		a := s.actor("a")
		l.Replay(a, []*protocol.Encoded{message("1"), frame("position"), message("3")}, 7, true)
		l.Replay(a, []*protocol.Encoded{message("4")}, 7, false)
		l.Enter(a, nil, true)
		s.heard(a, "1 position 3 4")
		s.wants("next a 7", "live a")
		if pushed, _ := s.shard.Delivered(); pushed != 3 {
			t.Errorf("delivered %d messages, want 3: a position is none", pushed)
		}
	})
}

// News go to the members that hear them, and to nobody else.
func TestNewsGoToTheirAudience(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		none, in, out, all, stranger := s.actor("none"), s.actor("in"), s.actor("out"), s.actor("all"), s.actor("stranger")
		for _, a := range []*actor{none, in, out, all} {
			l.Enter(a, nil, false)
		}
		l.Hear(in, nil, HearsIn)
		l.Hear(out, nil, HearsOut)
		l.Hear(all, nil, Everybody)
		l.Hear(stranger, nil, Everybody) // no member
		l.Announce(frame("joined"), nil, HearsIn)
		l.Announce(frame("left"), nil, HearsOut)
		l.Announce(frame("count"), nil, Everybody)
		l.Hear(all, nil, 0)
		l.Leave(in)
		l.Announce(frame("late"), nil, Everybody)
		s.heard(none, "")
		s.heard(in, "joined count")
		s.heard(out, "left count late")
		s.heard(all, "joined left count")
		s.heard(stranger, "")
	})
}

// What is displaced is whole: each member once, none is left.
func TestDisplaceRemovesAll(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		a, b, c := s.actor("a"), s.actor("b"), s.actor("c")
		for _, m := range []*actor{a, b, c} {
			l.Enter(m, nil, false)
		}
		l.Leave(b)
		l.Displace(func(all []*actor) {
			for _, m := range all {
				s.note("displaced %s", m.name)
			}
		})
		l.Message(frame("1"), nil, nil)
		l.Enter(a, nil, false)
		l.Message(frame("2"), nil, nil)
		s.wants("displaced a", "displaced c")
		s.heard(a, "2")
		s.heard(c, "")
	})
}

// An outbox that takes no more is reported once; the others hear all.
func TestAFullOutboxHarmsNobodyElse(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		full, b := &actor{name: "full", out: core.NewOutbox(true)}, s.actor("b") // full has no link
		l.Enter(full, nil, false)
		l.Enter(b, nil, false)
		l.Push(full, frame(strings.Repeat("x", protocol.MaxUnackedBytes)))
		l.Message(frame("1"), nil, nil)
		l.Message(frame("2"), nil, nil)
		s.heard(b, "1 2")
		s.wants("overflowed full")
	})
}

// One member whose push panics is reported as broken; what follows on the lane goes on.
func TestAPanicHarmsItsConnectionAlone(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		a, b := s.actor("a"), s.actor("b")
		l.Enter(b, nil, false)
		a.breaks = true
		l.Push(a, frame("reply"))
		l.Message(frame("1"), nil, nil)
		s.heard(b, "1")
		s.wants("a delivery failed: broken", "broken a")
		b.link.onWake = func() { panic("no link") }
		l.Message(frame("2"), nil, nil)
		s.wants("a link failed to wake: no link")
		s.heard(b, "2")
	})
}

// However many operations a lane has, one outbox gets a bounded number of frames before its link is woken.
func TestALongBurstIsFlushedInSlices(t *testing.T) {
	onStage(t, func(s *stage, l *Lane[*actor]) {
		a := s.actor("a")
		l.Enter(a, nil, false)
		synctest.Wait()
		most := 0
		a.link.onWake = func() {
			frames, _ := a.out.Waiting()
			most = max(most, frames)
			a.out.Take(1, nil, 10_000, 1<<30)
		}
		blocked, release := make(chan struct{}), make(chan struct{})
		l.Displace(func([]*actor) { close(blocked); <-release })
		l.Enter(a, nil, false)
		<-blocked
		for range 700 {
			l.Message(frame("x"), nil, nil)
		}
		close(release)
		synctest.Wait()
		if most > 2*flushFrames || most < 2 {
			t.Errorf("a link was woken for %d frames, want 2 to %d", most, 2*flushFrames)
		}
	})
}

// Who waits for traffic to fall is called once, below the low water and not above.
func TestTrafficCallsWhenItIsLow(t *testing.T) {
	calls := 0
	traffic := Traffic{Low: func() { calls++ }}
	traffic.Add(lowWater + 2)
	if traffic.Await() || traffic.IsLow() {
		t.Fatal("above the low water it says that it is low")
	}
	traffic.Done(1)
	if calls != 0 {
		t.Errorf("called above the low water")
	}
	traffic.Done(1)
	traffic.Done(1)
	if calls != 1 {
		t.Errorf("called %d times, want once", calls)
	}
	if !traffic.Await() {
		t.Error("below the low water Await does not report it")
	}
	traffic.Forget()
	traffic.Done(1)
	if calls != 1 {
		t.Errorf("called after Forget")
	}
	for traffic.Try(MaxInFlight) {
	}
	if n := traffic.Len(); n != MaxInFlight {
		t.Errorf("Try let %d in, want %d", n, MaxInFlight)
	}
}

// While the links of a crowd are woken others run, too: on one processor nobody else makes room for them.
func TestOthersRunWhileManyAreWoken(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	onStage(t, func(s *stage, l *Lane[*actor]) {
		const members = 10 * yieldWakes
		var woken, seen atomic.Int64
		for range members {
			a := &actor{out: core.NewOutbox(false)}
			a.link.onWake = func() {
				if woken.Add(1) == 1 {
					go func() { seen.Store(woken.Load()) }()
				}
			}
			a.out.Attach(&a.link, 0, nil, nil)
			l.Enter(a, nil, false)
		}
		l.Deliver(protocol.NewEncoded([]byte(`{}`), protocol.TypeMessage))
		synctest.Wait()
		if woken.Load() != members || seen.Load() < 1 || seen.Load() >= members {
			t.Errorf("another goroutine ran when %d of %d links were woken, want it between the first and the last of %d", seen.Load(), woken.Load(), members)
		}
	})
}
