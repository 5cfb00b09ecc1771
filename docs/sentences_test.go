package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// maxWords is what a reader of a second language takes in at one reading.
const maxWords = 40

// TestSentences holds that the pages that must be exact have no sentence that is longer: what is longer is a list.
func TestSentences(t *testing.T) {
	for _, page := range []string{"SECURITY.md", "ARCHITECTURE.md", "README.md", "../README.md", "../SECURITY.md", "../protocol/SPEC.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range longSentences(string(text)) {
			t.Errorf("%s: %d words: %s", page, len(strings.Fields(s)), s)
		}
	}
}

func TestPlantedSentences(t *testing.T) {
	words := func(n int) string { return "Word " + strings.Repeat("word ", n-2) + "end." }
	for _, tt := range []struct {
		name, text string
		want       int
	}{
		{"the longest", words(maxWords) + " " + words(maxWords), 0},
		{"one word more", words(maxWords + 1), 1},
		{"over the end of a line", strings.Replace(words(maxWords+1), "word word", "word\nword", 1), 1},
		{"a list", words(maxWords) + "\n- " + words(maxWords) + "\n- " + words(maxWords) + "\n\n1. " + words(maxWords), 0},
		{"a table and a snippet", "| " + words(maxWords+1) + " |\n\n```sh\n" + words(maxWords+1) + "\n```\n", 0},
		{"two sentences, one in brackets", words(30) + " (" + words(30) + ")", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := longSentences(tt.text); len(got) != tt.want {
				t.Errorf("%s\ngot %q, want %d", tt.text, got, tt.want)
			}
		})
	}
}

var (
	fence    = regexp.MustCompile("(?ms)^```.*?^```$")
	begins   = regexp.MustCompile(`(?m)^\s*(?:[-*]|[0-9]+\.|#+) `)
	fullStop = regexp.MustCompile("[.!?][)*]* +(?:[A-Z`*(\\[\"])")
)

func longSentences(page string) (long []string) {
	page = begins.ReplaceAllString(fence.ReplaceAllString(page, ""), "\n\n")
	for paragraph := range strings.SplitSeq(page, "\n\n") {
		if strings.HasPrefix(strings.TrimSpace(paragraph), "|") {
			continue
		}
		rest := strings.Join(strings.Fields(paragraph), " ")
		for rest != "" {
			end := len(rest)
			if at := fullStop.FindStringIndex(rest); at != nil {
				end = at[1] - 1
			}
			if len(strings.Fields(rest[:end])) > maxWords {
				long = append(long, rest[:end])
			}
			rest = rest[end:]
		}
	}
	return long
}
