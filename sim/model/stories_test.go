package model

import (
	"testing"
	"time"
)

// fault is a row of the fault matrix as the model can play it: one kind of fault, often, in an otherwise whole world.
type fault struct {
	name string
	kind string
	each time.Duration // how long one lasts
	n    int           // its strength, or transport, or node
	to   int
	gaps bool // the broker loses memory: gaps are right
	more []Step
}

// faults are played over 40 worlds (fewer in short runs) of 3 nodes and 3 clients each. What must hold is what the
// checkers hold: order, completeness, no duplicate, convergence, and where gaps is false not one gap.
var faults = []fault{
	{name: "F1 links are cut", kind: doCut, each: 100 * time.Millisecond},
	{name: "F2 links are dead and nobody is told", kind: doVanish, each: 100 * time.Millisecond},
	{name: "F3 nothing comes down", kind: doStall, to: 1, each: 6 * time.Second},
	{name: "F4 nothing goes up", kind: doStall, to: 2, each: 6 * time.Second},
	{name: "F11 links flap", kind: doCut, each: time.Second},
	{name: "F13 to WebSocket", kind: doSwitch, to: webSocket},
	{name: "F13 to SSE", kind: doSwitch, to: sse},
	{name: "F13 to long-polling", kind: doSwitch, to: poll},
	{name: "F14 the older transport delivers late", kind: doSwitch, n: 1},
	{name: "F16 F17 F18 requests and answers are lost, late and overtaken", kind: doLossy, n: 40, each: 3 * time.Second},
	{name: "F28 the next transport reaches another node", kind: doHop},
	{name: "F29 nodes are killed", kind: doCrash, each: 500 * time.Millisecond},
	{name: "the actor of a channel fails", kind: doFail},
	{name: "F30 nodes drain", kind: doDrain, each: time.Second},
	{name: "F31 nodes stand still and go on", kind: doPause, each: 5 * time.Second},
	{name: "clients sleep", kind: doSleep, each: 8 * time.Second},
	{name: "F42 the broker comes back empty", kind: doWipe, each: 500 * time.Millisecond, gaps: true},
	{name: "F43 the broker comes back at an older state", kind: doRewind, each: 500 * time.Millisecond, gaps: true, more: []Step{{At: 5 * time.Second, Kind: doSnapshot}}},
	{name: "F44 the broker stands still", kind: doOutage, each: 2 * time.Second},
	{name: "F45 a node's stream of the broker breaks", kind: doBreak, each: 300 * time.Millisecond},
	{name: "F46 a node's stream of the broker loses messages", kind: doLose, n: 50, each: 2 * time.Second},
	{name: "the broker's messages come twice", kind: doDouble, n: 80, each: 2 * time.Second},
	{name: "the broker's messages overtake each other", kind: doMix, n: 80, each: 2 * time.Second},
	{name: "the broker does not hear a node", kind: doDeaf, n: 80, each: 2 * time.Second},
}

func TestFaultsOneByOne(t *testing.T) {
	worlds := uint64(40)
	if testing.Short() || raceDetector {
		worlds = 5
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			var sum Stats
			for seed := range worlds {
				p := f.plan(seed)
				r := Run(p, Options{})
				sum.Add(r.Stats)
				if r.Failed() {
					t.Fatal(story(p, Options{}))
				}
			}
			if (sum.Gaps > 0) != f.gaps {
				t.Errorf("%d gaps", sum.Gaps)
			}
			if sum.Delivered < int(worlds)*200 {
				t.Errorf("%d messages were handed out: too few to prove anything", sum.Delivered)
			}
		})
	}
}

// plan plays a fault every second or so, to one client or node after the other, while messages flow.
func (f fault) plan(seed uint64) Plan {
	r := newRNG(seed, 9)
	p := Plan{
		Seed: seed, Profile: Calm, Nodes: 3, Clients: 3, Publishers: 2, Channels: 1,
		HistorySize: 1 << 20, HistoryAge: time.Hour, KeyTTL: time.Hour, Park: 3 * time.Second, Horizon: 28 * time.Second,
	}
	if f.gaps {
		p.Profile = Storm
	}
	for c := range p.Clients {
		p.add(500*time.Millisecond, doSubscribe, c, 0, c%2, 0)
	}
	for s := range 26 {
		p.add(time.Duration(s+1)*time.Second, doBurst, s, 0, 8, time.Second)
	}
	p.Steps = append(p.Steps, f.more...)
	step, every := 0, max(1100*time.Millisecond, f.each)
	for at := 3 * time.Second; at < 24*time.Second; at += r.around(every) {
		to, n := f.to, f.n
		if f.kind == doHop {
			to, n = step%3, step
		}
		p.add(at, f.kind, step, to, n, f.each)
		step++
	}
	return p
}
