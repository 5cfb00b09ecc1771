package backends_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/client"
	"tidings/internal/teststack"
)

// Each program reports progress and its end with the URL that a client handed over, and with no key.
func TestReply(t *testing.T) {
	goProgram := filepath.Join(t.TempDir(), "reply-go")
	if out, err := exec.Command("go", "build", "-o", goProgram, "./reply-go").CombinedOutput(); err != nil {
		t.Fatalf("go build ./reply-go: %v\n%s", err, out)
	}
	stack := teststack.Start(t)
	bus, err := client.New(client.Config{URL: stack.URL + "/bus"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Close)
	for name, program := range map[string][]string{"sh": {"sh", "reply.sh"}, "node": {"node", "reply.mjs"}, "go": {goProgram}} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var progress []string
			reply, err := bus.OpenReply(t.Context(), time.Hour, func(data json.RawMessage) {
				mu.Lock()
				defer mu.Unlock()
				progress = append(progress, string(data))
			})
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Close()
			// What a page sent, which may name another host: the program goes to the server that it knows.
			elsewhere := strings.Replace(reply.PublishURL, stack.URL, "http://127.0.0.1:1", 1)
			bad := newBad(t, stack, loseTheAnswer, htmlOf502, tidings503)
			for _, args := range [][]string{{elsewhere, "progress", `{"percent":50}`}, {elsewhere, "done", `{"file":"/exports/17"}`, "job-17"}, {elsewhere, "done", `{"file":"/exports/17"}`, "job-17"}} {
				if got := run(t, bad.url, "no-key", program, args...); got.err != nil {
					t.Fatalf("%q: %v\n%s", args[1:], got.err, got.stderr)
				}
			}
			data, err := reply.Wait(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if err != nil || string(data) != `{"file":"/exports/17"}` || !slices.Equal(progress, []string{`{"percent":50}`}) {
				t.Errorf("heard %s, %v after %q", data, err, progress)
			}
			for _, c := range []struct{ url, want string }{
				{elsewhere, "channel_closed"}, {strings.Replace(elsewhere, "signature=", "signature=x", 1), "forbidden"},
			} {
				got := run(t, stack.URL, "no-key", program, c.url, "progress", "1")
				if got.err == nil || !strings.Contains(got.stderr+got.stdout, c.want) {
					t.Errorf("want %s, got %v %q %q", c.want, got.err, got.stdout, got.stderr)
				}
			}
		})
	}
}
