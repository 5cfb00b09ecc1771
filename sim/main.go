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

	"tidings/sim/model"
)

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
