package relay

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"tidings/broker"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/storetest"
)

// recent returns the ids of the messages of a channel, as the relay would ask a broker for them.
func (o *town) recent(_ context.Context, ch protocol.Channel, limit int) (ids []string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.messages {
		if p.Channel == ch {
			ids = append(ids, core.KeyedID(p.Principal, p.Channel, p.IdempotencyKey))
		}
	}
	return ids[max(0, len(ids)-limit):], nil
}

// forget is a broker five minutes later: it has the messages, and no keys.
func (o *town) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.keys)
}

// A relay that ends between publishing and marking is followed by one that begins when the broker has forgotten the
// keys: what is in the channels already is left out, also of those that routes lead to, and what is not there is
// published.
func TestCrashThatIsNoticedLate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before int // messages that the first relay publishes
		again  bool
	}{
		{"after the first message", 1, false},
		{"before the last one", 19, false},
		{"a broker that was restarted has nothing, and gets everything", 7, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(storetest.Folder(t), "d.db")
			s, o := openStore(t, path), newTown()
			for n := range 10 {
				write(t, s, taxis, put("a", fmt.Sprintf(`{"n":%d}`, n)))
			}
			also := func(cfg *Config) {
				cfg.Recent = o.recent
				cfg.Route = func(string, []byte) []protocol.Channel { return []protocol.Channel{"fleet"} }
			}
			ctx, crash := context.WithCancel(context.Background())
			cfg := Config{Store: s, Log: slog.New(slog.DiscardHandler), step: func(string) {}}
			also(&cfg)
			cfg.Publish = func(ctx context.Context, p broker.Publish) error {
				if o.count() == tt.before {
					crash()
				}
				return o.publish(ctx, p)
			}
			New(cfg).Run(ctx)
			if s.Mark() != 0 || o.count() != tt.before {
				t.Fatalf("the first relay has published %d messages and marked %d", o.count(), s.Mark())
			}
			s.Close()
			s = openStore(t, path)
			o.forget()
			if tt.again {
				o.messages = nil
			}
			_, stop := start(s, o, also)
			defer stop()
			write(t, s, taxis, put("last", `{}`))
			checkOnce(t, o.wait(t, 22), 22)
		})
	}
}

// The look is at what an earlier relay may have left, and ends with it: a relay that has caught up asks no broker.
func TestLookEnds(t *testing.T) {
	s, o := openStore(t, filepath.Join(storetest.Folder(t), "d.db")), newTown()
	asked := make(chan protocol.Channel, 100)
	write(t, s, taxis, put("a", `{}`), put("b", `{}`))
	caughtUp := make(chan struct{}, 1)
	_, stop := start(waking{s, caughtUp}, o, func(cfg *Config) {
		cfg.Recent = func(ctx context.Context, ch protocol.Channel, limit int) ([]string, error) {
			asked <- ch
			return o.recent(ctx, ch, limit)
		}
	})
	defer stop()
	o.wait(t, 2)
	<-caughtUp
	write(t, s, store.Collection{Index: "city", Name: "buses"}, put("a", `{}`))
	o.wait(t, 3)
	if n := len(asked); n != 1 {
		t.Fatalf("%d channels were asked for, want 1", n)
	}
	if ch := <-asked; ch != taxis.Channel() {
		t.Errorf("%s was asked for", ch)
	}
}

// waking reports when the relay rests, which it does behind the look for changes that has found none.
type waking struct {
	store.Store
	rests chan struct{}
}

func (w waking) Wake() <-chan struct{} {
	select {
	case w.rests <- struct{}{}:
	default:
	}
	return w.Store.Wake()
}

// The id that the relay looks for is the one that a broker gives to its message.
func TestIDsAreTheBrokers(t *testing.T) {
	b := memory.New(memory.DefaultConfig())
	defer b.Close()
	p := message(&store.Change{Number: 7, Collection: taxis, ID: "a", Event: store.Created, After: []byte(`{}`)}, "store")
	receipt, err := b.Publish(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	page, err := b.Last(t.Context(), p.Channel, lookBack)
	if err != nil || len(page.Messages) != 1 || page.Messages[0].ID != receipt.ID || receipt.ID != core.KeyedID(p.Principal, p.Channel, p.IdempotencyKey) {
		t.Errorf("history has %+v, the receipt %+v, %v", page.Messages, receipt, err)
	}
}
