package documents_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/actors"
	"tidings/broker"
	"tidings/client"
	"tidings/protocol"
	"tidings/store/relay"
)

// publishing runs the relay until the test ends.
func (h *house) publishing() {
	h.Helper()
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
}

// What is done to a whole collection is told to each of its subscriptions, once, whatever the filter and the scope.
func TestEverySubscriptionHearsOneReset(t *testing.T) {
	h := newHouse(t)
	h.publishing()
	ann, ctx := h.client("ann"), t.Context()
	taxis := ann.Collection("city/taxis")
	if _, err := taxis.Put(ctx, "t1", map[string]any{"free": true}); err != nil {
		t.Fatal(err)
	}
	none := json.RawMessage(`{"equals":{"free":"never"}}`)
	heard := map[string]chan string{}
	for name, options := range map[string][]client.Option{
		"all": nil, "a filter that matches": {client.Filter(json.RawMessage(`{"equals":{"free":true}}`))}, "a filter that does not": {client.Filter(none)},
		"what comes in": {client.Filter(none), client.In}, "what goes out": {client.Filter(none), client.Out},
	} {
		events, live := make(chan string, 100), make(chan struct{}, 8)
		heard[name] = events
		sub, err := h.client("ben").Subscribe(taxis.Channel(), func(m client.Message) { events <- m.Event }, append(options, client.OnSubscribed(func(protocol.Position, bool) { live <- struct{}{} }))...)
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		select {
		case <-live:
		case <-time.After(time.Minute):
			t.Fatalf("%s: not subscribed after a minute", name)
		}
	}
	if err := taxis.Truncate(ctx); err != nil {
		t.Fatal(err)
	}
	if err := taxis.Drop(ctx); err != nil {
		t.Fatal(err)
	}
	for name, events := range heard {
		for n := 0; n < 2; {
			select {
			case event := <-events:
				if event == "reset" {
					n++
				} else if event != "created" { // it may be live before the relay has published the first document
					t.Errorf("%s: heard %q", name, event)
				}
			case <-time.After(time.Minute):
				t.Fatalf("%s: %d resets after a minute, want 2", name, n)
			}
		}
	}
}

// Who may write a collection may empty it, over the connection as over HTTP; who may write some of its documents may
// not, and imports are for backends.
func TestWholeCollectionsOverTheWire(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct{ user, collection, call, want string }{
		{"ann", "city/taxis", `"action":"truncate"`, "not_found"},
		{"ann", "city/taxis", `"action":"createCollection"`, `{"collection":"city/taxis"}`},
		{"ann", "city/taxis", `"action":"truncate"`, `{"collection":"city/taxis","change":`},
		{"", "city/taxis", `"action":"truncate"`, "forbidden"},
		{"", "city/taxis", `"action":"dropCollection"`, "forbidden"},
		{"ann", "city/taxis", `"action":"dropCollection","meta":{"why":"test"}`, `{"collection":"city/taxis","change":`},
		{"ann", "city/taxis", `"action":"truncate","filter":{}`, "unknown_field"},
		{"ann", "city/taxis", `"action":"bulk","operations":[{"action":"truncate"}]`, `{"results":[{"error":{"code":"bad_request"`},
		{"ann", "city/taxis", `"action":"import","documents":[{}]`, "forbidden"},
	} {
		got := h.call(h.client(tt.user), `{"collection":"`+tt.collection+`",`+tt.call+`}`)
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%q: %s: got %s, want %s…", tt.user, tt.call, got, tt.want)
		}
	}
}
