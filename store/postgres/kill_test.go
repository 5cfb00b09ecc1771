package postgres

import (
	"context"
	"log/slog"
	"testing"

	"tidings/internal/testpostgres"
	"tidings/store"
	"tidings/store/killtest"
)

func openToKill(url string, step func(string) error) (store.Store, error) {
	return Open(context.Background(), Config{URL: url, Log: slog.New(slog.DiscardHandler), step: step})
}

func TestKill_F40(t *testing.T) {
	killtest.AtSteps(t, openToKill, testpostgres.Database(t), "loaded", "saving", "committed", "number")
}

func TestKillTheRelay_F40(t *testing.T) {
	killtest.OfTheRelay(t, openToKill, testpostgres.Database(t))
}

func TestKillAtRandom_F40(t *testing.T) {
	killtest.AtRandom(t, openToKill, testpostgres.Database(t))
}
