package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStoreSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("postgres://u:p@db/app\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, yaml, fault string
	}{
		{"none", "", ""},
		{"a file of SQLite", "store: sqlite\nsqlite: {path: /tmp/d.db}", ""},
		{"SQLite without a file", "store: sqlite", "sqlite.path is not set"},
		{"a file without SQLite", "sqlite: {path: /tmp/d.db}", "sqlite.path is set, and store is none"},
		{"PostgreSQL", "store: postgres\npostgres: {url: 'postgres://u:p@db/app'}", ""},
		{"PostgreSQL from a file", "store: postgres\npostgres: {url_file: " + file + "}", ""},
		{"PostgreSQL twice", "store: postgres\npostgres: {url: 'postgres://db/app', url_file: " + file + "}", "exclude each other"},
		{"PostgreSQL nowhere", "store: postgres", "postgres.url is not set"},
		{"PostgreSQL for nothing", "postgres: {url: 'postgres://db/app'}", "postgres.url is set, and store is none"},
		{"both", "store: postgres\npostgres: {url: 'postgres://db/app'}\nsqlite: {path: /tmp/d.db}", "sqlite.path is set, and store is postgres"},
		{"development with PostgreSQL", "dev: true\npostgres: {url: 'postgres://db/app'}", ""},
		{"another", "store: mysql", "none or sqlite or postgres"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "tidings.yaml")
			if err := os.WriteFile(name, []byte("rules: {subscribe: anyone}\napi_keys: [one"+secret+"]\n"+c.yaml+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(Sources{File: name})
			if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("%s: got %v, want %q", c.yaml, err, c.fault)
			}
		})
	}
}

func TestMasked(t *testing.T) {
	for in, want := range map[string]string{
		"postgres://ann:secret@db.example.com:5433/app":                 "postgres://xxxxx@db.example.com:5433/app",
		"postgres://db.example.com/app?password=secret&sslmode=require": "postgres://db.example.com/app?xxxxx",
		"host=db password=secret":                                       "(hidden)",
		"postgres://ann:sec ret%@db/app":                                "(hidden)",
		"":                                                              "(hidden)",
	} {
		if got := masked(in); got != want {
			t.Errorf("masked(%q) = %q, want %q", in, got, want)
		}
	}
}
