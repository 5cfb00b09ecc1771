package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDocsAreWritten(t *testing.T) {
	dir := t.TempDir()
	write := func(out string) (string, error) {
		cmd := root()
		var printed strings.Builder
		cmd.SetOut(&printed)
		cmd.SetArgs([]string{"docs", "--out", out})
		err := cmd.ExecuteContext(t.Context())
		return printed.String(), err
	}
	out := filepath.Join(dir, "a", "docs")
	for _, time := range []string{"first", "second"} {
		printed, err := write(out)
		if want := "Open " + filepath.Join(out, "index.html") + "\n"; err != nil || printed != want {
			t.Fatalf("the %s time: printed %q with the error %v, want %q", time, printed, err, want)
		}
	}
	for _, name := range []string{"index.html", "react.html", "react.md", "api.html", "SPEC.html", "client.html", "ops/nginx.conf.html", "llms.txt", "search.js", "docs.css"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := write(dir)
	if want := dir + " has files that are not the documentation: name a folder of its own"; err == nil || err.Error() != want {
		t.Errorf("into a folder with other files: %v, want %s", err, want)
	}
	if _, err := write(""); err == nil {
		t.Error("it writes without a folder")
	}
}
