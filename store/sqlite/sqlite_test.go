package sqlite

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"tidings/store"
	"tidings/store/storetest"
)

// openAt opens a store that ends with the test.
func openAt(t testing.TB, path string, change ...func(*Config)) *Store {
	t.Helper()
	cfg := Config{Path: path, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&cfg)
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	rounds := 10_000
	if testing.Short() {
		rounds = 500
	}
	storetest.Run(t, maker(), rounds)
	t.Run("with indexes", func(t *testing.T) {
		storetest.RunSearches(t, maker("num", "str", "bool", "data", "deep.x", "1.2", "list", "n", "v"), rounds/10) // the first run has decided what a filter means
	})
}

func maker(fields ...string) storetest.Maker {
	paths := map[store.Store]string{}
	indexed := func(c *Config) { c.Indexes = fields }
	return storetest.Maker{
		Open: func(t *testing.T) store.Store {
			path := filepath.Join(storetest.Folder(t), "a file with % and ?.db")
			s := openAt(t, path, indexed)
			paths[s] = path
			return s
		},
		Reopen: func(t *testing.T, s store.Store) store.Store {
			s.Close()
			return openAt(t, paths[s], indexed)
		},
	}
}

func TestOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.db")
	first := openAt(t, path)
	if _, err := Open(Config{Path: path}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second one: %v", err)
	}
	first.Close()
	openAt(t, path).Close()
	if _, err := Open(Config{Path: filepath.Join(t.TempDir(), "nowhere", "d.db")}); err == nil {
		t.Error("a folder that is not there")
	}
}

// A file of the version before is brought up to date when it is opened, and one of a later version is left alone.
func TestVersionsOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.db")
	old := openAt(t, path)
	if _, err := old.Write(t.Context(), store.Write{Collection: store.Collection{Index: "city", Name: "taxis"}, Ops: []store.Op{{Action: store.Put, ID: "a", Content: []byte(`{}`)}}}); err != nil {
		t.Fatal(err)
	}
	set := func(s *Store, statement string) {
		if _, err := s.conn.ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	set(old, "DROP TABLE collections; PRAGMA user_version = 1")
	s := openAt(t, path)
	if _, err := s.Write(t.Context(), store.Write{Collection: store.Collection{Index: "city", Name: "empty"}, Ops: []store.Op{{Action: store.Make}}}); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Collections(t.Context(), store.Collection{}, 10); err != nil || fmt.Sprint(list) != "[city/empty city/taxis]" {
		t.Errorf("a file of version 1 has %v, %v", list, err)
	}
	set(s, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion+1))
	if _, err := Open(Config{Path: path}); err == nil || !strings.Contains(err.Error(), "newer than this server") {
		t.Errorf("a file of a later version: %v", err)
	}
}
