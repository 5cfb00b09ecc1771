package main

import (
	"strings"
	"testing"
)

func TestWithScheme(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"localhost:8080", "http://localhost:8080"},
		{"127.0.0.1:8080/t", "http://127.0.0.1:8080/t"},
		{"[::1]:8080", "http://[::1]:8080"},
		{"localhost", "http://localhost"},
		{"bus.example.com", "https://bus.example.com"},
		{"bus.example.com:8443/t", "https://bus.example.com:8443/t"},
		{"http://bus.example.com", "http://bus.example.com"},
		{"ws://localhost", "ws://localhost"},
		{"", ""},
	} {
		if got := withScheme(c.in); got != c.want {
			t.Errorf("withScheme(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// A URL is typed as it is said, also in the environment, and a port that is taken has a remedy.
func TestURLsWithoutScheme(t *testing.T) {
	_, url := startServer(t, nil, "--dev")
	host := strings.TrimPrefix(url, "http://")
	for _, p := range []*process{
		run(t, nil, "publish", "a", "--text", "x", "--url", host),
		run(t, []string{"TIDINGS_URL=" + host}, "publish", "a", "--text", "x"),
		run(t, nil, "health", host),
	} {
		if p.exit() != 0 {
			t.Errorf("%q: %s", p.cmd.Args, p.errors)
		}
	}
	again := run(t, nil, "serve", "--dev", "--addr", host)
	if code, said := again.exit(), again.errors.String(); code != 1 || !strings.Contains(said, "another program listens on "+host) || !strings.Contains(said, "--addr") {
		t.Errorf("a port that is taken: ended with %d: %s", code, said)
	}
}
