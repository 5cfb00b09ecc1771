package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong is told at once, and what was meant beside it.
func TestFaultsComeTogether(t *testing.T) {
	_, err := load(t, "histroy: {messages: 5}\npark: 30\nrules: {subscribe: everyone}\n", nil)
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{`tidings.yaml:1: "histroy" is no setting; did you mean history?`, "tidings.yaml:2: park", "tidings.yaml:3: rules.subscribe"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

// A key that is exported to publish with is in the environment of a server of the same shell, too.
func TestSameKeyTwice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.txt")
	if err := os.WriteFile(file, []byte("shop "+secret+" publish=a/**\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, file, want string }{
		{"in the list", "api_keys: [" + secret + "]\nrules: {subscribe: anyone}\n", secret},
		{"in the list, with a name", "api_keys: [shop " + secret + "]\nrules: {subscribe: anyone}\n", "shop " + secret},
		{"in the file of keys, with less rights", "api_key_file: " + file + "\nrules: {subscribe: anyone}\n", "shop " + secret + " publish=a/**"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := load(t, c.file, []string{"TIDINGS_API_KEY=" + secret})
			if err != nil || len(s.APIKeys) != 1 || s.APIKeys[0] != c.want {
				t.Errorf("got %q, %v, want %q", s.APIKeys, err, c.want)
			}
		})
	}
}
