package main

import (
	"strings"
	"testing"
)

func TestCovered(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string
		not        string
	}{
		{name: "in a subtest's name", text: `t.Run("B11 upgrade with a body", …)`, want: "B11", not: "B1"},
		{name: "in a function's name", text: `func TestHardening_B29_flood(`, want: "B29", not: "B2"},
		{name: "in a comment", text: "// F13: ten switches", want: "F13", not: "F1"},
		{name: "part of another word", text: `ABC B12x 0xB12F`, want: "", not: "B12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := covered([]byte(c.text))
			if c.want != "" && !got[c.want] {
				t.Errorf("%q: %s was not found in %v", c.text, c.want, got)
			}
			if got[c.not] {
				t.Errorf("%q: %s was found", c.text, c.not)
			}
		})
	}
}

func TestTable(t *testing.T) {
	rows := parse(table)
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.id] || r.title == "" || r.state != "now" && !strings.HasPrefix(r.state, "later: ") {
			t.Errorf("bad row %+v", r)
		}
		seen[r.id] = true
	}
	if !seen["F1"] || !seen["F64"] || !seen["B1"] || !seen["B112"] {
		t.Errorf("the table has %d rows, and its ends are missing", len(rows))
	}
}
