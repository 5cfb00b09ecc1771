package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// initProject runs init. It returns what it printed.
func initProject(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := root()
	var printed strings.Builder
	cmd.SetOut(&printed)
	cmd.SetArgs(append([]string{"init"}, args...))
	err := cmd.ExecuteContext(t.Context())
	return printed.String(), err
}

func TestInitWritesEachKind(t *testing.T) {
	const url = "http://127.0.0.1:1"
	for kind, next := range kinds {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "deep", "app")
			printed, err := initProject(t, kind, dir, "--url", url)
			if err != nil || !strings.Contains(printed, next) || !strings.Contains(printed, "tidings serve --dev") {
				t.Fatalf("printed %q, and ended with %v", printed, err)
			}
			wired := false
			lines := 0
			filepath.WalkDir(dir, func(name string, d os.DirEntry, _ error) error {
				if d.IsDir() || filepath.Ext(name) == ".tgz" {
					return nil
				}
				text, _ := os.ReadFile(name)
				wired = wired || strings.Contains(string(text), url)
				if strings.Contains(string(text), defaultURL) {
					t.Errorf("%s names %s, and not the server that it is wired to", name, defaultURL)
				}
				if filepath.Ext(name) != ".md" {
					lines += bytes.Count(text, []byte("\n"))
				}
				return nil
			})
			if !wired {
				t.Errorf("no file names %s", url)
			}
			if lines > 150 {
				t.Errorf("the project has %d lines, want at most 150", lines)
			}
			readme, _ := os.ReadFile(filepath.Join(dir, "README.md"))
			if n := bytes.Count(readme, []byte("\n")); n == 0 || n > 30 {
				t.Errorf("its README has %d lines, want 1 to 30", n)
			}
			if kind != "html" {
				checkArchive(t, dir)
			}
		})
	}
}

// checkArchive holds that a project depends on the client in its own folder, and that this is a package.
func checkArchive(t *testing.T, dir string) {
	t.Helper()
	var manifest struct{ Dependencies map[string]string }
	text, _ := os.ReadFile(filepath.Join(dir, "package.json"))
	if err := json.Unmarshal(text, &manifest); err != nil || manifest.Dependencies["tidings"] != "file:"+clientArchive {
		t.Errorf("package.json depends on %q, want file:%s (%v)", manifest.Dependencies["tidings"], clientArchive, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, clientArchive))
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names[h.Name] = true
	}
	for _, name := range []string{"package/package.json", "package/README.md", "package/LICENSE", "package/dist/esm/tidings.js", "package/dist/cjs/types/react.d.ts", "package/dist/esm/vite.js"} {
		if !names[name] {
			t.Errorf("the archive has no %s", name)
		}
	}
}

func TestInitLeavesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "index.html")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"html", dir}, dir + " has files already: name a new folder"},
		{[]string{"vue", filepath.Join(dir, "new")}, `"vue" is no kind of project: write one of react, next, html, express`},
		{[]string{"html"}, "accepts 2 arg(s), received 1; usage: tidings init KIND DIR [flags]; see tidings init --help"},
	} {
		if _, err := initProject(t, tt.args...); err == nil || err.Error() != tt.want {
			t.Errorf("init %q:\ngot  %v\nwant %s", tt.args, err, tt.want)
		}
	}
	if text, _ := os.ReadFile(mine); string(text) != "mine" {
		t.Errorf("the file that was there holds %q now", text)
	}
	if _, err := writeProject("html", dir, defaultURL); err == nil {
		t.Error("a file that is there is written over")
	}
}
