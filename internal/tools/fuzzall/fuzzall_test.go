package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseList(t *testing.T) {
	got := parseList("FuzzA\nFuzzB\nok  \ttidings/protocol\t0.01s\nok  \ttidings/core\t0.01s\n?   \ttidings/x\t[no test files]\nFuzzC\nok  \ttidings/client\t(cached)\n")
	want := []target{{"tidings/protocol", "FuzzA"}, {"tidings/protocol", "FuzzB"}, {"tidings/client", "FuzzC"}}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// A planted fault is found, named in the table, and fails the run; a target without one passes.
func TestAPlantedFaultIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module planted\n\ngo 1.26\n",
		"planted_test.go": `package planted
import "testing"
func FuzzBroken(f *testing.F) {
	f.Add([]byte("abc"))
	f.Fuzz(func(t *testing.T, b []byte) { if len(b) != 3 { t.Fatal("not three") } })
}
func FuzzSound(f *testing.F) { f.Add([]byte("abc")); f.Fuzz(func(t *testing.T, b []byte) {}) }
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	o := options{time: time.Minute, atOnce: 2, packages: []string{"./..."}} // ends with the finding
	if err := run(context.Background(), o, "Broken"); err == nil || !strings.Contains(err.Error(), "FuzzBroken") {
		t.Errorf("the planted fault was not found: %v", err)
	}
	if inputs, _ := filepath.Glob("testdata/fuzz/FuzzBroken/*"); len(inputs) == 0 {
		t.Error("the failing input is not in testdata")
	}
	o.time = time.Second // the others find nothing, for all of it
	if err := run(context.Background(), o, "Sound"); err != nil {
		t.Errorf("a sound target failed: %v", err)
	}
	if err := run(context.Background(), o, "None"); err == nil {
		t.Error("no target at all passed")
	}
}

func TestKeepTakesTheShortest(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"a": 30, "b": 10, "c": 20, "huge": 5 << 10} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := shortest(dir, 2)
	if len(got) != 2 || got["b"] == nil || got["c"] == nil {
		t.Fatalf("got %d inputs: %v", len(got), got)
	}
	if n := len(shortest(dir, 9)); n != 3 {
		t.Errorf("the one above 4 KiB was kept: %d", n)
	}
}

func TestTheEndOfTimeIsNoFinding(t *testing.T) {
	for _, row := range []struct {
		text string
		want bool
	}{
		{"--- FAIL: FuzzX (4.01s)\n    context deadline exceeded\nFAIL\n", true},
		{"--- FAIL: FuzzX (0.01s)\n    x_test.go:3: context deadline exceeded\n    Failing input written to testdata/fuzz/FuzzX/12\nFAIL\n", false},
		{"--- FAIL: FuzzX (0.01s)\n    panic: oh\nFAIL\n", false},
	} {
		if got := timeOver(row.text); got != row.want {
			t.Errorf("%q: %v", row.text, got)
		}
	}
}

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		total time.Duration
		n     int
		want  time.Duration
	}{{10 * time.Minute, 26, 23 * time.Second}, {time.Minute, 1, time.Minute}, {time.Second, 26, time.Second}} {
		if got := share(tt.total, tt.n); got != tt.want {
			t.Errorf("%v over %d targets: got %v each, want %v", tt.total, tt.n, got, tt.want)
		}
	}
}
