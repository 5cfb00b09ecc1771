package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTwelveAnswers holds that the table of docs/ARCHITECTURE.md sends its reader to files that are there, and to names
// that stand in them.
func TestTwelveAnswers(t *testing.T) {
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := answers(string(page))
	if len(rows) != 12 {
		t.Errorf("the table has %d answers, want 12", len(rows))
	}
	for _, row := range rows {
		for _, fault := range missing(row, "..") {
			t.Error(fault)
		}
	}
}

func TestPlantedAnswers(t *testing.T) {
	for _, tt := range []struct{ name, row, want string }{
		{"a file and a name", "| Where? | `core/feed_live.go`, `live`: once |", ""},
		{"two files", "| Where? | `core/feed.go`, `Feed` and `core/outbox.go`, `Outbox` |", ""},
		{"a file alone", "| Where? | `clientjs/e2e/cuts.test.mjs` |", ""},
		{"a file that is not there", "| Where? | `core/hole.go`, `Feed` |", "core/hole.go is not there"},
		{"a name that is not in it", "| Where? | `core/feed.go`, `Hole` |", "core/feed.go has no Hole"},
		{"a part of a name", "| Where? | `core/feed.go`, `Fee` |", "core/feed.go has no Fee"},
		{"no file", "| Where? | `Feed` |", "names no file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(missing(tt.row, ".."), "; ")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("%s\ngot %q, want %q", tt.row, got, tt.want)
			}
		})
	}
}

// answers returns the rows of the table whose questions end with a question mark.
func answers(page string) []string {
	return regexp.MustCompile(`(?m)^\| [^|]*\? \|.*\|$`).FindAllString(page, -1)
}

var (
	inBackticks = regexp.MustCompile("`([^`]+)`(, `([A-Za-z.]+)`)?")
	filePath    = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+\.(go|ts|tsx|mjs)$`)
)

// missing returns what a row of the table names in vain: each name belongs to the file before it.
func missing(row, root string) (faults []string) {
	files := 0
	for _, m := range inBackticks.FindAllStringSubmatch(row, -1) {
		file, name := m[1], m[3]
		if !filePath.MatchString(file) {
			continue
		}
		files++
		text, err := os.ReadFile(filepath.Join(root, file))
		switch {
		case err != nil:
			faults = append(faults, file+" is not there")
		case name != "" && !regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).Match(text):
			faults = append(faults, fmt.Sprintf("%s has no %s", file, name))
		}
	}
	if files == 0 {
		faults = append(faults, row+" names no file")
	}
	return faults
}

// TestSeams holds that the signatures of docs/ARCHITECTURE.md are those of actors.
func TestSeams(t *testing.T) {
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	files, _ := filepath.Glob("../actors/*.go")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	signatures := regexp.MustCompile(`(?m)^func .*?(?:  +//|$| //)`).FindAllString(string(page), -1)
	if len(signatures) < 15 {
		t.Errorf("the page has only %d signatures", len(signatures))
	}
	for _, s := range signatures {
		s = strings.TrimRight(strings.TrimRight(s, "/"), " ")
		if !strings.Contains(code.String(), "\n"+s+" {") {
			t.Errorf("actors has no %q", s)
		}
	}
}
