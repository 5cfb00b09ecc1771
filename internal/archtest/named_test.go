package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestNamed holds that no comment and no page sends its reader to a file or a section that is not in the repository.
func TestNamed(t *testing.T) {
	for _, fault := range unnamed(t, os.DirFS("../..")) {
		t.Error(fault)
	}
}

func TestPlantedNames(t *testing.T) {
	for _, tt := range []struct{ name, file, text, want string }{
		{"a file that is not there", "core/feed.go", "package core\n\n// See hole.go.\n", `core/feed.go names "hole.go", which is no file`},
		{"a file of another folder", "core/feed.go", "package core\n\n// See broker/feed.go.\n", `names "broker/feed.go"`},
		{"a glob that matches nothing", "core/feed.go", "package core // hole*.go\n", `names "hole*.go"`},
		{"a section that is not there", "core/feed.go", "package core\n\n// SPEC.md section 12 has it.\n", `names section 12 of SPEC.md`},
		{"a section over the end of a line", "core/feed.go", "package core\n\n// As in SPEC.md\n// section 12.\n", `names section 12 of SPEC.md`},
		{"a page without its ending", "core/feed.go", "package core\n\n// RELIABILITY section 2.2 has it.\n", `names section 2.2 of RELIABILITY.md`},
		{"the last of several sections", "core/feed.go", "package core\n\n// SPEC.md sections 1, 9 and 12.\n", `names section 12 of SPEC.md`},
		{"a comment of a script", "clientjs/src/bus.ts", "/**\n * See hole.ts.\n */\n", `names "hole.ts"`},
		{"a page", "docs/HTTP.md", "Look into `hole.go`.\n", `names "hole.go"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := unnamed(t, withPages(tt.file, tt.text))
			if len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("%s\ngot %q, want one fault with %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestAllowedNames(t *testing.T) {
	for _, tt := range []struct{ name, file, text string }{
		{"files and sections that are there", "core/feed.go", "package core\n\n// See feed.go, core/feed.go, fe*.go and SPEC.md sections 1 and 9.2.\n"},
		{"what is no comment", "core/feed.go", "package core\n\nconst a = \"hole.go\"\n"},
		{"somebody else's", "core/feed.go", "package core\n\n// https://example.com/hole.go and RFC 6455 section 5.5.\n"},
		{"a page's example", "docs/HTTP.md", "```sh\nnode hole.mjs\n```\n"},
		{"history", "CHANGELOG.md", "hole.go is gone.\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := unnamed(t, withPages(tt.file, tt.text)); len(got) != 0 {
				t.Errorf("%s\ngot %q, want none", tt.text, got)
			}
		})
	}
}

func withPages(file, text string) fs.FS {
	return fstest.MapFS{
		"protocol/SPEC.md":    {Data: []byte("# Wire\n\n## 1. Words\n\n## 9. Limits\n\n### 9.2 More\n")},
		"docs/RELIABILITY.md": {Data: []byte("# Faults\n")},
		file:                  {Data: []byte(text)},
	}
}

var (
	fileNamed    = regexp.MustCompile(`(?:https?://\S+)|(?:[\w*{},.-]+/)*[\w*{},-][\w*{},.-]*\.(?:go|ts|tsx|mjs|md)\b`)
	sectionNamed = regexp.MustCompile(`\b([A-Z]{3,})(?:\.md)?\]?(?:\([^)]*\))?,? sections? ((?:[0-9.]*[0-9](?:, | and | to )?)+)`)
	numbers      = regexp.MustCompile(`[0-9.]*[0-9]`)
	heading      = regexp.MustCompile(`(?m)^#+ ([0-9.]*[0-9])\.? `)
	fenced       = regexp.MustCompile("(?ms)^\\s*```.*?^\\s*```$")
)

// unnamed returns what comments and pages below root name in vain.
func unnamed(t *testing.T, root fs.FS) []string {
	t.Helper()
	texts, names := prose(t, root)
	sections := map[string][]string{} // by the page's name in capitals
	for _, name := range names {
		if page, ok := strings.CutSuffix(path.Base(name), ".md"); ok {
			for _, m := range heading.FindAllStringSubmatch(texts[name], -1) {
				sections[page] = append(sections[page], m[1])
			}
			if sections[page] == nil {
				sections[page] = []string{}
			}
		}
	}
	var found []string
	for _, name := range names {
		text := texts[name]
		for _, named := range fileNamed.FindAllString(text, -1) {
			if !isThere(names, named) {
				found = append(found, fmt.Sprintf("%s names %q, which is no file of the repository", name, named))
			}
		}
		for _, m := range sectionNamed.FindAllStringSubmatch(strings.Join(strings.Fields(text), " "), -1) {
			if sections[m[1]] == nil {
				continue // RFC, WHATWG: somebody else's page
			}
			for _, number := range numbers.FindAllString(m[2], -1) {
				if !slices.Contains(sections[m[1]], number) {
					found = append(found, fmt.Sprintf("%s names section %s of %s.md, which is not there", name, number, m[1]))
				}
			}
		}
	}
	return found
}

// isThere reports whether a file is named so, by its whole path or by its end. A star stands for anything within a
// name.
func isThere(names []string, named string) bool {
	if strings.HasPrefix(named, "http") {
		return true
	}
	for strings.HasPrefix(named, "../") {
		named = named[len("../"):]
	}
	named = strings.TrimPrefix(named, "./")
	for _, pattern := range alternatives(named) {
		if !slices.ContainsFunc(names, func(name string) bool {
			parts, depth := strings.Split(name, "/"), strings.Count(pattern, "/")+1
			if len(parts) < depth {
				return false
			}
			ok, _ := path.Match(pattern, strings.Join(parts[len(parts)-depth:], "/"))
			return ok
		}) {
			return false
		}
	}
	return true
}

// alternatives returns "a_{b,c}.go" as "a_b.go" and "a_c.go".
func alternatives(name string) []string {
	before, rest, ok := strings.Cut(name, "{")
	list, after, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return []string{strings.Trim(name, ",{}")}
	}
	var found []string
	for one := range strings.SplitSeq(list, ",") {
		found = append(found, alternatives(before+one+after)...)
	}
	return found
}

// prose returns the comments of the source files below root, the text of the pages, and the names of all files. What is
// built, and pages about the past, have no text.
func prose(t *testing.T, root fs.FS) (map[string]string, []string) {
	t.Helper()
	texts := map[string]string{}
	var names []string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || slices.Contains([]string{"node_modules", "bin", "dist", "fuzz", "bench-out"}, base)) {
				return fs.SkipDir
			}
			return nil
		}
		names = append(names, name)
		if name == "CHANGELOG.md" || strings.HasPrefix(name, "docs/history/") || strings.HasPrefix(name, "internal/archtest/") {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		switch path.Ext(base) {
		case ".go":
			texts[name], err = goComments(name, source)
		case ".ts", ".tsx", ".mjs":
			texts[name] = scriptComments(string(source))
		case ".md":
			texts[name] = fenced.ReplaceAllString(string(source), "")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts, names
}

func goComments(name string, source []byte) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, group := range file.Comments {
		b.WriteString(group.Text() + "\n")
	}
	return b.String(), nil
}

var scriptComment = regexp.MustCompile(`(?m)(?:^|\s)//(.*)$|^\s*/?\*\*?(.*)$`)

func scriptComments(source string) string {
	var b strings.Builder
	for _, m := range scriptComment.FindAllStringSubmatch(source, -1) {
		b.WriteString(m[1] + m[2] + "\n")
	}
	return b.String()
}
