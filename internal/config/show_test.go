package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestShow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "tidings.yaml")
	if err := os.WriteFile(name, []byte("rules: {subscribe: anyone}\norigins: [https://a.example, https://b.example]\napi_keys: [one"+secret+", shop two"+secret+"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddFlags(flags)
	if err := flags.Parse([]string{"--park", "40s"}); err != nil {
		t.Fatal(err)
	}
	rows, err := Show(Sources{File: name, Environ: []string{"TIDINGS_API_KEY=" + secret, "TIDINGS_HISTORY_BYTES=65536"}, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(keys) {
		t.Errorf("%d rows of %d settings", len(rows), len(keys))
	}
	got := map[string]string{}
	for _, r := range rows {
		got[r.Name] = r.Value + " <- " + strings.TrimPrefix(r.Source, filepath.Dir(name)+"/")
		if strings.Contains(r.Value, secret) {
			t.Errorf("B111: %s is shown", r.Name)
		}
	}
	for key, want := range map[string]string{
		"dev": "false <- default", "addr": ":8080 <- default", "api_key": "(hidden) <- environment: TIDINGS_API_KEY", "api_keys": "(3, hidden) <- tidings.yaml:3",
		"origins": "[https://a.example, https://b.example] <- tidings.yaml:2", "rules.subscribe": "anyone <- tidings.yaml:1", "rules.publish": "nobody <- default",
		"park": "40s <- --park", "history.bytes": "64KiB <- environment: TIDINGS_HISTORY_BYTES", "history.messages": "1000 <- default", "allowed_hosts": "[] <- default",
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
	if _, err := Show(Sources{File: name, Environ: []string{"TIDINGS_PARK=30"}}); err == nil {
		t.Error("faults are passed over")
	}
}

// The help of one flag is read alone: it leans on no line before it.
func TestEveryHelpTextStandsAlone(t *testing.T) {
	leaning := regexp.MustCompile(`see below|\bwith it\b|\b(of|with) (these|them)\b|\btheir aud\b|^how long they|\bthere (without|who)\b|^its\b|^signs\b`)
	for _, k := range keys {
		if k.help == "" || leaning.MatchString(k.help) {
			t.Errorf("%s: %q is not understood alone", k.name, k.help)
		}
	}
	for _, bad := range []string{"a file with it", "a file with one of these per line", "how long they are kept", "the rules, in the file alone: see below"} {
		if !leaning.MatchString(bad) {
			t.Errorf("%q passes", bad)
		}
	}
}
