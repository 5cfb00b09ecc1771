// Package react_test runs the components of this folder, which docs/react.md shows, as a React author would: compiled against the
// built client and tested with its fake bus.
package react_test

import (
	"os/exec"
	"testing"
)

func TestComponents(t *testing.T) {
	if out, err := exec.Command("node", "run.mjs").CombinedOutput(); err != nil {
		t.Fatalf("node run.mjs: %v\n%s", err, out)
	}
}
