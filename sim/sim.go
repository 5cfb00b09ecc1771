// Package sim tries to break the guarantee of protocol/SPEC.md section 2. See docs/PROOF.md for what it shows.
package sim

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
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

// Report is what a campaign showed.
type Report struct {
	Seeds      int
	Violations int
	FalseGaps  int
	Failing    []Failing
	Mutants    []MutantReport
	Stats      model.Stats
	Took       time.Duration
	Unequal    []uint64 // seeds that ran twice and went differently
}

// Failing is a seed that broke a promise.
type Failing struct {
	Seed    uint64
	Profile model.Profile
	First   string
}

// MutantReport counts the seeds that a mutant fails.
type MutantReport struct {
	Row    model.Row
	Counts []Count
}

// Count is of one combination.
type Count struct {
	Mutant model.Mutant
	Seeds  int
	App    int // seeds in which an application sees a broken promise
	Wire   int // … or the server's own output is wrong, whatever the client makes of it
	Only   int // … that pass with the mechanism and without the rest of the combination
	First  uint64
}

// Caught reports whether some seed wakes a checker because of this mechanism.
func (m MutantReport) Caught() bool {
	for i, c := range m.Counts {
		if i == 0 && c.App+c.Wire > 0 || c.Only > 0 {
			return true
		}
	}
	return false
}

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
			plan := model.NewPlan(seed, model.Storm)
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

// Failed reports whether the campaign shows a broken promise or a blind checker.
func (r *Report) Failed() bool {
	return r.Violations > 0 || len(r.Unequal) > 0 || r.caught() < len(r.Mutants)
}

func (r *Report) caught() (n int) {
	for _, m := range r.Mutants {
		if m.Caught() || m.Row.Test != "" {
			n++
		}
	}
	return n
}

// Summary is the last line.
func (r *Report) Summary() string {
	s := fmt.Sprintf("sim: %d seeds, %d violations, %d false gaps", r.Seeds, r.Violations, r.FalseGaps)
	if len(r.Unequal) > 0 {
		s += fmt.Sprintf(", %d seeds went differently when run twice", len(r.Unequal))
	}
	if len(r.Mutants) > 0 {
		s += fmt.Sprintf(", %d/%d mutants caught", r.caught(), len(r.Mutants))
	}
	return s
}

// Write prints the report for people.
func (r *Report) Write(w io.Writer) {
	if s := r.Stats; r.Seeds > 0 {
		fmt.Fprintf(w, "%d seeds, %s simulated in %s; %d messages numbered, %d acknowledged, %d handed out, %d gaps told; %d cuts, %d sessions resumed, %d slow consumers, %d own zombies\n",
			r.Seeds, s.Simulated, r.Took.Round(time.Millisecond), s.Numbered, s.Acked, s.Delivered, s.Gaps, s.Cuts, s.Resumed, s.Slow, s.Superseded)
	}
	for _, f := range r.Failing[:min(len(r.Failing), 10)] {
		fmt.Fprintf(w, "FAIL seed %d %s: %s\n", f.Seed, f.Profile, f.First)
	}
	for _, m := range r.Mutants {
		fmt.Fprintf(w, "#%-2d %s\n", m.Row.Mechanism, m.Row.Name)
		for i, c := range m.Counts {
			fmt.Fprintf(w, "    without %-12s of %d seeds %d fail for an application, %d on the wire", join(c.Mutant), c.Seeds, c.App, c.Wire)
			if i > 0 {
				fmt.Fprintf(w, "; %d because of #%d", c.Only, m.Row.Mechanism)
			}
			if c.App+c.Wire > 0 {
				fmt.Fprintf(w, "; first seed %d", c.First)
			}
			fmt.Fprintln(w)
		}
		if !m.Caught() {
			if m.Row.Test == "" {
				fmt.Fprintln(w, "    NOT CAUGHT: no seed wakes a checker")
			} else {
				fmt.Fprintf(w, "    guarded by %s\n", m.Row.Test)
			}
		}
	}
}

func join(m model.Mutant) string {
	var parts []string
	for _, x := range m {
		parts = append(parts, "#"+strconv.Itoa(int(x)))
	}
	return strings.Join(parts, " ")
}

// Main is the command.
func Main(args []string, out io.Writer) int {
	f := flag.NewFlagSet("sim", flag.ContinueOnError)
	f.SetOutput(out)
	seeds := f.Int("seeds", 4000, "seeds of the correct system, half calm and half storm")
	from := f.Uint64("from", 0, "the first seed")
	profile := f.String("profile", "", "calm or storm alone")
	mutants := f.Int("mutants", 0, "seeds to count failures over per mutant; 0 searches until found; -1 leaves mutants out")
	without := f.String("mutant", "", "mechanisms to leave out, as 9 or 7,10: with -seed, else only the first one's row of the table")
	seed := f.Int64("seed", -1, "replay one seed, and shrink it where it fails")
	verbose := f.Bool("v", false, "with -seed: print all that happens")
	asJSON := f.Bool("json", false, "print the report as JSON before the summary")
	traces := f.String("traces", "", "write the golden traces to this folder, and nothing else")
	workers := f.Int("workers", runtime.NumCPU(), "runs at once")
	if err := f.Parse(args); err != nil {
		return 2
	}
	left, err := parseMutant(*without)
	if err != nil {
		fmt.Fprintln(out, err)
		return 2
	}
	if *traces != "" {
		return writeTraces(*traces, out)
	}
	o := Options{Seeds: *seeds, From: *from, Profiles: []model.Profile{model.Calm, model.Storm}, Mutants: *mutants, Workers: *workers}
	if *profile != "" {
		o.Profiles = []model.Profile{model.Profile(*profile)}
	}
	if *seed >= 0 {
		return replay(uint64(*seed), o.Profiles, left, *verbose, out)
	}
	if *mutants < 0 {
		o.Only = -1
	} else if len(left) > 0 {
		o.Only, o.Seeds = left[0], 0
	}
	r := Run(o, nil)
	r.Write(out)
	if len(r.Failing) > 0 {
		replay(r.Failing[0].Seed, []model.Profile{r.Failing[0].Profile}, nil, false, out)
	}
	if *asJSON {
		b, _ := json.MarshalIndent(r, "", "  ")
		fmt.Fprintln(out, string(b))
	}
	fmt.Fprintln(out, r.Summary())
	if r.Failed() {
		return 1
	}
	return 0
}

func parseMutant(s string) (m model.Mutant, err error) {
	if s == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > len(model.Table) {
			return nil, fmt.Errorf("-mutant %s: give numbers from 1 to %d, separated by commas", s, len(model.Table))
		}
		m = append(m, model.Mechanism(n))
	}
	return m, nil
}

// replay runs one seed again and tells its story.
func replay(seed uint64, profiles []model.Profile, m model.Mutant, verbose bool, out io.Writer) int {
	code := 0
	for _, p := range profiles {
		plan := model.NewPlan(seed, p)
		r := model.Run(plan, model.Options{Mutant: m, Verbose: verbose})
		if r.Failed() {
			code = 1
			small := model.Shrink(plan, model.Options{Mutant: m})
			r = model.Run(small, model.Options{Mutant: m, Verbose: true})
			fmt.Fprintf(out, "seed %d %s fails; shrunk from %d steps to %d:\n%s", seed, p, len(plan.Steps), len(small.Steps), small)
			lines := r.Log
			if !verbose {
				lines = lines[max(0, len(lines)-60):]
			}
			fmt.Fprintln(out, strings.Join(lines, "\n"))
			for _, v := range append(r.Violations, r.Wire...) {
				fmt.Fprintln(out, v)
			}
			continue
		}
		if verbose {
			fmt.Fprint(out, plan)
			fmt.Fprintln(out, strings.Join(r.Log, "\n"))
		}
		fmt.Fprintf(out, "seed %d %s: %d messages handed out, %d gaps, nothing broken\n", seed, p, r.Stats.Delivered, r.Stats.Gaps)
	}
	return code
}

// writeTraces replaces the traces of a folder.
func writeTraces(folder string, out io.Writer) int {
	list, err := model.Traces()
	old, _ := filepath.Glob(filepath.Join(folder, "*.json"))
	for _, file := range old {
		err = errors.Join(err, os.Remove(file))
	}
	size := 0
	for _, t := range list {
		size += len(t.JSON())
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, t.File()), t.JSON(), 0o644))
	}
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	fmt.Fprintf(out, "sim: %d traces, %d bytes\n", len(list), size)
	return 0
}
