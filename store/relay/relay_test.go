package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/broker"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/sqlite"
	"tidings/store/storetest"
)

// town is a broker that remembers keys, as brokers do, and fails where a test wants it.
type town struct {
	mu       sync.Mutex
	messages []broker.Publish
	keys     map[string]bool
	calls    int
	fail     func(call int, p broker.Publish) (stored bool, err error) // nil: never
	news     chan struct{}                                             // sent to, if there is space, after each message
}

func newTown() *town { return &town{keys: map[string]bool{}, news: make(chan struct{}, 1)} }

func (o *town) publish(ctx context.Context, p broker.Publish) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	o.calls++
	stored, err := true, error(nil)
	if o.fail != nil {
		stored, err = o.fail(o.calls, p)
	}
	key := string(p.Channel) + " " + p.Principal + " " + p.IdempotencyKey
	if stored && !o.keys[key] {
		o.keys[key] = true
		o.messages = append(o.messages, p)
		select {
		case o.news <- struct{}{}:
		default:
		}
	}
	return err
}

func (o *town) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.messages)
}

// wait waits until so many messages were published.
func (o *town) wait(t *testing.T, n int) []broker.Publish {
	t.Helper()
	late := time.After(time.Minute)
	for o.count() < n {
		select {
		case <-o.news:
		case <-late:
			t.Fatalf("%d messages after a minute, want %d", o.count(), n)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.messages)
}

func openStore(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(sqlite.Config{Path: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// start runs a relay; stop ends it and waits.
func start(s store.Store, o *town, change ...func(*Config)) (r *Relay, stop func()) {
	cfg := Config{Store: s, Publish: o.publish, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&cfg)
	}
	r = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { r.Run(ctx) })
	return r, func() {
		cancel()
		group.Wait()
	}
}

var taxis = store.Collection{Index: "city", Name: "taxis"}

func write(t *testing.T, s store.Store, c store.Collection, ops ...store.Op) {
	t.Helper()
	results, err := s.Write(context.Background(), store.Write{Collection: c, Ops: ops, Meta: []byte(`{"m":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Fault != nil {
			t.Fatal(r.Fault)
		}
	}
}

func put(id, content string) store.Op {
	return store.Op{Action: store.Put, ID: id, Content: []byte(content)}
}

func TestMessages(t *testing.T) {
	s, o := openStore(t, filepath.Join(storetest.Folder(t), "d.db")), newTown()
	_, stop := start(s, o)
	defer stop()
	write(t, s, taxis, put("a", `{"free":true}`), put("a", `{"free":false}`), store.Op{Action: store.Remove, ID: "a"})
	list := o.wait(t, 3)
	for i, want := range []struct {
		event        string
		gone, before bool
		changed      string
	}{{"created", false, false, ""}, {"updated", false, true, `["free"]`}, {"removed", true, false, ""}} {
		p := list[i]
		if p.Channel != "documents/city/taxis" || p.Event != want.event || p.Extra.Gone != want.gone || (p.Extra.Before != nil) != want.before || string(p.Extra.Changed) != want.changed {
			t.Errorf("message %d is %s with %+v, want %+v", i, p.Event, p.Extra, want)
		}
		if p.Extra.Change == 0 || string(p.Extra.Meta) != `{"m":1}` || !strings.Contains(string(p.Data), `"_id":"a"`) || p.Extra.Check() != nil {
			t.Errorf("message %d has %s and %+v", i, p.Data, p.Extra)
		}
	}
}

// The relay ends at each of its steps in turn, the store is opened again, and another relay goes on: each change is
// published, once, in the order of its collection.
func TestCrash(t *testing.T) {
	for _, step := range []string{"read", "sent", "published", "marked"} {
		for _, nth := range []int{1, 2, 3} {
			t.Run(fmt.Sprintf("F40 a relay that ends at %q %d", step, nth), func(t *testing.T) {
				path := filepath.Join(storetest.Folder(t), "d.db")
				s, o := openStore(t, path), newTown()
				const collections, each = 3, 90 // some pages of changes
				for n := 0; n < each; n += 15 {
					for c := range collections {
						var ops []store.Op
						for i := range 15 {
							ops = append(ops, put("x", fmt.Sprintf(`{"n":%d}`, n+i)))
						}
						write(t, s, store.Collection{Index: "city", Name: fmt.Sprint(c)}, ops...)
					}
				}
				ctx, crash := context.WithCancel(context.Background())
				calls, mu := 0, sync.Mutex{}
				r := New(Config{Store: s, Publish: o.publish, Log: slog.New(slog.DiscardHandler), step: func(name string) {
					mu.Lock()
					defer mu.Unlock()
					if calls++; name != step {
						calls--
					} else if calls == nth {
						crash()
					}
				}})
				r.Run(ctx)
				if calls < nth {
					t.Fatalf("step %q came %d times", step, calls)
				}
				s.Close()
				s = openStore(t, path)
				_, stop := start(s, o)
				defer stop()
				write(t, s, taxis, put("last", `{}`))
				checkOnce(t, o.wait(t, collections*each+1), collections*each+1)
			})
		}
	}
}

// checkOnce checks that each change was published once, in the order of its channel.
func checkOnce(t *testing.T, list []broker.Publish, want int) {
	t.Helper()
	if len(list) != want {
		t.Errorf("%d messages, want %d", len(list), want)
	}
	last := map[protocol.Channel]uint64{}
	for _, p := range list {
		if p.Extra.Change <= last[p.Channel] {
			t.Errorf("%s: change %d came after %d", p.Channel, p.Extra.Change, last[p.Channel])
		}
		last[p.Channel] = p.Extra.Change
	}
}

func TestFailures(t *testing.T) {
	fault := func(code protocol.Code) error {
		return &protocol.Error{Code: code, Reason: "as the test wants", Hint: "none"}
	}
	for _, c := range []struct {
		name   string
		fail   func(call int, p broker.Publish) (bool, error)
		resets int
	}{
		{"a broker that does not answer", func(call int, _ broker.Publish) (bool, error) {
			return call > 3, map[bool]error{true: fault(protocol.CodeBrokerUnavailable)}[call <= 3]
		}, 0},
		{"an answer that is lost: the repetition is the broker's duplicate", func(call int, _ broker.Publish) (bool, error) {
			return true, map[bool]error{true: fault(protocol.CodeTimeout)}[call%2 == 1]
		}, 0},
		{"a change that the channel's rules do not take: a reset comes in its place", func(_ int, p broker.Publish) (bool, error) {
			if strings.Contains(string(p.Data), "too long") {
				return false, fault(protocol.CodeTooLarge)
			}
			return true, nil
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, o := openStore(t, filepath.Join(storetest.Folder(t), "d.db")), newTown()
			o.fail = c.fail
			r, stop := start(s, o, func(cfg *Config) {
				cfg.pause = func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil }
			})
			defer stop()
			for n := range 10 {
				content := `{}`
				if n == 4 {
					content = `{"t":"too long"}`
				}
				write(t, s, taxis, put(fmt.Sprint(n), content))
			}
			list := o.wait(t, 10)
			checkOnce(t, list, 10)
			resets := 0
			for _, p := range list {
				if p.Event == string(store.Reset) {
					resets++
				}
			}
			if resets != c.resets || r.Stats().Resets != uint64(c.resets) {
				t.Errorf("%d resets, counted %d, want %d", resets, r.Stats().Resets, c.resets)
			}
		})
	}
}

// A disk that takes no mark holds nothing back.
func TestMarkFails(t *testing.T) {
	s, o := openStore(t, filepath.Join(storetest.Folder(t), "d.db")), newTown()
	full := &full{Store: s}
	_, stop := start(full, o, func(cfg *Config) {
		cfg.pause = func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil }
	})
	defer stop()
	for n := range 3 {
		write(t, s, taxis, put("a", fmt.Sprintf(`{"n":%d}`, n)))
		o.wait(t, n+1)
	}
	checkOnce(t, o.wait(t, 3), 3)
}

type full struct{ store.Store }

func (*full) Relayed(context.Context, uint64) error { return errors.New("no space") }
