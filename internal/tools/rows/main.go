// Command rows compares the fault and bad-input rows of docs/RELIABILITY.md with the tests that name them, and prints
// those that no test covers yet. With -write it writes the page anew; without, it fails if the page is not true any
// more.
//
//	main.go    the table and the pages that are written of it
//	names.go   which rows the names of tests and subtests contain
package main

import (
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
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
	right string   // the right answer; "" for a row that docs/SECURITY.md leaves out
	tests []string // files with a test or subtest that names it
}

const (
	page     = "docs/RELIABILITY.md"
	security = "docs/SECURITY.md" // the part after mark is written
	mark     = "<!-- written by go run ./internal/tools/rows -write -->\n"
)

func main() {
	write := flag.Bool("write", false, "write "+page+" and the table of "+security)
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
	secure, err := os.ReadFile(security)
	if err != nil {
		return err
	}
	before, _, ok := bytes.Cut(secure, []byte(mark))
	if !ok {
		return fmt.Errorf("%s has no line %q", security, mark)
	}
	answers := slices.Concat(before, []byte(mark), renderAnswers(rows))
	return errors.Join(settle(page, render(rows), write), settle(security, answers, write))
}

// settle writes a page, or fails if it is not what it should be.
func settle(name string, want []byte, write bool) error {
	if write {
		return os.WriteFile(name, want, 0o644)
	}
	got, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is not true any more: run go run ./internal/tools/rows -write", name)
	}
	return nil
}

// renderAnswers returns the table of input, answer and tests.
func renderAnswers(rows []*row) []byte {
	var b bytes.Buffer
	b.WriteString("\n| row | input | answer | tests |\n|---|---|---|---|\n")
	for _, r := range rows {
		if r.right != "" {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.id, r.title, r.right, r.testsText())
		}
	}
	return b.Bytes()
}

// testsText returns the tests, or why there is none.
func (r *row) testsText() string {
	slices.Sort(r.tests)
	switch {
	case len(r.tests) > 0:
		return strings.Join(r.tests, ", ")
	case r.state == "now":
		return "**open**"
	}
	return r.state
}

func parse(table string) []*row {
	var rows []*row
	for line := range strings.Lines(table) {
		cells := append(strings.Split(strings.TrimSpace(line), "\t"), "")
		rows = append(rows, &row{id: cells[0], state: cells[1], title: cells[2], right: cells[3]})
	}
	return rows
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
` + "`go run ./internal/tools/rows -write`" + ` from the names of tests and subtests; CI fails if it is not true any more.

`)
	fmt.Fprintf(&b, "**%d rows: %d covered, %d open, %d for what does not exist yet.**\n", len(rows),
		count(rows, func(r *row) bool { return len(r.tests) > 0 }),
		count(rows, func(r *row) bool { return r.state == "now" && len(r.tests) == 0 }),
		count(rows, func(r *row) bool { return r.state != "now" && len(r.tests) == 0 }))
	b.WriteString("\n| row | what | tests |\n|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.id, r.title, r.testsText())
	}
	return b.Bytes()
}
