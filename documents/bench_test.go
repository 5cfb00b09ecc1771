package documents_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker"
	"tidings/client"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/relay"
)

// BenchmarkWrites measures writes a second: those of the bare driver, one commit each, and those of the store with its
// relay and a bus, on which so many rooms watch the collection, each for another value: every change is heard in one.
// All are on the disk before they are answered, by one writer and by 64 at once.
func BenchmarkWrites(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("bare driver/writers=%d", writers), func(b *testing.B) { benchBare(b, writers) })
		for _, rooms := range []int{0, 1_000, 10_000} {
			b.Run(fmt.Sprintf("store/rooms=%d/writers=%d", rooms, writers), func(b *testing.B) { benchStore(b, rooms, writers) })
		}
	}
}

func contentOf(n int64) []byte {
	return fmt.Appendf(nil, `{"driver":"Ann","free":true,"seats":4,"zone":%d,"at":{"lat":47.37,"lon":8.54}}`, n%10_000)
}

// spread calls do b.N times from so many goroutines.
func spread(b *testing.B, writers int, do func(n int64) error) {
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range writers {
		group.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := do(n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

func benchBare(b *testing.B, writers int) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "d.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE d (id TEXT PRIMARY KEY, content TEXT)"); err != nil {
		b.Fatal(err)
	}
	spread(b, writers, func(n int64) error {
		_, err := db.Exec("INSERT INTO d VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET content = excluded.content", fmt.Sprint(n%10_000), string(contentOf(n)))
		return err
	})
}

func benchStore(b *testing.B, rooms, writers int) {
	h := newHouseAt(b, filepath.Join(b.TempDir(), "d.db"), func(c *actors.Config) {
		c.Rules, c.HistoryMessages = access.Rules{Subscribe: access.Anyone}, 1000 // as the server sets it
	})
	heard := &atomic.Int64{}
	h.watch(rooms, heard)
	r := relay.New(relay.Config{Store: h.store, Log: slog.New(slog.DiscardHandler), Publish: func(ctx context.Context, p broker.Publish) error {
		_, err := h.bus.Publish(ctx, actors.Publish(p))
		return err
	}})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { r.Run(ctx) })
	taxis := store.Collection{Index: "city", Name: "taxis"}
	before := h.store.Stats()
	spread(b, writers, func(n int64) error {
		results, err := h.store.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Put, ID: fmt.Sprint(n % 10_000), Content: contentOf(n)}}})
		if err == nil && results[0].Fault != nil {
			return results[0].Fault
		}
		return err
	})
	commits := h.store.Stats().Commits - before.Commits
	b.ReportMetric(float64(b.N)/float64(commits), "writes/commit")
	for late := time.Now().Add(time.Minute); h.store.Stats().Waiting > 0 && time.Now().Before(late); {
		time.Sleep(time.Millisecond)
	}
	cancel()
	group.Wait()
	if got := r.Stats().Sent; got != uint64(b.N) {
		b.Errorf("%d changes of %d writes were published", got, b.N)
	}
	if rooms > 0 && b.N > 10_000 && heard.Load() == 0 {
		b.Error("nobody heard a change")
	}
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
