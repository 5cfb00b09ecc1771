package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker"
	"tidings/broker/memory"
	"tidings/client"
	"tidings/documents"
	"tidings/httpapi"
	"tidings/internal/memnet"
	"tidings/internal/testpostgres"
	"tidings/protocol"
	"tidings/store/relay"
)

// ship is a whole node: a store, its relay, a bus, and a client of it.
type ship struct {
	store  *Store
	client *client.Client
	gate   sync.RWMutex // is locked while the node is paused: then it publishes nothing
	heard  chan client.Message
	gaps   chan client.Gap
}

func newShip(t *testing.T, url string, b *memory.Node) *ship {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	quiet := slog.New(slog.DiscardHandler)
	h := &ship{heard: make(chan client.Message, 10_000), gaps: make(chan client.Gap, 100)}
	h.store = openAt(t, url, func(c *Config) { c.silence = 2 * time.Second })
	bus, err := actors.Start(actors.Config{Broker: b, Logger: quiet, SigningSecret: []byte("a secret of these tests, of more than 32 bytes"), Documents: documents.Calls(h.store),
		Rules: access.Rules{Channels: []access.Rule{{Pattern: "documents/city/*", Subscribe: access.Anyone, Write: access.Anyone}}}})
	must(err)
	t.Cleanup(bus.Stop)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	r := relay.New(relay.Config{Store: h.store, Log: quiet,
		Publish: func(ctx context.Context, p broker.Publish) error {
			h.gate.RLock()
			defer h.gate.RUnlock()
			_, err := bus.Publish(ctx, actors.Publish(p))
			return err
		},
		Recent: func(ctx context.Context, ch protocol.Channel, limit int) (ids []string, err error) {
			page, err := b.Last(ctx, ch, limit)
			for _, m := range page.Messages {
				ids = append(ids, m.ID)
			}
			return ids, err
		}})
	group.Go(func() { r.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	c := httpapi.DefaultConfig()
	c.Log = quiet
	api, err := httpapi.New(bus, c)
	must(err)
	lis, server := memnet.Listen(), api.Server("")
	go server.Serve(lis)
	transport := &http.Transport{DialContext: lis.DialContext}
	h.client, err = client.New(client.Config{URL: "http://bus.test/bus", HTTPClient: &http.Client{Transport: transport}, Logger: quiet})
	must(err)
	t.Cleanup(func() {
		h.client.Close()
		transport.CloseIdleConnections()
		api.Close()
		server.Close()
	})
	live := make(chan struct{}, 10)
	_, err = h.client.Subscribe(string(taxis.Channel()), func(m client.Message) { h.heard <- m }, client.OnGap(func(g client.Gap) { h.gaps <- g }),
		client.OnSubscribed(func(protocol.Position, bool) { live <- struct{}{} }))
	must(err)
	select {
	case <-live:
	case <-time.After(time.Minute):
		t.Fatal("not subscribed after a minute")
	}
	return h
}

// expect waits until a client has heard so many changes of each document, each once and in their order.
func (h *ship) expect(t *testing.T, name string, want map[string]int) {
	t.Helper()
	left := 0
	for _, n := range want {
		left += n
	}
	count, last := map[string]int{}, map[string]uint64{}
	for late := time.After(2 * time.Minute); left > 0; left-- {
		select {
		case m := <-h.heard:
			var d struct {
				ID string `json:"_id"`
			}
			if err := json.Unmarshal(m.Data, &d); err != nil {
				t.Fatal(err)
			}
			if m.Change.Number <= last[d.ID] {
				t.Errorf("%s: of %s change %d came behind %d", name, d.ID, m.Change.Number, last[d.ID])
			}
			last[d.ID] = m.Change.Number
			count[d.ID]++
		case g := <-h.gaps:
			t.Fatalf("%s: a gap: %+v", name, g)
		case <-late:
			t.Fatalf("%s: %d changes are missing after two minutes; heard %v, want %v", name, left, count, want)
		}
	}
	for id, n := range want {
		if count[id] != n {
			t.Errorf("%s: %d changes of %s were heard, %d writes were answered", name, count[id], id, n)
		}
	}
}

// Two nodes share a database and a broker, and each has a client that writes and hears. Whatever happens to the node
// that publishes, both clients hear each change, once, in the order of its document.
func TestTwoBuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault func(t *testing.T, a *ship, l *line)
		mend  func(a *ship, l *line)
	}{
		{"the connection with the lock is ended", func(t *testing.T, a *ship, _ *line) {
			sqlExec(t, connect(t, a.store.cfg.URL), fmt.Sprintf("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND (classid::bigint << 32) + objid::bigint = %d", int64(lockLead)))
		}, nil},
		{"the leader is cut off from the database", func(_ *testing.T, _ *ship, l *line) { l.cut() }, nil},
		{"the leader is stalled for longer than its lock holds", func(_ *testing.T, _ *ship, l *line) { l.set(true) }, func(_ *ship, l *line) { l.set(false) }},
		{"the leader is paused in the middle of a publish, and woken", func(_ *testing.T, a *ship, l *line) {
			a.gate.Lock()
			l.set(true)
		}, func(a *ship, l *line) {
			l.set(false)
			a.gate.Unlock()
		}},
	} {
		t.Run("F40 "+tt.name, func(t *testing.T) {
			url := testpostgres.Database(t)
			host := url[strings.Index(url, "@")+1:]
			host = host[:strings.Index(host, "/")]
			l := newLine(t, host)
			shared := memory.New(memory.DefaultConfig())
			t.Cleanup(func() { shared.Close() })
			a := newShip(t, strings.Replace(url, host, l.Addr().String(), 1), shared.Node())
			waitFor(t, "the first node leads", a.store.leads.Load)
			b := newShip(t, url, shared.Node())
			answered, n := map[string]int{}, 0
			write := func(by *ship, times int) {
				for range times {
					n++
					id := fmt.Sprint("t", n%7)
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					if _, err := by.client.Collection("city/taxis").Put(ctx, id, map[string]int{"n": n}); err != nil {
						t.Errorf("write %d: %v", n, err)
					}
					cancel()
					answered[id]++
				}
			}
			write(a, 20)
			write(b, 20)
			done := make(chan struct{})
			go func() {
				defer close(done)
				write(b, 60)
			}()
			tt.fault(t, a, l)
			<-done
			if tt.mend != nil {
				waitFor(t, "the second node leads", b.store.leads.Load)
				write(b, 10) // it publishes, and then the first one wakes
				tt.mend(a, l)
			}
			write(b, 20)
			write(a, 20)
			for name, h := range map[string]*ship{"the client of the first node": a, "the client of the second node": b} {
				h.expect(t, name, answered)
			}
			// What came twice would come before what is written now.
			write(b, 1)
			one := map[string]int{fmt.Sprint("t", n%7): 1}
			for name, h := range map[string]*ship{"the client of the first node": a, "the client of the second node": b} {
				h.expect(t, name, one)
			}
			page, err := shared.Node().Last(t.Context(), taxis.Channel(), 1000)
			if err != nil {
				t.Fatal(err)
			}
			var numbers []uint64
			for _, m := range page.Messages {
				numbers = append(numbers, m.Extra.Change)
			}
			slices.Sort(numbers)
			if len(slices.Compact(slices.Clone(numbers))) != len(numbers) {
				t.Errorf("the channel has a change twice: %v", numbers)
			}
		})
	}
}
