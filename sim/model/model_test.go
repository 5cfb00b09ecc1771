package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// quickSeeds is how many seeds of each profile a test run plays; `make sim` plays more. A run is one goroutine, so the
// race detector has nothing to find in it and only makes it slow.
func quickSeeds() uint64 {
	if testing.Short() || raceDetector {
		return 30
	}
	return 150
}

func TestNothingBreaks(t *testing.T) {
	for _, profile := range []Profile{Calm, Storm} {
		t.Run(string(profile), func(t *testing.T) {
			t.Parallel()
			var sum Stats
			for seed := range quickSeeds() {
				p := NewPlan(seed, profile)
				r := Run(p, Options{})
				sum.Add(r.Stats)
				if r.Failed() {
					t.Fatalf("%s", story(p, Options{}))
				}
			}
			if profile == Calm && sum.Gaps > 0 || profile == Storm && sum.Gaps == 0 {
				t.Errorf("%d gaps", sum.Gaps)
			}
			if n := int(quickSeeds()); sum.Delivered < 50*n || sum.Resumed < n || sum.Cuts < n {
				t.Errorf("the runs do too little to prove anything: %+v", sum)
			}
		})
	}
}

// story is a failing plan, shrunk, with the end of its log.
func story(p Plan, o Options) string {
	small := Shrink(p, o)
	o.Verbose = true
	r := Run(small, o)
	lines := r.Log[max(0, len(r.Log)-40):]
	return fmt.Sprintf("%s%s\n%v %v\nreplay: go run ./sim/cmd/sim -seed %d -profile %s -v", small, strings.Join(lines, "\n"), r.Violations, r.Wire, p.Seed, p.Profile)
}

// TestRunsRepeat: a seed goes the same way each time, with and without a log.
func TestRunsRepeat(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		for _, profile := range []Profile{Calm, Storm} {
			p := NewPlan(seed, profile)
			a, b := Run(p, Options{}), Run(p, Options{Verbose: true})
			if a.Hash != b.Hash || a.Stats != b.Stats {
				t.Errorf("seed %d %s: %x %+v, then %x %+v", seed, profile, a.Hash, a.Stats, b.Hash, b.Stats)
			}
		}
	}
}

// TestMutants: a checker that no mutant can wake is blind.
func TestMutants(t *testing.T) {
	for _, row := range Table {
		t.Run(fmt.Sprint(row.Mechanism), func(t *testing.T) {
			t.Parallel()
			for i, m := range row.Without {
				seeds := uint64(2000)
				if i < len(row.Without)-1 {
					seeds = 60 // others mask it
				}
				if testing.Short() {
					seeds = 30
				}
				for seed := range seeds {
					p := row.Plan(seed)
					r := Run(p, Options{Mutant: m})
					if i == 0 && r.Failed() || len(r.Violations) > 0 && len(Run(p, Options{Mutant: m.Without(row.Mechanism)}).Violations) == 0 {
						return
					}
				}
			}
			if testing.Short() {
				t.Logf("none of 30 seeds fails without #%d; the long form plays 2,000", row.Mechanism)
				return
			}
			t.Errorf("no seed fails without #%d: %s", row.Mechanism, row.Name)
		})
	}
}

// TestShrink: a story of a mutant fails in the same way as its plan, and because of the mutant. Stories are short: how
// short is the seed's luck, so the shortest of three counts.
func TestShrink(t *testing.T) {
	t.Parallel()
	o := Options{Mutant: Mutant{PositionCheck}}
	var stories []Plan
	for seed := uint64(0); seed < 500 && len(stories) < 3; seed++ {
		p := NewPlan(seed, Calm)
		before := Run(p, o)
		if !before.Failed() {
			continue
		}
		small := Shrink(p, o)
		if after := Run(small, o); failure(after) != failure(before) || Run(small, Options{}).Failed() {
			t.Fatalf("shrunk from %v to %v", before.Violations, after.Violations)
		}
		stories = append(stories, small)
	}
	if len(stories) < 3 {
		t.Fatalf("%d seeds fail without the position check, want three", len(stories))
	}
	shortest := slices.MinFunc(stories, func(a, b Plan) int { return len(a.Steps) - len(b.Steps) })
	if len(shortest.Steps) > 8 {
		t.Errorf("the shortest story still has %d steps:\n%s", len(shortest.Steps), shortest)
	}
}

// The mechanisms that others mask have a story each that fails without them.

// quietWorld is one node, one client, and what the test adds: no fault but its own.
func quietWorld(steps ...Step) Plan {
	return Plan{
		Seed: 7, Profile: Storm, Nodes: 1, Clients: 1, Publishers: 1, Channels: 1,
		HistorySize: 1000, HistoryAge: time.Hour, KeyTTL: time.Hour, Park: 3 * time.Second, Horizon: 10 * time.Second,
		Steps: steps,
	}
}

// breaks counts the moments from 1 s on, a millisecond apart, at which the story breaks a promise.
func breaks(m Mutant, moments int, steps func(at time.Duration) []Step) (n int) {
	for i := range moments {
		if Run(quietWorld(steps(time.Second+time.Duration(i)*time.Millisecond)...), Options{Mutant: m}).Failed() {
			n++
		}
	}
	return n
}

func wantBreaks(t *testing.T, steps func(at time.Duration) []Step, masked, broken Mutant) {
	t.Helper()
	if n := breaks(masked, 200, steps); n > 0 {
		t.Errorf("the story breaks at %d moments without %v", n, masked)
	}
	if n := breaks(broken, 200, steps); n == 0 {
		t.Errorf("the story never breaks without %v", broken)
	}
}

// #7: the only message of a channel is numbered between the node's read and its registration, and nothing follows.
func TestRegistersBeforeReading(t *testing.T) {
	t.Parallel()
	wantBreaks(t, func(at time.Duration) []Step {
		return []Step{
			{At: time.Second, Kind: doSubscribe},
			{At: at, Kind: doBurst, N: 1},
		}
	}, Mutant{PositionCheck}, Mutant{PositionCheck, Register})
}

// #12: an older transport still delivers when the next one has taken over.
func TestFencesTheOlderTransport(t *testing.T) {
	t.Parallel()
	wantBreaks(t, func(at time.Duration) []Step {
		return []Step{
			{At: 500 * time.Millisecond, Kind: doSubscribe},
			{At: time.Second, Kind: doBurst, N: 60, For: time.Second},
			{At: at, Kind: doSwitch, N: 1},
		}
	}, Mutant{ClientCheck, IDWindow}, Mutant{ClientCheck, IDWindow, Fence})
}

// #4: with trust_persistence a broker comes back at an older state under the same epoch, and numbers on.
func TestTagsKnowAnotherPast(t *testing.T) {
	t.Parallel()
	steps := func(at time.Duration) []Step {
		return []Step{
			{At: 500 * time.Millisecond, Kind: doSubscribe},
			{At: 800 * time.Millisecond, Kind: doSnapshot},
			{At: time.Second, Kind: doBurst, N: 4, For: 50 * time.Millisecond},
			{At: at + 300*time.Millisecond, Kind: doRewind, For: 10 * time.Millisecond},
			{At: at + 310*time.Millisecond, Kind: doBurst, N: 8, For: 10 * time.Millisecond},
		}
	}
	n := func(m Mutant) (n int) {
		for i := range 100 {
			p := quietWorld(steps(time.Second + time.Duration(i)*time.Millisecond)...)
			p.Trust, p.Seed = true, uint64(i) // the broker's way back differs
			if Run(p, Options{Mutant: m}).Failed() {
				n++
			}
		}
		return n
	}
	if got := n(nil); got > 0 {
		t.Errorf("the story breaks at %d moments", got)
	}
	if n(Mutant{Tag}) == 0 {
		t.Error("the story never breaks without tags")
	}
}

// #20: a proxy holds a poll, the client gives it up and polls again, and then the held one arrives.
func TestLatePollsTakeNothingOver(t *testing.T) {
	t.Parallel()
	late := 0
	play := func(m Mutant) (broken int) {
		for seed := range uint64(300) {
			r := Run(NewPlan(seed, Storm), Options{Mutant: m})
			late += r.Stats.Late
			if r.Failed() {
				broken++
			}
		}
		return broken
	}
	if n := play(nil); n > 0 || late == 0 {
		t.Errorf("%d of 300 seeds break, and %d late requests were refused; want 0, and some", n, late)
	}
	if play(Mutant{Late}) == 0 {
		t.Error("no seed breaks where late polls take the session over")
	}
}
