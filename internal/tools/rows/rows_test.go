package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestCovered(t *testing.T) {
	inTest := func(body string) string { return "package a\n\nfunc TestA(t *testing.T) {\n" + body + "\n}\n" }
	for _, c := range []struct {
		name, file, text string
		want             string // the rows, in their order
	}{
		{"in a subtest's name", "a_test.go", inTest(`t.Run("B11 upgrade with a body", nil)`), "B11"},
		{"behind a subtest's name", "a_test.go", inTest(`t.Run("a body (B11)", nil)`), "B11"},
		{"several", "a_test.go", inTest(`t.Run("B11, B12 and F1 a body", nil)`), "B11 B12 F1"},
		{"in a table", "a_test.go", inTest("_ = []struct{ name string }{{`F13 ten switches`}, {name: \"F1 cut\"}}"), "F1 F13"},
		{"in a function's name", "a_test.go", "package a\n\nfunc TestB29_B30Flood(t *testing.T) {}\n\nfunc TestEnd_F7(t *testing.T) {}\n", "B29 B30 F7"},
		{"in another function's name", "a_test.go", "package a\n\nfunc help_B29() {}\n", ""},
		{"in a comment", "a_test.go", "// B1 is here.\n" + inTest("// F13: ten switches"), ""},
		{"in a failure's message", "a_test.go", inTest(`t.Errorf("B11 failed: %v", 1)`), ""},
		{"inside of an input", "a_test.go", inTest(`send("see B12 there", "ABC B12", "B12x")`), ""},
		{"a script's test", "a.test.mjs", "test(\"B11 a body\", () => {});\n", "B11"},
		{"a script's table", "a.test.ts", "const rows = [\n  { name: `F12 swallowed, ${x}` },\n];\n", "F12"},
		{"a script's comment", "a.test.ts", "// see \"B11 a body\"\n/*\n * 'B12 x'\n */\n", ""},
		{"a vector", "testdata/frames.json", `{"name": "deep (B36)", "text": "B12 not this"}`, "B36"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := covered(c.file, []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(slices.Sorted(maps.Keys(found)), " "); got != c.want {
				t.Errorf("%s\ngot %q, want %q", c.text, got, c.want)
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
