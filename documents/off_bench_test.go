package documents_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tidings/access"
	"tidings/actors"
	"tidings/client"
	"tidings/protocol"
)

// BenchmarkTidingsOff has a watched table changed 1.2 million times while no server runs, and then starts one: the
// changes stop at their bound of a million, and the first client that comes is told one reset, and what comes then.
//
//	go test -tags nomsgpack ./documents -run '^$' -bench TidingsOff -benchtime 1x
func BenchmarkTidingsOff(b *testing.B) {
	server := durable(b)
	url := server.Database(b)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	exec := func(statement string) {
		b.Helper()
		if _, err := conn.Exec(ctx, statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
	exec("CREATE TABLE public.orders (id bigint PRIMARY KEY, n int)")
	watchTable(b, url)
	began := time.Now()
	for from := 0; from < 600_000; from += 10_000 {
		exec("INSERT INTO orders SELECT n, 0 FROM generate_series(" + strconv.Itoa(from) + ", " + strconv.Itoa(from+9_999) + ") AS n")
		exec("UPDATE orders SET n = 1 WHERE id BETWEEN " + strconv.Itoa(from) + " AND " + strconv.Itoa(from+9_999))
	}
	var kept, size int64
	if err := conn.QueryRow(ctx, "SELECT count(*), pg_total_relation_size('tidings.changes') FROM tidings.changes").Scan(&kept, &size); err != nil {
		b.Fatal(err)
	}
	b.Logf("1,200,000 changes in %v: %d are kept, in %d MB", time.Since(began).Round(time.Second), kept, size>>20)
	if kept > 1_000_001 {
		b.Errorf("%d changes are kept, and their bound is 1,000,000", kept)
	}

	h := newHouseOf(b, openPostgres(b, url), func(c *actors.Config) { c.Rules = access.Rules{Subscribe: access.Anyone} })
	var mu sync.Mutex
	var heard []string
	news := make(chan struct{}, 1)
	live := make(chan struct{})
	once := sync.OnceFunc(func() { close(live) })
	if _, err := h.clientOf("").Subscribe("documents/shop/orders", func(m client.Message) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, m.Event)
		select {
		case news <- struct{}{}:
		default:
		}
	}, client.OnSubscribed(func(protocol.Position, bool) { once() })); err != nil {
		b.Fatal(err)
	}
	<-live
	began = time.Now()
	h.relay()
	wait := func(n int) {
		b.Helper()
		late := time.After(10 * time.Minute)
		for {
			mu.Lock()
			there := len(heard)
			mu.Unlock()
			if there >= n {
				return
			}
			select {
			case <-news:
			case <-late:
				b.Fatalf("%d messages of %d were heard", there, n)
			}
		}
	}
	wait(1)
	b.Logf("the reset was heard %v after the server began to publish", time.Since(began).Round(10*time.Millisecond))
	exec("DELETE FROM orders WHERE id = 1")
	wait(2)
	mu.Lock()
	defer mu.Unlock()
	if len(heard) != 2 || heard[0] != "reset" || heard[1] != "removed" {
		b.Errorf("heard %q, want one reset and one removed", heard)
	}
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM tidings.changes").Scan(&kept); err != nil || kept > 10 {
		b.Errorf("%d changes are kept when all were published: %v", kept, err)
	}
	b.ReportMetric(0, "ns/op")
}
