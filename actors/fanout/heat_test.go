package fanout

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The decision alone: how busy the shard would be, and what part of that is the lane's. What a push costs, and so how
// many of them there are, changes nothing.
func TestHeatJudges(t *testing.T) {
	for _, cost := range []time.Duration{2500, 5000, 10_000, 20_000, 40_000} {
		t.Run(cost.String(), func(t *testing.T) { heatJudges(t, cost) })
	}
}

func heatJudges(t *testing.T, cost time.Duration) {
	scale := int(10*time.Microsecond) * 1000 / int(cost) // the numbers below are of 10 µs each; a period of 50 ms has time for 5,000
	for _, c := range []struct {
		name        string
		hot         bool
		own, others int // pushes in each of four periods
		behind      bool
		want        bool
	}{
		{name: "nearly half of the time", own: 2400, want: false},
		{name: "more than half of the time", own: 2600, want: true},
		{name: "hot, above a third", hot: true, own: 1700, want: true},
		{name: "hot, below a third", hot: true, own: 1600, want: false},
		{name: "hot, silent", hot: true, want: false},
		{name: "one lane of ten that are busy together", own: 300, others: 2700, want: true},
		{name: "a quiet lane beside a busy one", own: 20, others: 4000, want: false},
		{name: "behind, though the pushes seem to cost little", own: 400, behind: true, want: true},
		{name: "behind because of another lane", own: 10, others: 390, behind: true, want: false},
		{name: "behind with nothing to push", behind: true, want: false},
	} {
		h := heat{hot: c.hot, cost: cost}
		for range coolTimes {
			h.pushes = c.own * scale / 1000
			h.judge(heatPeriod, time.Duration((c.own+c.others)*scale/1000)*cost, c.behind)
		}
		if h.hot != c.want {
			t.Errorf("%s: hot is %v, want %v", c.name, h.hot, c.want)
		}
	}
}

// Between a third and a half nothing changes, from whichever side a lane comes; a single slow period does not stop it.
func TestHeatDoesNotFlap(t *testing.T) {
	for _, hot := range []bool{false, true} {
		h := heat{hot: hot, cost: 10 * time.Microsecond}
		for i := range 100 {
			h.pushes = []int{2000, 2400, 1700, 2400}[i%4]
			if hot && i%3 == 0 {
				h.pushes = 0
			}
			h.judge(heatPeriod, h.load(), false)
			if h.hot != hot {
				t.Fatalf("hot was %v and is %v after %d periods", hot, h.hot, i+1)
			}
		}
	}
}

// A push that leaves alone is measured alone; others only show that the measure was too high, so that a bad one passes.
func TestHeatMeasures(t *testing.T) {
	h := heat{}
	for i, c := range []struct {
		frames int
		took   time.Duration
		want   time.Duration
	}{
		{3, 2000, 20}, // nothing better is known
		{1, 500, 5},
		{3, 700, 5},
		{1, 9000, 90}, // somebody else had the processor
		{3, 700, 7},
		{1, 500, 5},
	} {
		h.woke(100, c.frames, c.took)
		if h.settleCost(); h.cost != c.want {
			t.Errorf("measure %d: %v, want %v", i, h.cost, c.want)
		}
	}
	h.settleCost()
	if h.cost != 5 {
		t.Errorf("a period without a flush changed the cost to %v", h.cost)
	}
}

// sending is a channel on one or two processors, each a shard, whose links take a time to write.
type sending struct {
	members, shards int
	cost            time.Duration // of one write
	rate            int           // messages a second
}

// play sends for a time and returns how many writes each member had for a message in the last half of it, at the most.
func (c sending) play(t *testing.T, s *stage, lanes []*Lane[*actor], writes *atomic.Int64, d time.Duration) (perMessage float64) {
	t.Helper()
	sent := 0
	for i := range int(d.Seconds() * float64(c.rate)) {
		if i == int(d.Seconds()*float64(c.rate))/2 {
			synctest.Wait()
			sent = 0
			writes.Store(0)
		}
		for _, l := range lanes {
			l.Message(frame(fmt.Sprint(i)), nil, nil)
		}
		sent++
		time.Sleep(time.Second / time.Duration(c.rate))
	}
	return float64(writes.Load()) / float64(sent) / float64(c.members)
}

// A channel collects because its shard is busy, not because of a number of messages: on one processor and on two, with
// cheap writes and dear ones, and from both states.
func TestAShardThatIsBusyCollects(t *testing.T) {
	for _, c := range []struct {
		name string
		sending
		alone bool // each message leaves alone
	}{
		{"100 members at 200, a fifth of the time", sending{100, 1, 10 * time.Microsecond, 200}, true},
		{"the same, twice the payload", sending{100, 1, 20 * time.Microsecond, 200}, true},
		{"100 members at 800", sending{100, 1, 10 * time.Microsecond, 800}, false},
		{"the same, half the payload, two processors", sending{100, 2, 5 * time.Microsecond, 800}, true},
		{"1,000 members at 20", sending{1000, 1, 7 * time.Microsecond, 20}, true},
		{"1,000 members at 500", sending{1000, 1, 7 * time.Microsecond, 500}, false},
		{"the same, two processors", sending{1000, 2, 7 * time.Microsecond, 500}, false},
		{"the same, twice the payload", sending{1000, 2, 14 * time.Microsecond, 500}, false},
		{"one member at 1,000", sending{1, 1, 7 * time.Microsecond, 1000}, true},
	} {
		for _, from := range []int{0, 1000} { // messages a second before: none, and many
			t.Run(fmt.Sprintf("%s, after %d", c.name, from), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &stage{t: t}
					s.traffic.Low = func() {}
					var lanes []*Lane[*actor]
					var running sync.WaitGroup
					var writes atomic.Int64
					defer running.Wait()
					for i := range c.shards {
						sh := NewShard(i, Port[*actor](s))
						running.Go(sh.Run)
						defer sh.Stop()
						lanes = append(lanes, NewLane(sh, &s.traffic, 10*time.Millisecond))
					}
					for i := range c.members {
						a := s.actor(fmt.Sprint(i))
						a.link.onWake = func() {
							writes.Add(1)
							time.Sleep(c.cost)
							a.out.Ack(a.out.Sent())
							a.out.Take(1, nil, 10_000, 1<<30)
						}
						lanes[i%len(lanes)].Enter(a, nil, false)
					}
					before := c.sending
					if before.rate = from; from > 0 {
						before.play(t, s, lanes, &writes, time.Second/4)
						time.Sleep(time.Second)
					}
					got := c.play(t, s, lanes, &writes, time.Second)
					if alone := got > 0.95; alone != c.alone {
						t.Errorf("each member had %.2f writes for each message, want one: %v", got, c.alone)
					}
				})
			})
		}
	}
}
