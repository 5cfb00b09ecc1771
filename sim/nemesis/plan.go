package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tidings/protocol"
)

// phase is one or two faults at once, and the quiet after them.
type phase struct {
	faults       []*fault
	length       time.Duration
	quiet        time.Duration
	from, healed time.Duration // when it was played; healed is when all of it was whole again
}

func (p *phase) String() string {
	var names []string
	for _, f := range p.faults {
		names = append(names, f.name)
	}
	return strings.Join(names, " + ")
}

// draw makes a plan of this length. All kinds come before one comes again, the server's among the first; no fault comes
// with itself, nor two of the server's together.
func draw(rng *rand.Rand, kinds []fault, length time.Duration, pace float64) (plan []*phase) {
	var deck []int
	next := func() *fault {
		if len(deck) == 0 {
			deck = rng.Perm(len(kinds))
			if len(plan) == 0 { // so that a short run has them too
				first := rng.Perm(min(3, len(kinds)))
				deck = append(slices.DeleteFunc(deck, func(i int) bool { return i < 3 }), first...)
			}
		}
		f := &kinds[deck[len(deck)-1]]
		deck = deck[:len(deck)-1]
		return f
	}
	scale := func(least, span float64) time.Duration {
		return time.Duration((least + span*rng.Float64()) * pace * float64(time.Second))
	}
	for total := time.Duration(0); total < length; {
		p := &phase{faults: []*fault{next()}, length: scale(2, 10), quiet: scale(20, 0)}
		if rng.IntN(3) == 0 {
			if n := len(deck); n > 0 && !(ofServer(&kinds[deck[n-1]]) && ofServer(p.faults[0])) {
				p.faults = append(p.faults, next())
			}
		}
		for _, f := range p.faults {
			if least := time.Duration(float64(f.least) * pace); p.length < least {
				p.length += least
			}
		}
		total += p.length + p.quiet
		plan = append(plan, p)
	}
	return plan
}

// kinds returns the faults that a run may have. Those of the network need the proxy, and those of the one server are no
// faults of several.
func (o options) kinds() []fault {
	all := slices.Clone(faults)
	if o.nodes > 1 {
		all = append(slices.Clone(nodeFaults), slices.DeleteFunc(all, func(f fault) bool { return o.direct || ofServer(&f) })...)
	}
	return slices.DeleteFunc(all, func(f fault) bool { return !strings.Contains(f.name, o.only) })
}

// ofServer reports whether a fault is one of the server, of nodes or of what is behind them.
func ofServer(f *fault) bool {
	return slices.ContainsFunc([]string{"server", "node", "Redis", "balancer"}, func(whose string) bool { return strings.HasPrefix(f.name, whose) })
}

// through plays one phase.
func (s *stage) through(ctx context.Context, rng *rand.Rand, p *phase) error {
	s.log.setQuiet(false)
	p.from = s.log.now()
	if s.verbose {
		fmt.Printf("%8.1f s  %v, for %.1f s\n", p.from.Seconds(), p, p.length.Seconds())
	}
	var heals []func() error
	for _, f := range p.faults {
		heal, err := f.begin(ctx, s, rng)
		if err != nil {
			return err
		}
		heals = append(heals, heal)
	}
	err := pause(ctx, p.length)
	for _, heal := range heals {
		if e := heal(); e != nil {
			err = e
		}
	}
	p.healed = s.log.now()
	if err != nil {
		return err
	}
	// The second half of the quiet begins when no fault explains anything any more.
	if err := pause(ctx, min(p.quiet, grace)); err != nil {
		return err
	}
	s.log.setQuiet(p.quiet > grace)
	if s.fleet != nil && p.quiet > grace && s.log.plants() {
		if err := s.fleet.goWrong(s.plant); err != nil {
			return err
		}
	}
	return pause(ctx, max(0, p.quiet-grace))
}

// explains reports whether the phase can have caused a gap.
func (p *phase) explains(at time.Duration, reason protocol.GapReason, channel string) *fault {
	for _, f := range p.faults {
		after := cmp.Or(f.after, grace)
		if at < p.from || at > p.healed+after {
			continue
		}
		may := f.may
		if may == nil {
			may = missed
		}
		if may(p.healed-p.from+after, reason, channel) {
			return f
		}
	}
	return nil
}
