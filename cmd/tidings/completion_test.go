package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// offered asks the binary as the shell's script does: the words, and what the shell is to do beside them.
func offered(t *testing.T, words ...string) (list []string, directive string) {
	t.Helper()
	p := run(t, nil, append([]string{"__complete"}, words...)...)
	if code := p.exit(); code != 0 {
		t.Fatalf("%v: ended with %d: %s", words, code, p.errors)
	}
	for line := range strings.Lines(p.out.String()) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(word, ":") {
			return list, word
		}
		list = append(list, word)
	}
	t.Fatalf("%v: no directive: %s", words, p.out)
	return nil, ""
}

func TestCompletionOffers(t *testing.T) {
	const filesToo, noFiles = ":0", ":4"
	for _, tt := range []struct {
		words     []string
		want      []string // among others
		directive string
	}{
		{words: []string{"s"}, want: []string{"serve", "subscribe"}, directive: noFiles},
		{words: []string{"serve", "--log-f"}, want: []string{"--log-format"}, directive: noFiles},
		{words: []string{"serve", "--log-format", ""}, want: []string{"json", "text"}, directive: noFiles},
		{words: []string{"check-config", "--metrics", "l"}, want: []string{"loopback"}, directive: noFiles},
		{words: []string{"subscribe", "--transport", ""}, want: []string{"websocket", "sse", "poll"}, directive: noFiles},
		{words: []string{"subscribe", "--scope", ""}, want: []string{"all", "in", "out", "none"}, directive: noFiles},
		{words: []string{"serve", "--tls-cert", ""}, directive: filesToo},
		{words: []string{"serve", "--config", ""}, directive: filesToo},
		{words: []string{"publish", "--data-file", ""}, directive: filesToo},
		{words: []string{"publish", ""}, directive: noFiles},
		{words: []string{"serve", "--addr", ""}, directive: noFiles},
		{words: []string{"co"}, want: []string{"connections", "completion"}, directive: noFiles},
		{words: []string{"history", ""}, directive: noFiles},
		{words: []string{"why", "--key-file", ""}, directive: filesToo},
		{words: []string{"revoke", "--u"}, want: []string{"--user"}, directive: noFiles},
		{words: []string{"documents", ""}, want: []string{"collections", "list", "get", "put", "import", "truncate"}, directive: noFiles},
		{words: []string{"documents", "list", ""}, directive: noFiles},
		{words: []string{"documents", "import", ""}, directive: noFiles},
		{words: []string{"documents", "import", "city/taxis", ""}, directive: filesToo},
		{words: []string{"documents", "get", "--key-file", ""}, directive: filesToo},
	} {
		got, directive := offered(t, tt.words...)
		for _, want := range tt.want {
			if !slices.Contains(got, want) {
				t.Errorf("%v: got %v, want %s", tt.words, got, want)
			}
		}
		if directive != tt.directive {
			t.Errorf("%v: got the directive %s, want %s", tt.words, directive, tt.directive)
		}
	}
}

// The scripts are what the shells read: bash reads its own without a fault and then knows the completion of tidings.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		p := run(t, nil, "completion", shell)
		if code := p.exit(); code != 0 || !strings.Contains(p.out.String(), "tidings") {
			t.Fatalf("%s: ended with %d: %s", shell, code, p.errors)
		}
		if shell != "bash" {
			continue
		}
		file := t.TempDir() + "/completion"
		if err := os.WriteFile(file, []byte(p.out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("bash", "--norc", "-c", "source "+file+" && complete -p tidings").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "__start_tidings") {
			t.Errorf("bash: %v: %s", err, out)
		}
	}
}
