package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tidings/store/sqlite"
)

// A folder of a killed server is removed, and no other: not one in use, not one that is about to be, not somebody's.
func TestSweepDevStores(t *testing.T) {
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	later := time.Now().Add(2 * youngFolder)
	makeStore := func() (folder string, s *sqlite.Store) {
		folder, path, err := newDevStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = sqlite.Open(sqlite.Config{Path: path, Log: quiet}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return folder, s
	}
	left, s := makeStore()
	s.Close() // as the end of a process does, its lock is free and its files are there
	used, _ := makeStore()
	open, s := makeStore()
	s.Close()
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "documents")
	link := filepath.Join(dir, devStorePrefix+"link")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	there := func(path string) bool {
		_, err := os.Lstat(path)
		return err == nil
	}
	sweepDevStores(dir, time.Now(), quiet)
	if !there(left) {
		t.Error("a folder that is younger than a minute was removed")
	}
	sweepDevStores(dir, later, quiet)
	for _, c := range []struct {
		name, path string
		want       bool
	}{
		{"of a killed server", left, false}, {"in use", used, true}, {"that others can read", open, true}, {"of another name", other, true}, {"that is a link", link, true},
	} {
		if there(c.path) != c.want {
			t.Errorf("a folder %s: there is %v, want %v", c.name, there(c.path), c.want)
		}
	}
}
