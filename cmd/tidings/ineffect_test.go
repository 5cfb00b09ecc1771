package main

import (
	"os"
	"path/filepath"
	"testing"

	"tidings/internal/config"
)

// What a reload takes is shown as taken, and what waits for the next start as it was.
func TestSettingsInEffect(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tidings.yaml")
	write := func(text string) config.Sources {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return config.Sources{File: file}
	}
	key := "\napi_keys: [ops 0123456789abcdef0123456789abcdef]\n"
	var e inEffect
	e.begin(write("rules: {subscribe: anyone}\npark: 30s" + key))
	shown := func(name string) config.Row {
		for _, s := range e.list() {
			if s.Name == name {
				return config.Row(s)
			}
		}
		t.Fatalf("there is no setting %s among %d", name, len(e.list()))
		return config.Row{}
	}
	if got := shown("api_keys"); got.Value != "(1, hidden)" {
		t.Errorf("the keys are shown as %+v", got)
	}
	e.reload(write("\n\nrules: {subscribe: nobody}\npark: 50s"+key), admissions)
	if got := shown("rules.subscribe"); got.Value != "nobody" {
		t.Errorf("rules.subscribe: %+v", got)
	}
	if got := shown("park"); got.Value != "30s" {
		t.Errorf("park waits for the next start, and is shown as %+v", got)
	}
	e.reload(write("rules: {subscribe: nonsense"), admissions)
	if got := shown("rules.subscribe"); got.Value != "nobody" {
		t.Errorf("after a file that is none: %+v", got)
	}
}
