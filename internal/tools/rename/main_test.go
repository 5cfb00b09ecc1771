package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	const text = "package a\n\nimport (\n\t\"fmt\"\n\tx \"tidings/core\"\n\t\"tidingsother/core\"\n)\n\nvar agent = \"tidings/\" + x.Version\n"
	got, err := imports(text, "tidings", "example.org/you/tidings")
	want := strings.Replace(text, `x "tidings/core"`, `x "example.org/you/tidings/core"`, 1)
	if err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// A copy of the repository builds under another path, and its walls stand.
func TestRenamedModuleBuilds(t *testing.T) {
	const to = "example.org/you/tidings"
	folder := filepath.Join(t.TempDir(), "copy")
	do := func(dir, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	do("../../..", "git", "clone", "--quiet", "--local", "--no-hardlinks", ".", folder)
	do(folder, "make", "rename-module", "MODULE="+to)
	if testing.Short() {
		return // what follows builds everything once more
	}
	do(folder, "go", "build", "-trimpath", "-tags", "nomsgpack", "-o", filepath.Join(folder, "bin/tidings"), "./cmd/tidings")
	do(folder, "go", "test", "-trimpath", "-tags", "nomsgpack", "-run", "TestImports|TestRows|TestGoEvents", "./internal/archtest", "./internal/tools/testall")
	mod, _ := os.ReadFile(filepath.Join(folder, "go.mod"))
	pkg, _ := os.ReadFile(filepath.Join(folder, "clientjs/package.json"))
	if !strings.HasPrefix(string(mod), "module "+to+"\n") || strings.Count(string(pkg), "https://"+to) != 3 {
		t.Errorf("go.mod begins %q, and package.json is\n%s", strings.SplitN(string(mod), "\n", 2)[0], pkg)
	}
}
