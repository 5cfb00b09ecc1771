package documents_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/client"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/postgres"
)

// BenchmarkCallback measures how long it takes from the commit of a change until the callback of a client, which is
// connected by WebSocket: of a document that is written through the store, and of a row that psql writes. Each is
// measured in turn while nothing else happens, and beside eight psql connections that write the same table all the
// time, of whose transactions 5 % stay open for 200 ms and 20 % are rolled back.
//
//	go test -tags nomsgpack ./documents -run '^$' -bench Callback -benchtime 1x
func BenchmarkCallback(b *testing.B) {
	server := durable(b)
	url := server.Database(b)
	p := &psql{b, filepath.Join(server.Tools, "psql"), url}
	p.run("CREATE TABLE public.orders (id text PRIMARY KEY, at float8)")
	watchTable(b, url)
	h := newHouseOf(b, openPostgres(b, url), func(c *actors.Config) { c.Rules = access.Rules{Subscribe: access.Anyone} })
	h.relay()
	l := listen(h)
	var took [2][2][]time.Duration
	for turn := range 5 {
		for busy := range 2 {
			stop := func() {}
			if busy == 1 {
				stop = p.load()
			}
			took[0][busy] = append(took[0][busy], l.ofStore(h.store, 40)...)
			took[1][busy] = append(took[1][busy], l.ofPsql(p, fmt.Sprintf("%d-%d", turn, busy), 40)...)
			stop()
		}
	}
	for from, name := range []string{"a write through the store", "a row by psql"} {
		for busy, beside := range []string{"nothing else", "eight busy connections"} {
			list := took[from][busy]
			slices.Sort(list)
			b.Logf("%-26s beside %-22s %d changes: p50 %v, p90 %v, p99 %v", name, beside, len(list), at(list, 50), at(list, 90), at(list, 99))
		}
	}
	b.ReportMetric(0, "ns/op")
}

func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[len(sorted)*percent/100].Round(100 * time.Microsecond)
}

func watchTable(b *testing.B, url string) {
	b.Helper()
	admin, err := postgres.Connect(context.Background(), postgres.Config{URL: url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer admin.Close()
	plan, err := admin.Plan(context.Background(), postgres.Watch{Table: "orders", As: "shop/orders"})
	if err == nil {
		err = admin.Apply(context.Background(), plan)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// listener is a client that notes when it heard of each document.
type listener struct {
	b     *testing.B
	mu    sync.Mutex
	heard map[string]time.Time
	rows  map[string]time.Time // when the row was written, as it says itself
	news  chan struct{}
}

func listen(h *house) *listener {
	l := &listener{b: h.TB.(*testing.B), heard: map[string]time.Time{}, rows: map[string]time.Time{}, news: make(chan struct{}, 1)}
	c := h.clientOf("")
	var live sync.WaitGroup
	for _, channel := range []string{"documents/city/taxis", "documents/shop/orders"} {
		live.Add(1)
		once := sync.OnceFunc(live.Done)
		if _, err := c.Subscribe(channel, l.hear, client.OnSubscribed(func(protocol.Position, bool) { once() })); err != nil {
			h.Fatal(err)
		}
	}
	live.Wait()
	return l
}

func (l *listener) hear(m client.Message) {
	now := time.Now()
	var d struct {
		ID string  `json:"_id"`
		At float64 `json:"at"`
	}
	if json.Unmarshal(m.Data, &d) != nil || d.ID == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, twice := l.heard[d.ID]; !twice {
		l.heard[d.ID], l.rows[d.ID] = now, time.UnixMicro(int64(d.At*1e6))
	}
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// wait returns when the document was heard of, and when it was written by its own account.
func (l *listener) wait(id string) (heard, written time.Time) {
	late := time.After(time.Minute)
	for {
		l.mu.Lock()
		heard, written = l.heard[id], l.rows[id]
		l.mu.Unlock()
		if !heard.IsZero() {
			return heard, written
		}
		select {
		case <-l.news:
		case <-late:
			l.b.Fatalf("%s was not heard of in a minute", id)
		}
	}
}

// ofStore writes documents, one every 10 ms, each after the last was heard of.
func (l *listener) ofStore(s store.Store, n int) (took []time.Duration) {
	taxis := store.Collection{Index: "city", Name: "taxis"}
	run := rand.Uint32()
	for i := range n {
		id := fmt.Sprintf("%d-%d", run, i)
		if _, err := s.Write(context.Background(), store.Write{Collection: taxis, Ops: []store.Op{{Action: store.Put, ID: id, Content: []byte(`{"free":true}`)}}}); err != nil {
			l.b.Fatal(err)
		}
		committed := time.Now()
		heard, _ := l.wait(id)
		took = append(took, max(0, heard.Sub(committed))) // it may be heard of before its writer is answered
		time.Sleep(10 * time.Millisecond)
	}
	return took
}

// ofPsql has psql write rows, each with the time at which it was written.
func (l *listener) ofPsql(p *psql, run string, n int) (took []time.Duration) {
	in, wait, _ := p.start()
	for i := range n {
		id := "probe-" + run + "-" + strconv.Itoa(i)
		fmt.Fprintf(in, "INSERT INTO orders VALUES ('%s', extract(epoch FROM clock_timestamp()));\n", id)
		heard, written := l.wait(id)
		took = append(took, heard.Sub(written))
		time.Sleep(10 * time.Millisecond)
	}
	in.Close()
	if err := wait(); err != nil {
		p.b.Error(err)
	}
	return took
}

// psql is PostgreSQL's own client.
type psql struct {
	b         *testing.B
	path, url string
}

func (p *psql) run(statement string) {
	p.b.Helper()
	if out, err := exec.Command(p.path, "-q", "-v", "ON_ERROR_STOP=1", p.url, "-c", statement).CombinedOutput(); err != nil {
		p.b.Fatalf("%v: %s", err, out)
	}
}

// start starts a psql that reads statements.
func (p *psql) start() (in io.WriteCloser, wait, kill func() error) {
	p.b.Helper()
	cmd := exec.Command(p.path, "-q", "-v", "ON_ERROR_STOP=1", p.url)
	cmd.Stdout = io.Discard
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.b.Fatal(err)
	}
	return in, cmd.Wait, cmd.Process.Kill
}

// load writes by eight connections until stop is called.
func (p *psql) load() (stop func()) {
	var group sync.WaitGroup
	var kills []func() error
	for w := range 8 {
		in, wait, kill := p.start()
		kills = append(kills, kill)
		group.Go(func() {
			defer wait()
			for {
				hold, end := "", "COMMIT"
				if rand.IntN(20) == 0 {
					hold = "SELECT pg_sleep(0.2); "
				}
				if rand.IntN(5) == 0 {
					end = "ROLLBACK"
				}
				if _, err := fmt.Fprintf(in, "BEGIN; INSERT INTO orders VALUES ('load-%d-%d', 0) ON CONFLICT (id) DO UPDATE SET at = orders.at + 1; %sSELECT pg_sleep(0.005); %s;\n", w, rand.IntN(10), hold, end); err != nil {
					return // it was killed
				}
			}
		})
	}
	return func() {
		for _, kill := range kills {
			kill()
		}
		group.Wait()
	}
}
