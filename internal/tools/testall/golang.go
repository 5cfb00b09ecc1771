package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

const module = "tidings"

// event is a line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
	FailedBuild                   string
	Elapsed                       float64 // seconds
}

// goRun collects the events of one `go test -json`. A row is a top-level folder; a package is looked at by itself, so
// that one with test files that ran no test is seen.
type goRun struct {
	module  string
	out     io.Writer
	rows    map[string]*row
	tests   map[string]int      // per package
	output  map[string][]string // per package and test, until its end
	noFiles map[string]bool     // packages without test files
}

func newGoRun(module string, out io.Writer) *goRun {
	return &goRun{module: module, out: out, rows: map[string]*row{}, tests: map[string]int{}, output: map[string][]string{}, noFiles: map[string]bool{}}
}

func (g *goRun) row(pkg string) *row {
	folder, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(pkg, g.module), "/"), "/")
	if g.rows[folder] == nil {
		g.rows[folder] = &row{suite: "go " + folder}
	}
	return g.rows[folder]
}

func (g *goRun) read(r io.Reader) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var e event
		if json.Unmarshal(scanner.Bytes(), &e) != nil {
			fmt.Fprintln(g.out, scanner.Text())
			continue
		}
		g.take(e)
	}
	return scanner.Err()
}

func (g *goRun) take(e event) {
	key := e.Package + " " + e.Test
	switch {
	case e.Action == "build-output":
		fmt.Fprint(g.out, e.Output)
	case e.Action == "output":
		g.output[key] = append(g.output[key], e.Output)
		if strings.Contains(e.Output, "[no test files]") {
			g.noFiles[e.Package] = true
		}
	case e.Test == "":
		g.takePackage(e, key)
	case e.Action == "pass":
		g.row(e.Package).passed++
		g.tests[e.Package]++
		delete(g.output, key)
	case e.Action == "fail":
		g.row(e.Package).failed++
		g.tests[e.Package]++
		g.print(key)
	case e.Action == "skip":
		r := g.row(e.Package)
		r.skipped = append(r.skipped, strings.TrimPrefix(e.Package, g.module+"/")+"."+e.Test)
		g.tests[e.Package]++
		delete(g.output, key)
	}
}

func (g *goRun) takePackage(e event, key string) {
	if e.Action != "pass" && e.Action != "fail" {
		return
	}
	g.row(e.Package).seconds += e.Elapsed
	switch e.Action {
	case "pass":
		if g.tests[e.Package] == 0 && !g.noFiles[e.Package] {
			g.row(e.Package).broken = e.Package + " ran no test"
		}
		fmt.Fprintf(g.out, "ok    %s\t%d tests\t%.0f s\n", e.Package, g.tests[e.Package], e.Elapsed)
	case "fail":
		r := g.row(e.Package)
		if r.failed == 0 {
			r.broken = e.Package + " failed outside of a test"
		}
		g.print(key)
		for other := range g.output { // a test that was running when the package died
			if strings.HasPrefix(other, e.Package+" ") {
				g.print(other)
			}
		}
		fmt.Fprintf(g.out, "FAIL  %s\n", e.Package)
	}
	delete(g.output, key)
}

func (g *goRun) print(key string) {
	for _, line := range g.output[key] {
		fmt.Fprint(g.out, line)
	}
	delete(g.output, key)
}

// sorted returns the rows by name, and a failing one for each folder that must have tests and has none.
func (g *goRun) sorted(must []string) []row {
	for _, folder := range must {
		g.row(g.module + "/" + folder)
	}
	var rows []row
	for _, name := range slices.Sorted(maps.Keys(g.rows)) {
		rows = append(rows, *g.rows[name])
	}
	return rows
}

func runGo(s suite) []row {
	g := newGoRun(module, os.Stdout)
	err := run(s, g.read)
	rows := g.sorted(s.must)
	if err != nil && ok(rows, nil) {
		rows = append(rows, row{suite: s.name, broken: err.Error()})
	}
	return rows
}
