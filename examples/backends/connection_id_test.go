package backends_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tidings/access"
)

// The snippets of docs/backends.md make ids that the server knows, each another one.
func TestConnectionIDs(t *testing.T) {
	const secret, key = "the secret of connection ids of these tests", "the key of a session, ü included"
	ids, err := access.NewConnectionIDs([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	goProgram := filepath.Join(t.TempDir(), "connection-id-go")
	if out, err := exec.Command("go", "build", "-o", goProgram, "./connection-id-go").CombinedOutput(); err != nil {
		t.Fatalf("go build ./connection-id-go: %v\n%s", err, out)
	}
	for name, program := range map[string][]string{"go": {goProgram}, "python": {"python3", "connection-id.py"}, "node": {"node", "connection-id.mjs"}} {
		seen := ""
		for range 2 {
			cmd := exec.Command(program[0], append(program[1:], key)...)
			cmd.Env = append(os.Environ(), "CONNECTION_ID_SECRET="+secret)
			out, err := cmd.Output()
			page, ok := ids.Verify(strings.TrimSpace(string(out)))
			if err != nil || !ok || page.Session != access.SessionHash(key) || page.ID == seen {
				t.Errorf("%s: %v: %q, %+v", name, err, out, page)
			}
			seen = page.ID
		}
	}
}
