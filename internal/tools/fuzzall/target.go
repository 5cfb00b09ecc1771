package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// target is one fuzz function.
type target struct{ pkg, name string }

func (t target) String() string { return t.pkg + "." + t.name }

// list asks the test binaries themselves for their targets.
func list(ctx context.Context, o options) ([]target, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-tags", o.tags, "-list", "^Fuzz"}, o.packages...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the targets: %w\n%s", err, out)
	}
	return parseList(string(out)), nil
}

// parseList reads names, each package's before the line that says "ok".
func parseList(out string) []target {
	var targets []target
	var names []string
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && fields[0] == "ok":
			for _, name := range names {
				targets = append(targets, target{pkg: fields[1], name: name})
			}
			names = nil
		}
	}
	return targets
}

// result is what one run did, by its last line of progress.
type result struct {
	target       target
	execs, found string
	kept         int
	fault        string // what go test printed, if it failed
}

var progress = regexp.MustCompile(`^fuzz: elapsed: .*execs: (\d+) .*new interesting: (\d+)`)

// printing keeps the lines of targets that run at once from mixing.
var printing sync.Mutex

func (t target) fuzz(ctx context.Context, o options) result {
	r := result{target: t, execs: "0", found: "0"}
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-tags", o.tags, "-run", "^$", "-fuzz", "^"+t.name+"$",
		"-fuzztime", o.time.String(), "-fuzzminimizetime", "5s", "-parallel", "1", t.pkg)
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		cmd.Stderr = cmd.Stdout
		err = cmd.Start()
	}
	if err != nil {
		r.fault = err.Error()
		return r
	}
	rest := r.read(pipe)
	if err := cmd.Wait(); err != nil && !timeOver(rest) {
		r.fault = rest + err.Error()
	}
	printing.Lock()
	defer printing.Unlock()
	if r.fault != "" {
		fmt.Printf("FAIL  %s\n%s\n", t, r.fault)
	} else {
		fmt.Printf("ok    %s\t%s executions\n", t, r.execs)
	}
	return r
}

// timeOver reports whether go test failed for nothing but the end of its time in the middle of an input: then it names
// no input that failed.
func timeOver(text string) bool {
	return strings.Contains(text, "context deadline exceeded") && !strings.Contains(text, "Failing input written to")
}

// read prints a line of progress about every 15 s (go test writes one every 3 s) and returns what is no progress.
func (r *result) read(out io.Reader) string {
	var rest bytes.Buffer
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for n := 0; lines.Scan(); {
		line := lines.Text()
		m := progress.FindStringSubmatch(line)
		if m == nil {
			rest.WriteString(line + "\n")
			continue
		}
		r.execs, r.found = m[1], m[2]
		if n++; n%5 == 0 {
			printing.Lock()
			fmt.Printf("      %s: %s\n", r.target, strings.TrimPrefix(line, "fuzz: "))
			printing.Unlock()
		}
	}
	io.Copy(io.Discard, out) // a line too long must not block the target
	return rest.String()
}

// keep copies the shortest inputs of go's cache into the package's testdata, where the plain tests run it from then on.
func (t target) keep(ctx context.Context, most int) (kept int) {
	cache, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return 0
	}
	folder, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", t.pkg).Output()
	if err != nil {
		return 0
	}
	from := filepath.Join(strings.TrimSpace(string(cache)), "fuzz", filepath.FromSlash(t.pkg), t.name)
	to := filepath.Join(strings.TrimSpace(string(folder)), "testdata", "fuzz", t.name)
	inputs := shortest(from, most)
	if len(inputs) == 0 || os.MkdirAll(to, 0o755) != nil {
		return 0
	}
	for name, content := range inputs {
		if os.WriteFile(filepath.Join(to, name), content, 0o644) == nil {
			kept++
		}
	}
	return kept
}

func shortest(folder string, most int) map[string][]byte {
	entries, _ := os.ReadDir(folder) // none if nothing was found
	type input struct {
		name    string
		content []byte
	}
	var all []input
	for _, e := range entries {
		if content, err := os.ReadFile(filepath.Join(folder, e.Name())); err == nil && len(content) <= 4<<10 {
			all = append(all, input{e.Name(), content})
		}
	}
	slices.SortFunc(all, func(a, b input) int {
		return cmp.Or(cmp.Compare(len(a.content), len(b.content)), cmp.Compare(a.name, b.name))
	})
	chosen := map[string][]byte{}
	for _, in := range all[:min(most, len(all))] {
		chosen[in.name] = in.content
	}
	return chosen
}

// table prints a line per target and ends with the sum.
func table(results []result) string {
	var b strings.Builder
	faults := 0
	fmt.Fprintf(&b, "\n%-48s %12s %12s\n", "fuzz target", "executions", "interesting")
	for _, r := range results {
		note := ""
		if r.fault != "" {
			note = "  FOUND SOMETHING"
			faults++
		} else if r.kept > 0 {
			note = fmt.Sprintf("  %d kept", r.kept)
		}
		fmt.Fprintf(&b, "%-48s %12s %12s%s\n", r.target, r.execs, r.found, note)
	}
	fmt.Fprintf(&b, "\n%d fuzz targets, %d with a finding\n", len(results), faults)
	return b.String()
}
