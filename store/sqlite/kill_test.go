package sqlite

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"tidings/store"
	"tidings/store/killtest"
	"tidings/store/storetest"
)

func TestMain(m *testing.M) {
	killtest.Victim(openToKill)
	os.Exit(m.Run())
}

func openToKill(path string, step func(string) error) (store.Store, error) {
	return Open(Config{Path: path, Log: slog.New(slog.DiscardHandler), step: step})
}

var taxis = store.Collection{Index: "city", Name: "taxis"}

func TestKill_F40(t *testing.T) {
	killtest.AtSteps(t, openToKill, filepath.Join(storetest.Folder(t), "d.db"), "made", "written", "committed")
}

func TestKillAtRandom_F40(t *testing.T) {
	killtest.AtRandom(t, openToKill, filepath.Join(storetest.Folder(t), "d.db"))
}
