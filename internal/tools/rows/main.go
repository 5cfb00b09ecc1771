// Command rows compares the fault and bad-input rows of docs/RELIABILITY.md with the tests that name them, and prints those that no
// test covers yet. With -write it writes the page anew; without, it fails where the page is not true any more.
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed rows.tsv
var table string

// row is one fault (F) or bad input (B) that Tidings has to survive.
type row struct {
	id    string
	state string // "now", or "later: why"
	title string
	tests []string // files that name it
}

const page = "docs/RELIABILITY.md"

func main() {
	write := flag.Bool("write", false, "write "+page)
	flag.Parse()
	if err := run(*write); err != nil {
		fmt.Fprintln(os.Stderr, "rows:", err)
		os.Exit(1)
	}
}

func run(write bool) error {
	rows := parse(table)
	if err := findTests(rows, "."); err != nil {
		return err
	}
	fmt.Print(summary(rows))
	want := render(rows)
	if write {
		return os.WriteFile(page, want, 0o644)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is not true any more: run go run ./internal/tools/rows -write", page)
	}
	return nil
}

func parse(table string) []*row {
	var rows []*row
	for line := range strings.Lines(table) {
		cells := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		rows = append(rows, &row{id: cells[0], state: cells[1], title: cells[2]})
	}
	return rows
}

// names finds rows in the names of tests and subtests: a letter and a number that nothing continues.
var names = regexp.MustCompile(`\b([FB][0-9]{1,3})(?:[^0-9A-Za-z]|_|$)`)

// covered gives the rows that a test file names in strings, function names or comments.
func covered(text []byte) map[string]bool {
	found := map[string]bool{}
	text = bytes.ReplaceAll(text, []byte("_"), []byte(" "))
	for _, m := range names.FindAllSubmatch(text, -1) {
		found[string(m[1])] = true
	}
	return found
}

var testFile = regexp.MustCompile(`(_test\.go|\.test\.(ts|tsx|mjs)|testdata/[a-z]+\.json)$`)

func findTests(rows []*row, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "rows") {
			return filepath.SkipDir
		}
		slashed := filepath.ToSlash(path)
		// A suite that others run is a test as well.
		if !testFile.MatchString(slashed) && !strings.Contains(slashed, "transporttest/") && !strings.Contains(slashed, "brokertest/") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found := covered(text)
		for _, r := range rows {
			if found[r.id] {
				r.tests = append(r.tests, slashed)
			}
		}
		return nil
	})
}

func count(rows []*row, is func(*row) bool) int {
	n := 0
	for _, r := range rows {
		if is(r) {
			n++
		}
	}
	return n
}

func summary(rows []*row) string {
	var b strings.Builder
	open := func(r *row) bool { return r.state == "now" && len(r.tests) == 0 }
	for _, r := range rows {
		if open(r) {
			fmt.Fprintf(&b, "open: %s %s\n", r.id, r.title)
		}
	}
	fmt.Fprintf(&b, "rows: %d in all, %d covered, %d open, %d for what does not exist yet\n", len(rows),
		count(rows, func(r *row) bool { return len(r.tests) > 0 }), count(rows, open),
		count(rows, func(r *row) bool { return r.state != "now" && len(r.tests) == 0 }))
	return b.String()
}

func render(rows []*row) []byte {
	var b bytes.Buffer
	b.WriteString(`# Faults and bad input

What Tidings has to survive, and the tests that show it: F rows are faults, B rows bad input. This page is written by
` + "`go run ./internal/tools/rows -write`" + ` from the names in the tests; CI fails where it is not true any more.

`)
	fmt.Fprintf(&b, "**%d rows: %d covered, %d open, %d for what does not exist yet.**\n", len(rows),
		count(rows, func(r *row) bool { return len(r.tests) > 0 }),
		count(rows, func(r *row) bool { return r.state == "now" && len(r.tests) == 0 }),
		count(rows, func(r *row) bool { return r.state != "now" && len(r.tests) == 0 }))
	b.WriteString("\n| row | what | tests |\n|---|---|---|\n")
	for _, r := range rows {
		slices.Sort(r.tests)
		tests := strings.Join(r.tests, ", ")
		switch {
		case tests != "":
		case r.state == "now":
			tests = "**open**"
		default:
			tests = r.state
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.id, r.title, tests)
	}
	return b.Bytes()
}
