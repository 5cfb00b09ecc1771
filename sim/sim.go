// Package sim tries to break the guarantee of protocol/SPEC.md section 2. See docs/PROOF.md for what it shows.
package sim

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tidings/sim/model"
)

// Options say what to run.
type Options struct {
	Seeds    int             // of the correct system, half of each profile
	From     uint64          // the first seed
	Profiles []model.Profile // which
	Mutants  int             // seeds to count failures over per mutant; 0: until found, at most SearchLimit
	Workers  int             // runs at once; each is one goroutine
	Only     model.Mechanism // of the mutants, that one; -1 none, 0 all
}

// SearchLimit is how many seeds a mutant may survive in the short form.
const SearchLimit = 2000

// enough is how many failing seeds the short form looks for.
const enough = 3

// Run runs a campaign. It calls progress, if not nil, now and then.
func Run(o Options, progress func(string)) *Report {
	if progress == nil {
		progress = func(string) {}
	}
	rep := &Report{}
	began := time.Now()
	for _, p := range o.Profiles {
		seeds := o.Seeds / len(o.Profiles)
		correct(o, p, seeds, rep)
		progress(fmt.Sprintf("%s: %d seeds", p, seeds))
	}
	rep.Took = time.Since(began)
	for _, row := range model.Table {
		if o.Only == -1 || o.Only > 0 && o.Only != row.Mechanism {
			continue
		}
		m := mutant(o, row)
		rep.Mutants = append(rep.Mutants, m)
		progress(fmt.Sprintf("#%d %s", row.Mechanism, row.Name))
	}
	return rep
}

func correct(o Options, p model.Profile, seeds int, rep *Report) {
	var mu sync.Mutex
	each(o, seeds, func(seed uint64) bool {
		plan := model.NewPlan(seed, p)
		r := model.Run(plan, model.Options{})
		equal := true
		if seed < o.From+20 {
			again := model.Run(plan, model.Options{})
			equal = r.Hash == again.Hash && r.Stats == again.Stats
		}
		mu.Lock()
		defer mu.Unlock()
		rep.Seeds++
		rep.Stats.Add(r.Stats)
		if !equal {
			rep.Unequal = append(rep.Unequal, seed)
		}
		if r.Failed() {
			rep.Violations++
			f := Failing{seed, p, ""}
			if len(r.Violations) > 0 {
				f.First = r.Violations[0].String()
			} else {
				f.First = r.Wire[0].String()
			}
			for _, v := range r.Violations {
				if v.Check == "I6" {
					rep.FalseGaps++
					break
				}
			}
			rep.Failing = append(rep.Failing, f)
		}
		return true
	})
}

func mutant(o Options, row model.Row) MutantReport {
	rep := MutantReport{Row: row}
	for i, m := range row.Without {
		c := Count{Mutant: m}
		limit, count := o.Mutants, true
		if limit == 0 {
			limit, count = SearchLimit, false
			if i == 0 && len(row.Without) > 1 {
				limit = SearchLimit / 10 // what others mask is not looked for long
			}
		}
		var mu sync.Mutex
		each(o, limit, func(seed uint64) bool {
			plan := row.Plan(seed)
			r := model.Run(plan, model.Options{Mutant: m})
			only := false
			if i > 0 && len(r.Violations) > 0 {
				only = len(model.Run(plan, model.Options{Mutant: m.Without(row.Mechanism)}).Violations) == 0
			}
			mu.Lock()
			defer mu.Unlock()
			c.Seeds++
			if len(r.Violations) > 0 {
				c.App++
			}
			if len(r.Wire) > 0 {
				c.Wire++
			}
			if only {
				c.Only++
			}
			if (i == 0 && r.Failed() || only) && (c.First == 0 || seed < c.First) {
				c.First = seed
			}
			found := c.Only
			if i == 0 {
				found = max(c.App, c.Wire)
			}
			return count || found < enough
		})
		rep.Counts = append(rep.Counts, c)
		if !count && rep.Caught() {
			break
		}
	}
	return rep
}

// each runs do for n seeds, on several goroutines, until it answers false.
func each(o Options, n int, do func(seed uint64) bool) {
	var next atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range max(1, o.Workers) {
		wg.Go(func() {
			for !stop.Load() {
				i := next.Add(1) - 1
				if i >= int64(n) {
					return
				}
				if !do(o.From + uint64(i)) {
					stop.Store(true)
				}
			}
		})
	}
	wg.Wait()
}
