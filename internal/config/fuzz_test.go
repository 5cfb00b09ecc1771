package config

import (
	"os"
	"path/filepath"
	"testing"

	"tidings/access"
	"tidings/protocol"
)

// Whatever a file holds, it is read or refused; and what is read are rules that compile, none of which lets everybody
// do everything in production.
func FuzzFile(f *testing.F) {
	for _, text := range []string{
		"api_key: " + secret + "\nrules:\n  channels:\n    \"a/{user}\": {subscribe: [user, role:x], history: {age: 1h}, rate: 2}\n    \"**\": {subscribe: anyone}\n",
		"rules: {channels: {a: {subscribe: user}, a: {publish: anyone}}}", "rules: {channels: [a]}", "rules:\n  channels: &x\n    a: *x\n", "tokens: {secret: 1}", "park: [", "? [a]\n: b", "<<: {a: b}",
	} {
		f.Add(text)
	}
	name := filepath.Join(f.TempDir(), "tidings.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Load(Sources{File: name})
		if err != nil {
			return
		}
		rules := access.Rules{Subscribe: s.Subscribe, Publish: s.Publish, Presence: s.Presence, Write: s.Write, Channels: s.Channels}
		if err := rules.Validate(); err != nil {
			t.Fatalf("%q was taken: %v", text, err)
		}
		policy, _ := rules.Compile()
		const other = "never/named"
		if !s.Dev && !named(s.Channels, other) && policy.MaySubscribe(access.Identity{}, other) == nil && policy.MayPublish(access.Identity{}, other) == nil {
			t.Fatalf("%q lets everybody do everything", text)
		}
	})
}

// named reports whether a pattern other than "**" matches.
func named(rules []access.Rule, ch protocol.Channel) bool {
	for _, r := range rules {
		if p, err := access.ParsePattern(r.Pattern); err == nil && r.Pattern != "**" && p.Match(ch) {
			return true
		}
	}
	return false
}
