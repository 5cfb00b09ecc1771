// Package docs_test keeps the pages for users true: each snippet is a part of a file that a test runs, or is run here
// as it stands. A comment before a fence says which:
//
//	<!-- include: path -->    the snippet is a part of that file, line by line
//	<!-- run -->              bash runs it against the real server
//	<!-- prints -->           what the snippet before it printed, "…" for anything
//	<!-- example: reason -->  neither
package docs_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/internal/teststack"
)

var pages = []string{"README.md", "react.md", "live-lists.md", "tabs.md", "backends.md", "hooks.md", "operators.md", "plain-html.md", "filters.md", "upgrading.md"}

// snippet is one fence of a page with the comment before it.
type snippet struct {
	line           int
	kind, argument string // include, run, prints, example; "" if there is no comment
	language, text string
}

var marker = regexp.MustCompile(`^<!-- (include|run|prints|example)(?:: (.+))? -->$`)

func snippets(t *testing.T, page string) []snippet {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var found []snippet
	var open *snippet
	previous := ""
	for i, line := range strings.Split(string(raw), "\n") {
		switch {
		case open != nil && line == "```":
			found = append(found, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case strings.HasPrefix(line, "```"):
			open = &snippet{line: i + 1, language: strings.TrimPrefix(line, "```")}
			if m := marker.FindStringSubmatch(previous); m != nil {
				open.kind, open.argument = m[1], m[2]
			}
		}
		previous = line
	}
	if open != nil {
		t.Fatalf("%s:%d: the fence has no end", page, open.line)
	}
	return found
}

func TestSnippets(t *testing.T) {
	run := 0
	for _, page := range pages {
		for _, s := range snippets(t, page) {
			switch s.kind {
			case "run", "prints":
				run++
			case "include":
				file, err := os.ReadFile(filepath.Join("..", s.argument))
				if err != nil {
					t.Errorf("%s:%d: %v", page, s.line, err)
				} else if !strings.Contains("\n"+string(file), "\n"+s.text) {
					t.Errorf("%s:%d is not a part of %s", page, s.line, s.argument)
				}
			case "example":
				if s.argument == "" {
					t.Errorf("%s:%d: an example that is not run says why", page, s.line)
				}
			default:
				t.Errorf("%s:%d: the comment before the fence must say what keeps the snippet true", page, s.line)
			}
		}
	}
	if run < 10 {
		t.Errorf("only %d snippets are run", run)
	}
}

// tidings builds the binary, or takes that of TIDINGS_BINARY, and gives the folder that it is in.
func tidings(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	target := filepath.Join(dir, "tidings")
	if built := os.Getenv("TIDINGS_BINARY"); built != "" {
		if err := os.Symlink(built, target); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	if out, err := exec.Command("go", "build", "-tags", "nomsgpack", "-o", target, "../cmd/tidings").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// Every snippet of a page that is to be run is, in order, against one server of that page.
func TestCommands(t *testing.T) {
	bin := tidings(t)
	for _, page := range pages {
		all := snippets(t, page)
		if !slices.ContainsFunc(all, func(s snippet) bool { return s.kind == "run" }) {
			continue
		}
		t.Run(page, func(t *testing.T) {
			stack := teststack.Start(t)
			dir := t.TempDir()
			printed, where := "", 0
			for _, s := range all {
				switch s.kind {
				case "run":
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", s.text)
					cmd.Dir = dir
					cmd.WaitDelay = time.Second
					cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TIDINGS_URL="+stack.URL, "TIDINGS_API_KEY="+teststack.Key)
					var out, problems bytes.Buffer
					cmd.Stdout, cmd.Stderr = &out, &problems
					err := cmd.Run()
					cancel()
					if err != nil {
						t.Fatalf("%s:%d: %v\n%s%s", page, s.line, err, &out, &problems)
					}
					printed, where = out.String(), s.line
					if strings.Contains(printed, `{"error"`) && !followedByError(all, s.line) {
						t.Errorf("%s:%d was refused: %s", page, s.line, printed)
					}
				case "prints":
					if !matches(s.text, printed) {
						t.Errorf("%s:%d printed\n%swant\n%s", page, where, printed, s.text)
					}
				}
			}
		})
	}
}

// followedByError reports whether the page itself shows an error as what the snippet prints.
func followedByError(all []snippet, line int) bool {
	i := slices.IndexFunc(all, func(s snippet) bool { return s.line == line })
	return i+1 < len(all) && all[i+1].kind == "prints" && strings.Contains(all[i+1].text, `"error"`)
}

func matches(pattern, text string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(pattern)), "…", "(?s:.*)")
	quoted = strings.ReplaceAll(quoted, "\n", `\s*`) // answers of the API end without a newline
	return regexp.MustCompile(`^` + quoted + `$`).MatchString(strings.TrimSpace(text))
}

// So does the one for certificates from an authority, as far as that can be checked without one; cmd/tidings has the rest.
func TestConfigurationWithAnAuthority(t *testing.T) {
	bin, dir := tidings(t), t.TempDir()
	config, err := os.ReadFile("ops/acme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	keys, file := filepath.Join(dir, "keys.txt"), filepath.Join(dir, "tidings.yaml")
	text := replace(t, string(config), "/etc/tidings/keys.txt", keys)
	for name, content := range map[string]string{keys: "shop " + teststack.Key, file: text} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(filepath.Join(bin, "tidings"), "check-config", "--config", file).CombinedOutput(); err != nil {
		t.Errorf("check-config: %v\n%s", err, out)
	}
}

// The configuration that operators.md shows passes its check and starts the binary; SIGHUP takes another key; SIGTERM ends it with status 0.
func TestConfiguration(t *testing.T) {
	bin, dir := tidings(t), t.TempDir()
	config, err := os.ReadFile("ops/tidings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	addr := teststack.FreeAddress(t)
	text := replace(t, string(config), "127.0.0.1:8080", addr)
	text = replace(t, text, "/etc/tidings/keys.txt", filepath.Join(dir, "keys.txt"))
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("tidings.yaml", text)
	write("keys.txt", "shop "+teststack.Key+"\n")

	file := filepath.Join(dir, "tidings.yaml")
	if out, err := exec.Command(filepath.Join(bin, "tidings"), "check-config", "--config", file).CombinedOutput(); err != nil {
		t.Fatalf("check-config: %v\n%s", err, out)
	}
	var out bytes.Buffer
	cmd := exec.Command(filepath.Join(bin, "tidings"), "serve", "--config", file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ready := wait(func() bool { return status("http://"+addr+"/readyz", "") == http.StatusOK })

	const second = "another-key-0123456789abcdef"
	write("keys.txt", "shop "+teststack.Key+"\nshop "+second+"\n")
	cmd.Process.Signal(syscall.SIGHUP)
	history := "http://" + addr + "/api/history?channel=a"
	taken := wait(func() bool {
		return status(history, second) == http.StatusOK && status(history, teststack.Key) == http.StatusOK
	})

	cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err = <-done:
	case <-time.After(time.Minute):
		cmd.Process.Kill()
		err = fmt.Errorf("SIGTERM did not end it: %v", <-done)
	}
	if !ready || !taken || err != nil {
		t.Fatalf("ready: %v, second key taken: %v, ended with %v\n%s", ready, taken, err, &out)
	}
}

// status is that of a GET, 0 if there is no answer.
func status(url, key string) int {
	request, _ := http.NewRequest(http.MethodGet, url, nil)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// wait asks eight times: ten wrong keys within a minute would close the address.
func wait(until func() bool) bool {
	for range 8 {
		if until() {
			return true
		}
		time.Sleep(time.Second)
	}
	return false
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)

func TestLinks(t *testing.T) {
	seen := 0
	for _, page := range pages {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(raw), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
		seen += len(link.FindAll(raw, -1))
	}
	if seen < 20 {
		t.Errorf("found %d links: is the pattern right?", seen)
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{`{"offset":1,"tag":"…"}`, `{"offset":1,"tag":"x.y"}`, true},
		{`{"offset":1,"tag":"…"}`, `{"offset":2,"tag":"x"}`, false},
		{"{\"a\":1}\n{\"b\":…}\n", `{"a":1}{"b":2}`, true},
		{`{"a":1}`, `{"a":1}{"b":2}`, false},
	} {
		if got := matches(tt.pattern, tt.text); got != tt.want {
			t.Errorf("matches(%q, %q) = %v", tt.pattern, tt.text, got)
		}
	}
}

func replace(t *testing.T, s, old, with string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("%q is not in\n%s", old, s)
	}
	return strings.ReplaceAll(s, old, with)
}

// The tests that upgrading.md names, of Go and of JavaScript, are there.
func TestUpgradingNamesItsTests(t *testing.T) {
	page, err := os.ReadFile("upgrading.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	err = filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "node_modules" {
			return cmp.Or(err, filepath.SkipDir)
		}
		if !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".test.ts") {
			return nil
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for line := range strings.Lines(string(page)) {
		for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9_]+)`").FindAllStringSubmatch(line, -1) {
			if named++; !strings.Contains(tests.String(), "func "+m[1]+"(") {
				t.Errorf("there is no test %s", m[1])
			}
			for _, title := range regexp.MustCompile(`"([^"]{20,})"`).FindAllStringSubmatch(line, -1) {
				if !strings.Contains(tests.String(), `test("`+title[1]+`"`) {
					t.Errorf("there is no test %q", title[1])
				}
			}
		}
	}
	if named < 10 {
		t.Errorf("the page names %d tests", named)
	}
}
