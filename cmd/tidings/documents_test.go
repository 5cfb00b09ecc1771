package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file of more documents than a request may have is imported, what is refused is named by its line, and what is
// listed can be imported again.
func TestDocumentsCommands(t *testing.T) {
	_, url := startServer(t, nil, "--dev")
	file := filepath.Join(t.TempDir(), "taxis.jsonl")
	do := func(status int, words ...string) (out, errors string) {
		t.Helper()
		p := run(t, []string{"TIDINGS_URL=" + url}, append([]string{"documents"}, words...)...)
		if code := p.exit(); code != status {
			t.Fatalf("%q: status %d, want %d: %s%s", words, code, status, p.out, p.errors)
		}
		return p.out.String(), p.errors.String()
	}
	holds := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in:\n%.2000s", part, text)
			}
		}
	}
	write := func(lines []string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for n := range 1200 {
		lines = append(lines, fmt.Sprintf(`{"_id": "t%04d", "n": %d, "t": "%s"}`, n, n, strings.Repeat("x", 2000)))
	}
	lines[700] = `{"_id": "..", "n": 700}`
	write(lines)
	out, errors := do(1, "import", "city/taxis", file)
	holds(out, `{"imported":1199,"refused":1}`)
	holds(errors, "tidings: line 701: bad_request: ", "1199 imported in ", "1 of 1200 documents were refused")
	if out, _ := do(0, "list", "city/taxis", "--count"); out != "1199\n" {
		t.Errorf("there are %s", out)
	}
	all, _ := do(0, "list", "city/taxis")
	if list := strings.Split(strings.TrimSuffix(all, "\n"), "\n"); len(list) != 1199 || !strings.HasPrefix(list[1198], `{"_id":"t1199"`) {
		t.Errorf("listed %d, the last is %.100s", len(list), list[len(list)-1])
	}
	write(strings.Split(all, "\n"))
	out, errors = do(0, "import", "city/archive", file, "--quiet", "--user", "ann")
	if out != "{\"imported\":1199,\"refused\":0}\n" || errors != "" {
		t.Errorf("an import of what was listed printed %s%s", out, errors)
	}
	out, _ = do(0, "get", "city/archive", "t0007", "t0008")
	holds(out, `"n":7`, `"n":8`, `"author":"ann"`)
	write([]string{`{"_id": "a"}`, `["b"]`, `{"_id": "c"}`})
	out, errors = do(1, "import", "city/broken", file, "--quiet")
	holds(out, `{"imported":1,"refused":0}`)
	holds(errors, "line 2 is no JSON object")
	if out, _ := do(0, "collections"); out != "city/archive\ncity/broken\ncity/taxis\n" {
		t.Errorf("the collections are %s", out)
	}
	out, _ = do(0, "search", "city/taxis", "--filter", `{"range":{"n":{"gte":1100}}}`, "--sort", "-n", "--limit", "2")
	if strings.Count(out, "\n") != 2 || !strings.HasPrefix(out, `{"_id":"t1199"`) {
		t.Errorf("searched %.300s", out)
	}
	version := func(text string) string {
		_, rest, _ := strings.Cut(text, `"_version":`)
		number, _, _ := strings.Cut(rest, ",")
		return number
	}
	put, _ := do(0, "put", "city/taxis", "t 1/ü", "--data", `{"free":true}`)
	patched, _ := do(0, "patch", "city/taxis", "t 1/ü", "--data", `{"seats":4}`, "--version", version(put))
	holds(patched, `"event":"patched"`, `"free":true,"seats":4`)
	for _, tt := range []struct{ words, want string }{
		{"patch|city/taxis|t 1/ü|--data|{}|--version|" + version(put), "version_conflict: the document has version "},
		{"remove|city/taxis|nobody", "nobody: not_found: "},
		{"get|city|a", "name it as index/name"},
		{"get|city/taxis|..", "bad_request"},
		{"put|city/taxis|a|--data|[1]", "no JSON object"},
		{"list|city/taxis|--filter|{", "--filter is not JSON"},
		{"list|city/taxis|--filter|{\"equals\":{}}", "bad_filter: "},
		{"truncate|city/taxis", "add --yes"},
		{"drop|city/nowhere|--yes", "not_found: there is no such collection"},
		{"import|city/taxis|" + file + ".nowhere", "no such file"},
		{"list|city/taxis|--url|http://127.0.0.1:1|--retries|0", "connection refused"},
	} {
		_, errors := do(1, strings.Split(tt.words, "|")...)
		holds(errors, tt.want)
	}
	for _, words := range []string{"remove|city/taxis|t 1/ü", "truncate|city/taxis|--yes", "drop|city/taxis|--yes"} {
		do(0, strings.Split(words, "|")...)
	}
	if out, _ := do(0, "collections"); strings.Contains(out, "taxis") {
		t.Errorf("the collections are %s", out)
	}
}
