package filter

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The clauses of docs/filters.md are read from its table: each example is a filter, with a message that it matches and
// one that it does not.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	code := regexp.MustCompile("`([^`]*)`")
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !strings.HasPrefix(cells[2], " `{") {
			continue
		}
		in := code.FindStringSubmatch(cells[2])[1]
		f, err := Parse([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		v, _ := readJSON([]byte(in))
		visit(v, func(keyword string, _ any) { seen[keyword] = true })
		for cell, want := range map[string]bool{cells[3]: true, cells[4]: false} {
			if message := code.FindStringSubmatch(cell); message != nil {
				d, err := Read([]byte(message[1]))
				if err != nil || f.Match(d) != want {
					t.Errorf("%s on %s: want %v, or %v", in, message[1], want, err)
				}
			}
		}
	}
	for keyword := range clauses {
		if !seen[keyword] {
			t.Errorf("no example of %q", keyword)
		}
	}
	for _, row := range differences {
		if !strings.Contains(string(page), "| "+row.name) {
			t.Errorf("the table of differences has no row %q", row.name)
		}
	}
}
