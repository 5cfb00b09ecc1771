package postgres

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tidings/internal/testpostgres"
	"tidings/store/storetest"
)

// writing is how many write at the same time.
const writing = 8

// durable starts a server that writes to its disk as one in production does.
func durable(b *testing.B) *testpostgres.Server {
	server, err := testpostgres.Start("fsync=on", "shared_buffers=128MB")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Stop)
	return server
}

// BenchmarkWrites compares writes of small documents by the store with the bare driver, on the same server with the
// same tables: a document alone, and a document with a row of changes, each in a commit of its own. Grouped is as the
// store works, with what waits in one commit. The changes are read and marked meanwhile.
//
//	go test -tags nomsgpack ./store/postgres -run '^$' -bench Writes -benchtime 1x
func BenchmarkWrites(b *testing.B) {
	server := durable(b)
	content := func(n int64) string { return fmt.Sprintf(`{"driver":"d%d","free":true,"seats":%d}`, n%100, n%7) }
	for _, writers := range []int{1, writing} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			storetest.Compare(b, 7, time.Second,
				storetest.Case{Name: "driver, the document alone", Run: bare(b, server.Database(b), false, writers, content)},
				storetest.Case{Name: "driver, document and change", Run: bare(b, server.Database(b), true, writers, content)},
				storetest.Case{Name: "store, one commit a write", Run: stored(b, server.Database(b), 1, writers, content)},
				storetest.Case{Name: "store, grouped", Run: stored(b, server.Database(b), 0, writers, content)},
			)
		})
	}
}

// stored writes with the store, and reads and marks the changes.
func stored(b *testing.B, url string, group, writers int, content func(int64) string) func(time.Duration) float64 {
	s := openAt(b, url, func(c *Config) {
		if c.maxGroup = group; group == 1 {
			c.writers = writing
		}
	})
	lead, stop := context.WithCancel(context.Background())
	if _, err := s.Lead(lead); err != nil {
		b.Fatal(err)
	}
	var relay sync.WaitGroup
	b.Cleanup(relay.Wait)
	b.Cleanup(stop)
	relay.Go(func() {
		for after := uint64(0); lead.Err() == nil; {
			if list, err := s.Changes(lead, after, 100); err == nil && len(list) > 0 {
				after = list[len(list)-1].Number
				s.Relayed(lead, after)
				continue
			}
			select {
			case <-s.Wake():
			case <-lead.Done():
			}
		}
	})
	return func(each time.Duration) float64 {
		return storetest.Rate(b, writers, each, func(n int64) error { return put(s, fmt.Sprint(n%10_000), content(n)) })
	}
}

// bare writes with the driver alone.
func bare(b *testing.B, url string, change bool, writers int, content func(int64) string) func(time.Duration) float64 {
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
	b.Cleanup(pool.Close)
	for _, statement := range []string{
		"CREATE TABLE bare (id text PRIMARY KEY, version bigint NOT NULL, content jsonb NOT NULL)", "CREATE INDEX ON bare USING gin (content jsonb_path_ops)",
		"CREATE TABLE bare_changes (number bigserial PRIMARY KEY, id text, content text)",
	} {
		if _, err := pool.Exec(ctx, statement); err != nil {
			b.Fatal(err)
		}
	}
	const upsert = "INSERT INTO bare VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET version = excluded.version, content = excluded.content"
	return func(each time.Duration) float64 {
		return storetest.Rate(b, writers, each, func(n int64) error {
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
}

var transactions = regexp.MustCompile(`tps = ([0-9.]+)`)

// BenchmarkWatchedTable runs pgbench's simple update on a table that is not watched, one that is watched without
// NOTIFY, and one that is watched with it.
//
//	go test -tags nomsgpack ./store/postgres -run '^$' -bench WatchedTable -benchtime 1x
func BenchmarkWatchedTable(b *testing.B) {
	server := durable(b)
	url, tools := server.Database(b), server.Tools
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
