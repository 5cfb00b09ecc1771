package documents_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tidings/access"
	"tidings/actors"
	"tidings/broker"
	"tidings/client"
	"tidings/internal/testpostgres"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/postgres"
	"tidings/store/relay"
	"tidings/store/sqlite"
	"tidings/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(testpostgres.Main(m)) }

// BenchmarkWrites compares writes a second: those of the bare driver, one commit each, and those of the store with its
// relay and a bus, on which so many rooms watch the collection, each for another value: every change is heard in one.
// All are on the disk before they are answered, by one writer and by 64 at once.
//
//	go test -tags nomsgpack ./documents -run '^$' -bench Writes -benchtime 1x
func BenchmarkWrites(b *testing.B) {
	for _, kind := range []struct {
		name string
		make func(*testing.B) (bare func(n int64) error, open func() store.Store)
	}{
		{"SQLite on the disk", func(b *testing.B) (func(int64) error, func() store.Store) {
			return bareLite(b, b.TempDir()), func() store.Store { return openLite(b, b.TempDir()) }
		}},
		{"SQLite in memory", func(b *testing.B) (func(int64) error, func() store.Store) {
			return bareLite(b, storetest.Folder(b)), func() store.Store { return openLite(b, storetest.Folder(b)) }
		}},
		{"PostgreSQL in memory", func(b *testing.B) (func(int64) error, func() store.Store) {
			server := durable(b)
			return barePostgres(b, server), func() store.Store { return openPostgres(b, server.Database(b)) }
		}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			bare, open := kind.make(b)
			cases := []storetest.Case{{Name: "bare driver"}}
			doing := []func(int64) error{bare}
			settled := []func(){func() {}}
			for _, rooms := range []int{0, 1_000, 10_000} {
				write, settle := watched(b, open(), rooms)
				cases = append(cases, storetest.Case{Name: fmt.Sprintf("store, %d rooms", rooms)})
				doing, settled = append(doing, write), append(settled, settle)
			}
			for _, writers := range []int{1, 64} {
				b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
					for i := range cases {
						cases[i].Run = func(each time.Duration) float64 {
							defer settled[i]()
							return storetest.Rate(b, writers, each, doing[i])
						}
					}
					storetest.Compare(b, 5, time.Second, cases...)
				})
			}
		})
	}
}

func contentOf(n int64) []byte {
	return fmt.Appendf(nil, `{"driver":"Ann","free":true,"seats":4,"zone":%d,"at":{"lat":47.37,"lon":8.54}}`, n%10_000)
}

func bareLite(b *testing.B, folder string) func(n int64) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "bare.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE d (id TEXT PRIMARY KEY, content TEXT)"); err != nil {
		b.Fatal(err)
	}
	return func(n int64) error {
		_, err := db.Exec("INSERT INTO d VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET content = excluded.content", fmt.Sprint(n%10_000), string(contentOf(n)))
		return err
	}
}

func openLite(b *testing.B, folder string) store.Store {
	s, err := sqlite.Open(sqlite.Config{Path: filepath.Join(folder, "d.db"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// durable starts a server that writes to its disk as one in production does.
func durable(b *testing.B) *testpostgres.Server {
	server, err := testpostgres.Start("fsync=on", "shared_buffers=128MB")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Stop)
	return server
}

func barePostgres(b *testing.B, server *testpostgres.Server) func(n int64) error {
	ctx := context.Background()
	cfg, err := pgxpool.ParseConfig(server.Database(b))
	if err != nil {
		b.Fatal(err)
	}
	cfg.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	for _, statement := range []string{"CREATE TABLE d (id text PRIMARY KEY, content jsonb)", "CREATE INDEX ON d USING gin (content jsonb_path_ops)"} {
		if _, err := pool.Exec(ctx, statement); err != nil {
			b.Fatal(err)
		}
	}
	return func(n int64) error {
		_, err := pool.Exec(ctx, "INSERT INTO d VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET content = excluded.content", fmt.Sprint(n%10_000), contentOf(n))
		return err
	}
}

func openPostgres(b testing.TB, url string) store.Store {
	s, err := postgres.Open(context.Background(), postgres.Config{URL: url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// watched returns what writes to a store whose collection so many rooms watch, and what waits until all is published.
func watched(b *testing.B, s store.Store, rooms int) (write func(n int64) error, settle func()) {
	h := newHouseOf(b, s, func(c *actors.Config) {
		c.Rules, c.HistoryMessages = access.Rules{Subscribe: access.Anyone}, 1000 // as the server sets it
	})
	heard := &atomic.Int64{}
	h.watch(rooms, heard)
	r := h.relay()
	var written atomic.Uint64
	taxis := store.Collection{Index: "city", Name: "taxis"}
	write = func(n int64) error {
		results, err := s.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Put, ID: fmt.Sprint(n % 10_000), Content: contentOf(n)}}})
		if err == nil && results[0].Fault != nil {
			return results[0].Fault
		}
		written.Add(1)
		return err
	}
	return write, func() {
		for late := time.Now().Add(time.Minute); r.Stats().Sent < written.Load() && time.Now().Before(late); {
			time.Sleep(time.Millisecond)
		}
		if got, want := r.Stats().Sent, written.Load(); got != want {
			b.Errorf("%d changes of %d writes were published", got, want)
		}
		if rooms == 10_000 && heard.Load() == 0 {
			b.Error("nobody heard a change")
		}
	}
}

// relay publishes the changes of the house's store until the house ends.
func (h *house) relay() *relay.Relay {
	r := relay.New(relay.Config{Store: h.store, Log: slog.New(slog.DiscardHandler), Publish: func(ctx context.Context, p broker.Publish) error {
		_, err := h.bus.Publish(ctx, actors.Publish(p))
		return err
	}})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { r.Run(ctx) })
	h.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return r
}

// watch has the collection watched in so many rooms, each for a value of zone.
func (h *house) watch(rooms int, heard *atomic.Int64) {
	h.Helper()
	var live sync.WaitGroup
	const perClient = 100
	for from := 0; from < rooms; from += perClient {
		c := h.clientOf("")
		for zone := from; zone < from+perClient; zone++ {
			live.Add(1)
			once := sync.OnceFunc(live.Done)
			only := client.Filter(json.RawMessage(fmt.Sprintf(`{"equals":{"zone":%d}}`, zone)))
			if _, err := c.Subscribe("documents/city/taxis", func(client.Message) { heard.Add(1) }, only, client.OnSubscribed(func(protocol.Position, bool) { once() })); err != nil {
				h.Fatal(err)
			}
		}
	}
	live.Wait()
}
