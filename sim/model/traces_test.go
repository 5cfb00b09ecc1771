package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

const traceFolder = "../testdata/traces"

// TestTraces replays the golden traces against core.Client. The TypeScript client is held to the same files.
func TestTraces(t *testing.T) {
	files, err := filepath.Glob(traceFolder + "/*.json")
	if err != nil || len(files) < len(scripts) {
		t.Fatalf("%d traces in %s, want at least %d: %v", len(files), traceFolder, len(scripts), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var golden Trace
		if err := json.Unmarshal(b, &golden); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		got, err := Play(golden.Name, golden.Steps)
		if err != nil {
			t.Fatal(err)
		}
		for i := range golden.Steps {
			want, _ := json.Marshal(golden.Steps[i])
			have, _ := json.Marshal(got.Steps[i])
			if string(want) != string(have) {
				t.Errorf("%s, step %d:\n got %s\nwant %s", file, i+1, have, want)
				break
			}
		}
	}
}

// TestTracesAreCurrent holds the files to what the model makes today: after a wanted change of the machine, run
// `go run ./sim/cmd/sim -traces sim/testdata/traces` and look at the difference.
func TestTracesAreCurrent(t *testing.T) {
	traces, err := Traces()
	if err != nil {
		t.Fatal(err)
	}
	for _, trace := range traces[:len(scripts)] {
		b, err := os.ReadFile(filepath.Join(traceFolder, trace.File()))
		if err != nil || string(b) != string(trace.JSON()) {
			t.Errorf("%s differs from what the machine does (%v)", trace.File(), err)
		}
	}
}
