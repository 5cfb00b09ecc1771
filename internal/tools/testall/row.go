package main

import (
	"fmt"
	"strings"
)

// row is what one suite, or one part of it, ran.
type row struct {
	suite          string
	passed, failed int
	skipped        []string // names
	seconds        float64  // of all its packages, some of which run at once
	broken         string   // why the suite as a whole failed, though no test did
}

// wrong returns why a row fails the run, or "".
func (r row) wrong(allowed map[string]bool) string {
	switch {
	case r.broken != "":
		return r.broken
	case r.failed > 0:
		return "failed"
	case r.passed == 0:
		return "ran no test"
	}
	for _, name := range r.skipped {
		if !allowed[name] {
			return "skipped " + name
		}
	}
	return ""
}

func ok(rows []row, allowed map[string]bool) bool {
	for _, r := range rows {
		if r.wrong(allowed) != "" {
			return false
		}
	}
	return len(rows) > 0
}

// table prints a line per row and ends with the sum, as CI reads it.
func table(rows []row, allowed map[string]bool) string {
	var b strings.Builder
	var sum row
	skipped := 0
	fmt.Fprintf(&b, "\n%-28s %7s %7s %7s %7s\n", "suite", "passed", "failed", "skipped", "seconds")
	for _, r := range rows {
		fmt.Fprintf(&b, "%-28s %7d %7d %7d %7.0f  %s\n", r.suite, r.passed, r.failed, len(r.skipped), r.seconds, r.wrong(allowed))
		sum.passed += r.passed
		sum.failed += r.failed
		skipped += len(r.skipped)
		if r.failed == 0 && r.wrong(allowed) != "" {
			sum.failed++ // a suite that ran nothing, or broke, is a failure that no test counts
		}
	}
	fmt.Fprintf(&b, "\n%d passed, %d failed, %d skipped\n", sum.passed, sum.failed, skipped)
	return b.String()
}
