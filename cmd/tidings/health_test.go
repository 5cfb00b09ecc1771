package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	_, url := startServer(t, nil, "--dev")
	settings := filepath.Join(t.TempDir(), "tidings.yaml")
	text := "dev: true\naddr: " + strings.TrimPrefix(url, "http://") + "\n"
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		args   []string
		prints string
		status int
	}{
		{name: "by its URL", args: []string{url}, prints: "ok"},
		{name: "by the settings", args: []string{"--config", settings}, prints: "ok"},
		{name: "ready", args: []string{"--ready", url + "/"}, prints: "ready"},
		{name: "nobody there", args: []string{"http://127.0.0.1:1"}, prints: "connection refused", status: 1},
		{name: "another server's page", args: []string{url + "/nothing"}, prints: "404", status: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := run(t, nil, append([]string{"health"}, c.args...)...)
			if status := p.exit(); status != c.status || !strings.Contains(p.out.String()+p.errors.String(), c.prints) {
				t.Errorf("tidings health %q: status %d, %q, want %d and %q", c.args, status, p.out.String()+p.errors.String(), c.status, c.prints)
			}
		})
	}
}
