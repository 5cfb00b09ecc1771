package sim

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tidings/sim/model"
)

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
