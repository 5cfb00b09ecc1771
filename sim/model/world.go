// Package model runs the pure core of Tidings, the same code as the server and the Go client, in a world of virtual
// time where networks, nodes and the broker fail in every way, and checks the guarantee of protocol/SPEC.md section 2.
// One seed, one heap of events, no goroutine: a run repeats exactly. See docs/PROOF.md.
package model

import (
	"fmt"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// World is one run.
type World struct {
	clock
	plan     Plan
	mutants  [32]bool
	omit     core.Mechanism
	verbose  bool
	lines    []string
	hash     uint64
	channels []protocol.Channel

	broker     *broker
	nodes      []*node
	clients    []*client
	publishers []*publisher
	ledger     *ledger
	opKeys     map[string]*op

	Violations []Violation
	Wire       []Violation // of the server's own output: what a client would have mended
	Stats      Stats
}

// Violation is one broken promise.
type Violation struct {
	Check   string // I1 to I7 of docs/PROOF.md
	Anomaly string // in Jepsen's words
	At      time.Duration
	Text    string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s %s at %s: %s", v.Check, v.Anomaly, v.At.Round(time.Millisecond), v.Text)
}

// Stats counts what a run did.
type Stats struct {
	Events, Numbered, Acked, Delivered, Gaps, Cuts, Resumed, Slow, Superseded, Late, MaxWaiting int
	Simulated                                                                                   time.Duration
}

// Add adds what another run did.
func (s *Stats) Add(o Stats) {
	s.Events += o.Events
	s.Numbered += o.Numbered
	s.Acked += o.Acked
	s.Delivered += o.Delivered
	s.Gaps += o.Gaps
	s.Cuts += o.Cuts
	s.Resumed += o.Resumed
	s.Slow += o.Slow
	s.Superseded += o.Superseded
	s.Late += o.Late
	s.MaxWaiting = max(s.MaxWaiting, o.MaxWaiting)
	s.Simulated += o.Simulated
}

// Options say how to run a plan.
type Options struct {
	Mutant  Mutant
	Verbose bool // keep a log
	Trace   int  // 1 + the client to trace; 0 for none
}

// Result is what a run showed.
type Result struct {
	Violations []Violation
	Wire       []Violation
	Stats      Stats
	Hash       uint64 // of all that happened
	Log        []string
	Trace      *Trace
}

// Failed reports whether any promise was broken.
func (r *Result) Failed() bool { return len(r.Violations) > 0 || len(r.Wire) > 0 }

// Run plays a plan to its end.
func Run(p Plan, o Options) *Result {
	w := &World{plan: p, verbose: o.Verbose, opKeys: map[string]*op{}, omit: o.Mutant.omits()}
	for _, m := range o.Mutant {
		w.mutants[m] = true
	}
	w.ledger = newLedger(w)
	for i := range p.Channels {
		w.channels = append(w.channels, protocol.Channel(fmt.Sprint("ch", i)))
	}
	w.broker = w.newBroker()
	for i := range p.Nodes {
		w.nodes = append(w.nodes, w.newNode(i))
	}
	for i := range p.Clients {
		w.clients = append(w.clients, w.newClient(i))
		if o.Trace == i+1 {
			w.clients[i].trace = &Trace{}
		}
	}
	for i := range p.Publishers {
		w.publishers = append(w.publishers, &publisher{w: w, id: i, rng: newRNG(p.Seed, 6, uint64(i))})
	}
	for _, s := range p.Steps {
		w.at(s.At, func() { w.step(s) })
	}
	events := w.run(p.Horizon)
	if w.running() {
		w.heal()
		events += w.run(p.Horizon + quiet + 2*checkEvery*6/5 + settle)
	}
	if w.running() {
		w.converged()
	}
	w.Stats.Events, w.Stats.Simulated = events, w.now
	r := &Result{Violations: w.Violations, Wire: w.Wire, Stats: w.Stats, Hash: w.hash, Log: w.lines}
	if o.Trace > 0 {
		r.Trace = w.clients[o.Trace-1].trace
	}
	return r
}

const (
	quiet  = 5 * time.Second // after the healing publishers still repeat what has no answer, and heartbeats find dead links
	settle = 2 * time.Second // for a reconnect and a recovery
)

func (w *World) running() bool { return len(w.Violations) == 0 }

func (w *World) mutant(m Mechanism) bool { return w.mutants[m] }

func (w *World) fail(check, anomaly, format string, args ...any) {
	v := Violation{check, anomaly, w.now, fmt.Sprintf(format, args...)}
	if len(w.Violations) < 10 {
		w.Violations = append(w.Violations, v)
	}
	if w.verbose {
		w.log("VIOLATION %s", v)
	}
}

func (w *World) wire(anomaly, format string, args ...any) {
	v := Violation{"wire", anomaly, w.now, fmt.Sprintf(format, args...)}
	if len(w.Wire) < 10 {
		w.Wire = append(w.Wire, v)
	}
	if w.verbose {
		w.log("WIRE %s", v)
	}
}

// mark folds what happened into the run's hash.
func (w *World) mark(what string, a, b uint64) {
	const prime = 1099511628211
	h := w.hash
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * prime
	}
	for _, v := range [...]uint64{uint64(w.now), a, b} {
		h = (h ^ v) * prime
		h ^= h >> 29
	}
	w.hash = h
}

func (w *World) log(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf("%9.3f  ", w.now.Seconds())+fmt.Sprintf(format, args...))
}

func (w *World) channel(i int) protocol.Channel { return w.channels[i%len(w.channels)] }

func (w *World) links(fits func(*link) bool) []*link {
	var out []*link
	for _, c := range w.clients {
		for _, l := range c.links {
			if fits(l) {
				out = append(out, l)
			}
		}
	}
	return out
}

// step does one step of the plan.
func (w *World) step(s Step) {
	if !w.running() {
		return
	}
	if w.verbose {
		w.log("— %s", s)
	}
	w.mark(s.Kind, uint64(s.Who), uint64(s.To))
	c := w.clients[s.Who%len(w.clients)]
	n := w.nodes[s.Who%len(w.nodes)]
	until := w.now + s.For
	app := func(do func()) { c.deliver(c.life, do) }
	switch s.Kind {
	case doSubscribe:
		app(func() { c.subscribe(w.channel(s.To), s.N) })
	case doUnsubscribe:
		app(func() { c.unsubscribe(s.To) })
	case doInCallback:
		app(func() { c.inCallback = &s })
	case doGoodbye:
		app(c.goodbye)
	case doReload:
		app(c.reload)
	case doClientSend:
		app(func() {
			for range s.N {
				c.publish(w.newOp(w.channel(s.To), c.name, c.rng))
			}
		})
	case doBurst:
		w.publishers[s.Who%len(w.publishers)].burst(w.channel(s.To), s.N, s.For)
	case doCut, doVanish:
		c.network++
		c.offlineTo = max(c.offlineTo, until)
		for _, l := range c.links {
			l.cutOff(s.Kind == doCut)
		}
		w.Stats.Cuts++
	case doStall:
		for _, l := range c.links {
			if s.To != 2 {
				l.down.stall(s.For)
			}
			if s.To != 1 {
				l.up.stall(s.For)
			}
		}
		c.stalledTo = max(c.stalledTo, until)
	case doSwitch:
		app(func() {
			if c.core.Link() != 0 {
				c.open(s.To, c.home)
				if s.N == 1 {
					if l := c.link(); l != nil { // the old one has yet to deliver
						l.down.stall(c.rng.between(0, 500*time.Millisecond))
					}
				}
			}
		})
	case doHop:
		app(func() { c.open(s.To, w.nodes[s.N%len(w.nodes)]) })
	case doSleep:
		c.frozen = max(c.frozen, until)
	case doLossy:
		c.lossy = chance{until, s.N}
	case doFail:
		n.deliver(n.life, func() {
			if f := n.feeds[w.channel(s.To)]; f != nil {
				f.fail()
			}
		})
	case doCrash:
		if n.up {
			n.crash(s.For)
		}
	case doPause:
		n.pause(s.For)
	case doDrain:
		n.deliver(n.life, func() { n.drain(s.For) })
	case doLose:
		n.stream.lose = chance{until, s.N}
	case doDouble:
		n.stream.double = chance{until, s.N}
	case doMix:
		n.stream.mix = chance{until, s.N}
	case doDeaf:
		n.stream.deaf = chance{until, s.N}
	case doBreak:
		n.stream.cut(s.For)
	case doOutage:
		w.broker.outage(s.For)
	case doSnapshot:
		w.broker.save()
	case doRewind:
		w.broker.restart(s.For, w.broker.saved)
	case doRestart:
		w.broker.restart(s.For, w.broker.streams)
	case doWipe:
		w.broker.restart(s.For, nil)
	}
}

func (w *World) heal() {
	if w.verbose {
		w.log("— all is healed")
	}
	w.broker.up = true
	for _, n := range w.nodes {
		s := &n.stream
		s.lose, s.double, s.mix, s.deaf = chance{}, chance{}, chance{}, chance{}
		n.frozen = 0
		n.wake(n.life)
		if !n.up {
			n.boot()
		}
	}
	for _, c := range w.clients {
		c.heal()
	}
}

func (w *World) converged() {
	for _, c := range w.clients {
		for _, s := range c.core.Subscriptions() {
			if t := c.watches[s]; t != nil {
				t.converged(s.Cursor(), w.broker.stream(s.Channel).Top(), s.Live())
			}
		}
	}
}
