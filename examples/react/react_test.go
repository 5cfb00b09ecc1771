// Package react_test runs the components of this folder, which docs/react.md shows, as a React author would: compiled
// against the built client and tested with its fake bus.
package react_test

import (
	"os"
	"os/exec"
	"testing"

	"tidings/internal/teststack"
)

func TestComponents(t *testing.T) {
	if out, err := exec.Command("node", "run.mjs").CombinedOutput(); err != nil {
		t.Fatalf("node run.mjs: %v\n%s", err, out)
	}
}

// The first file of docs/react.md hears what a backend publishes.
func TestFirst(t *testing.T) {
	stack := teststack.Start(t)
	cmd := exec.Command("node", "first.mjs")
	cmd.Env = append(os.Environ(), "TIDINGS_URL="+stack.URL, "TIDINGS_API_KEY="+teststack.Key)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node first.mjs: %v\n%s", err, out)
	}
}
