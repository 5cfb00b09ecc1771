package postgres

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tidings/internal/testpostgres"
	"tidings/store"
)

// writing is how many write at the same time.
const writing = 8

// durable starts a server that writes to its disk as one in production does.
func durable(b *testing.B) string {
	server, err := testpostgres.Start("fsync=on", "shared_buffers=128MB")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Stop)
	return server.Database(b)
}

// BenchmarkWrites compares writes of small documents by the store with the bare driver, on the same server with the
// same tables: a document alone, and a document with a row of changes, each in a commit of its own. Grouped is as the
// store works, with what waits in one commit.
//
//	go test -tags nomsgpack ./store/postgres -run '^$' -bench Writes -benchtime 3s
func BenchmarkWrites(b *testing.B) {
	url := durable(b)
	many := func(b *testing.B, write func(n int64) error) {
		var n atomic.Int64
		b.SetParallelism(writing / runtime.GOMAXPROCS(0))
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := write(n.Add(1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
	}
	content := func(n int64) string { return fmt.Sprintf(`{"driver":"d%d","free":true,"seats":%d}`, n%100, n%7) }

	b.Run("driver, the document alone", func(b *testing.B) { bare(b, url, false, content, many) })
	b.Run("driver, document and change", func(b *testing.B) { bare(b, url, true, content, many) })
	for name, group := range map[string]int{"store, one commit a write": 1, "store, grouped": 0} {
		b.Run(name, func(b *testing.B) {
			s := openAt(b, url, func(c *Config) {
				if c.maxGroup = group; group == 1 {
					c.writers = writing
				}
			})
			relay, stop := context.WithCancel(context.Background())
			defer stop()
			if _, err := s.Lead(relay); err != nil {
				b.Fatal(err)
			}
			marked := make(chan struct{})
			go func() { // the changes are read and marked meanwhile
				defer close(marked)
				for after := uint64(0); relay.Err() == nil; {
					if list, err := s.Changes(relay, after, 100); err == nil && len(list) > 0 {
						after = list[len(list)-1].Number
						s.Relayed(relay, after)
						continue
					}
					select {
					case <-s.Wake():
					case <-relay.Done():
					}
				}
			}()
			many(b, func(n int64) error {
				results, err := s.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Put, ID: fmt.Sprint(n % 10_000), Content: []byte(content(n))}}})
				if err == nil && results[0].Fault != nil {
					return results[0].Fault
				}
				return err
			})
			stop()
			<-marked
		})
	}
}

// bare writes with the driver alone.
func bare(b *testing.B, url string, change bool, content func(int64) string, many func(*testing.B, func(int64) error)) {
	ctx := context.Background()
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		b.Fatal(err)
	}
	cfg.MaxConns = writing
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	for _, statement := range []string{
		"DROP TABLE IF EXISTS bare, bare_changes", "CREATE TABLE bare (id text PRIMARY KEY, version bigint NOT NULL, content jsonb NOT NULL)", "CREATE INDEX ON bare USING gin (content jsonb_path_ops)",
		"CREATE TABLE bare_changes (number bigserial PRIMARY KEY, id text, content text)",
	} {
		if _, err := pool.Exec(ctx, statement); err != nil {
			b.Fatal(err)
		}
	}
	const upsert = "INSERT INTO bare VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET version = excluded.version, content = excluded.content"
	many(b, func(n int64) error {
		id := fmt.Sprint(n % 10_000)
		if !change {
			_, err := pool.Exec(ctx, upsert, id, n, content(n))
			return err
		}
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, upsert, id, n, content(n)); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO bare_changes (id, content) VALUES ($1, $2)", id, content(n))
			return err
		})
	})
}

var transactions = regexp.MustCompile(`tps = ([0-9.]+)`)

// BenchmarkWatchedTable runs pgbench's simple update on a table that is not watched, one that is watched without
// NOTIFY, and one that is watched with it.
//
//	go test -tags nomsgpack ./store/postgres -run '^$' -bench WatchedTable -benchtime 1x
func BenchmarkWatchedTable(b *testing.B) {
	url := durable(b)
	tools := testpostgres.Shared(b).Tools
	run := func(args ...string) string {
		out, err := exec.Command(filepath.Join(tools, "pgbench"), append(args, url)...).CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	run("-i", "-q", "-s", "5")
	for _, c := range []struct {
		name  string
		watch *Watch
	}{{"not watched", nil}, {"without NOTIFY", &Watch{NoNotify: true}}, {"with NOTIFY", &Watch{}}} {
		b.Run(c.name, func(b *testing.B) {
			if c.watch != nil {
				c.watch.Table = "pgbench_accounts"
				watch(b, url, *c.watch)
			}
			for range b.N {
				found := transactions.FindStringSubmatch(run("-n", "-N", "-c", "8", "-j", "2", "-T", "5"))
				if found == nil {
					b.Fatal("pgbench does not say how many transactions it made")
				}
				tps, _ := strconv.ParseFloat(found[1], 64)
				b.ReportMetric(tps, "tps")
			}
		})
	}
}
