// Package quickstart_test opens the page of this folder, which docs/plain-html.md shows, in a real browser.
package quickstart_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidings/httpapi"
	"tidings/internal/teststack"
)

// served is the address that the files name; the test's server has another port.
const served = "127.0.0.1:8080"

func TestPage(t *testing.T) {
	stack := teststack.Start(t, func(cfg *httpapi.Config) { cfg.Transports.LocalhostOrigins = true })
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		text, err := os.ReadFile(filepath.Base(name))
		if err != nil {
			w.WriteHeader(http.StatusNoContent) // the browser's favicon.ico
			return
		}
		w.Header().Set("Content-Type", map[string]string{".html": "text/html", ".js": "text/javascript"}[filepath.Ext(name)])
		io.WriteString(w, strings.ReplaceAll(string(text), served, stack.Addr))
	}))
	t.Cleanup(files.Close)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "page.mjs", files.URL)
	cmd.WaitDelay = time.Second
	var errors strings.Builder
	cmd.Stderr = &errors
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("node does not start, is it installed? %v", err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line == "ready\n" {
		stack.Publish("quickstart/hello", `{"text": "from a backend"}`)
		io.WriteString(in, "published\n")
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("node page.mjs: %v\n%s", err, errors.String())
	}
	if got := stack.History("quickstart/hello"); len(got) != 2 {
		t.Errorf("the channel holds %d messages, want 2", len(got))
	}
}
