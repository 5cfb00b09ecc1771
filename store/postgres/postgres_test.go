package postgres

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"tidings/internal/testpostgres"
	"tidings/store"
	"tidings/store/killtest"
	"tidings/store/storetest"
)

func TestMain(m *testing.M) {
	killtest.Victim(openToKill)
	os.Exit(testpostgres.Main(m))
}

// openAt opens a store that ends with the test.
func openAt(t testing.TB, url string, change ...func(*Config)) *Store {
	t.Helper()
	cfg := Config{URL: url, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&cfg)
	}
	s, err := Open(context.Background(), cfg)
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
	urls := map[store.Store]string{}
	storetest.Run(t, storetest.Maker{
		Open: func(t *testing.T) store.Store {
			url := testpostgres.Database(t)
			s := openAt(t, url)
			urls[s] = url
			return s
		},
		Reopen: func(t *testing.T, s store.Store) store.Store {
			s.Close()
			return openAt(t, urls[s])
		},
	}, rounds)
}

// connect opens a connection that ends with the test.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}
