package model

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Profile is what a seed's faults may destroy.
type Profile string

const (
	// Calm: the broker loses nothing and every window suffices, but links, nodes and the broker's live stream fail all
	// the same. Then there is no reason for a gap, and one is a violation (I6).
	Calm Profile = "calm"
	// Storm: the broker is also wiped, rewound and restarted, and windows run out.
	Storm Profile = "storm"
)

// Plan is all that a run depends on: the shape of the system, and what happens to it and when. It is made from a seed;
// a failing one is shrunk by leaving steps out.
type Plan struct {
	Seed    uint64
	Profile Profile

	Nodes, Clients, Publishers, Channels int

	Trust       bool          // the broker's trust_persistence: a restart keeps the epoch
	Codec       bool          // frames pass through the codec, as bytes
	Flood       bool          // bursts of hundreds, so that the wire's own windows run out
	Heavy       bool          // payloads of tens of kilobytes, likewise
	HistorySize int           // messages
	HistoryAge  time.Duration // of a message
	KeyTTL      time.Duration // of an idempotency key
	Park        time.Duration

	Horizon time.Duration // then all is healed
	Steps   []Step
}

// Step is one thing that happens.
type Step struct {
	At   time.Duration
	Kind string
	Who  int // client, node or publisher
	To   int // channel, filter, node or transport
	N    int
	For  time.Duration
}

func (s Step) String() string {
	return fmt.Sprintf("%8s  %-12s who %d to %d n %d for %s", s.At.Round(time.Millisecond), s.Kind, s.Who, s.To, s.N, s.For.Round(time.Millisecond))
}

// The steps. Who and To are reduced by what exists, so that a shrunk plan stays a plan.
const (
	// Of an application.
	doSubscribe   = "subscribe"   // client Who, channel To, filter N
	doUnsubscribe = "unsubscribe" // client Who, one of its subscriptions To
	doInCallback  = "in callback" // client Who does a subscribe or unsubscribe from within its next callback
	doBurst       = "burst"       // publisher Who publishes N to channel To within For
	doClientSend  = "client send" // client Who publishes N to channel To
	doGoodbye     = "goodbye"     // client Who ends its session and begins another
	doReload      = "reload"      // client Who begins again as another client object, from stored cursors
	// Of a network.
	doCut    = "cut"    // client Who loses its link; in flight is lost; for a while it cannot open another
	doVanish = "vanish" // as cut, but neither side is told: only heartbeats find it
	doStall  = "stall"  // client Who's link holds everything for a time: To 0 both ways, 1 down, 2 up
	doSwitch = "switch" // client Who opens transport To while the old one goes on
	doHop    = "hop"    // as switch, to another node
	doSleep  = "sleep"  // client Who is frozen
	doLossy  = "lossy"  // requests and answers of client Who's HTTP get lost
	// Of a node.
	doFail   = "fail" // the actor of channel To fails, and starts again
	doCrash  = "crash"
	doPause  = "pause"
	doDrain  = "drain"  // tells its clients to come back elsewhere
	doLose   = "lose"   // the broker's messages to node Who get lost, N of 100
	doDouble = "double" // … come twice
	doMix    = "mix"    // … overtake each other
	doBreak  = "break"  // the broker's stream to node Who breaks, and comes back
	doDeaf   = "deaf"   // requests between node Who and the broker get lost
	// Of the broker.
	doOutage   = "outage"   // it does not answer for a time, and loses nothing
	doSnapshot = "snapshot" // it saves its state
	doRewind   = "rewind"   // it restarts from the last save
	doRestart  = "restart"  // it restarts with all that it had
	doWipe     = "wipe"     // it restarts empty
)

// NewPlan makes the plan of a seed.
func NewPlan(seed uint64, profile Profile) Plan {
	r := newRNG(seed, 1)
	p := Plan{
		Seed: seed, Profile: profile,
		Nodes: 1 + r.below(3), Clients: 2 + r.below(3), Publishers: 1 + r.below(2), Channels: 1 + r.below(2),
		Codec: r.chance(5), Flood: r.chance(2),
		Heavy:       r.chance(5),
		HistorySize: 1 << 20, HistoryAge: time.Hour, KeyTTL: time.Hour,
		Park: r.between(2*time.Second, 6*time.Second), Horizon: 28 * time.Second,
	}
	if profile == Storm {
		p.Trust = r.chance(15)
		if r.chance(40) {
			p.HistorySize = 3 + r.below(60)
		}
		if r.chance(20) {
			p.HistoryAge = r.between(2*time.Second, 20*time.Second)
		}
		if r.chance(20) {
			p.KeyTTL = r.between(time.Second, 10*time.Second)
		}
	}
	p.app(r)
	p.faults(r)
	slices.SortStableFunc(p.Steps, func(a, b Step) int { return int(a.At - b.At) })
	return p
}

func (p *Plan) add(at time.Duration, kind string, who, to, n int, d time.Duration) {
	p.Steps = append(p.Steps, Step{at, kind, who, to, n, d})
}

func (p *Plan) app(r *rng) {
	for c := range p.Clients {
		p.add(r.between(0, time.Second), doSubscribe, c, 0, pick(r, 0, 0, 0, 1, 2, 4), 0)
		for range r.below(3) {
			p.add(r.between(0, p.Horizon*3/4), doSubscribe, c, r.below(p.Channels), pick(r, 0, 1, 2, 4, 5, 6), 0)
		}
	}
	for range r.below(4) {
		p.add(r.between(time.Second, p.Horizon), doUnsubscribe, r.below(p.Clients), r.below(4), 0, 0)
	}
	for range r.below(3) {
		p.add(r.between(time.Second, p.Horizon), doInCallback, r.below(p.Clients), r.below(p.Channels), r.below(4), 0)
	}
	for range r.below(2) {
		p.add(r.between(time.Second, p.Horizon), doGoodbye, r.below(p.Clients), 0, 0, 0)
	}
	for range r.below(2) {
		p.add(r.between(time.Second, p.Horizon), doReload, r.below(p.Clients), 0, 0, 0)
	}
	for range r.below(5) {
		p.add(r.between(0, p.Horizon), doClientSend, r.below(p.Clients), r.below(p.Channels), 1+r.below(3), 0)
	}
	for range 4 + r.below(10) {
		n := 1 + r.below(25)
		if p.Flood {
			n = 100 + r.below(500)
		}
		p.add(r.between(0, p.Horizon-time.Second), doBurst, r.below(p.Publishers), pick(r, 0, 0, r.below(p.Channels)), n, r.between(0, 3*time.Second))
	}
}

func (p *Plan) faults(r *rng) {
	at := func() time.Duration { return r.between(time.Second, p.Horizon-time.Second) }
	some := func(max int, do func()) {
		if r.chance(70) {
			for range 1 + r.below(max) {
				do()
			}
		}
	}
	client := func() int { return r.below(p.Clients) }
	node := func() int { return r.below(p.Nodes) }
	some(6, func() { p.add(at(), doCut, client(), 0, 0, r.between(0, 4*time.Second)) })
	some(2, func() { p.add(at(), doVanish, client(), 0, 0, r.between(0, 2*time.Second)) })
	some(4, func() {
		p.add(at(), doStall, client(), r.below(3), 0, r.between(100*time.Millisecond, 5*time.Second))
	})
	some(4, func() { p.add(at(), doSwitch, client(), r.below(3), r.below(2), 0) })
	some(2, func() { p.add(at(), doHop, client(), r.below(3), r.below(p.Nodes), 0) })
	some(2, func() { p.add(at(), doSleep, client(), 0, 0, r.between(time.Second, 12*time.Second)) })
	some(2, func() { p.add(at(), doLossy, client(), 0, 10+r.below(40), r.between(time.Second, 6*time.Second)) })
	some(2, func() { p.add(at(), doCrash, node(), 0, 0, r.between(100*time.Millisecond, 3*time.Second)) })
	some(2, func() { p.add(at(), doFail, node(), r.below(p.Channels), 0, 0) })
	some(2, func() { p.add(at(), doPause, node(), 0, 0, r.between(time.Second, 12*time.Second)) })
	some(1, func() { p.add(at(), doDrain, node(), 0, 0, time.Second) })
	some(3, func() { p.add(at(), doLose, node(), 0, 10+r.below(80), r.between(500*time.Millisecond, 4*time.Second)) })
	some(2, func() {
		p.add(at(), doDouble, node(), 0, 10+r.below(80), r.between(500*time.Millisecond, 4*time.Second))
	})
	some(2, func() { p.add(at(), doMix, node(), 0, 10+r.below(80), r.between(500*time.Millisecond, 4*time.Second)) })
	some(2, func() { p.add(at(), doBreak, node(), 0, 0, r.between(10*time.Millisecond, 2*time.Second)) })
	some(2, func() { p.add(at(), doDeaf, node(), 0, 20+r.below(80), r.between(500*time.Millisecond, 4*time.Second)) })
	if r.chance(40) {
		p.add(at(), doOutage, 0, 0, 0, r.between(100*time.Millisecond, 3*time.Second))
	}
	if p.Profile != Storm || !r.chance(75) {
		return
	}
	for range 1 + r.below(2) {
		down := r.between(10*time.Millisecond, 2*time.Second)
		switch r.below(4) {
		case 0, 1:
			t := at()
			p.add(t, doSnapshot, 0, 0, 0, 0)
			p.add(min(p.Horizon, t+r.between(100*time.Millisecond, 8*time.Second)), doRewind, 0, 0, 0, down)
		case 2:
			p.add(at(), doRestart, 0, 0, 0, down)
		case 3:
			p.add(at(), doWipe, 0, 0, 0, down)
		}
	}
}

func pick(r *rng, choices ...int) int { return choices[r.below(len(choices))] }

// String returns the plan as a story.
func (p Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d (%s): %d nodes, %d clients, %d publishers, %d channels; history %d messages or %s, keys %s, park %s, trust %v, codec %v\n",
		p.Seed, p.Profile, p.Nodes, p.Clients, p.Publishers, p.Channels, p.HistorySize, p.HistoryAge.Round(time.Millisecond), p.KeyTTL.Round(time.Millisecond), p.Park.Round(time.Millisecond), p.Trust, p.Codec)
	for _, s := range p.Steps {
		fmt.Fprintln(&b, "  ", s)
	}
	return b.String()
}
