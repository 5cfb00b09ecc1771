package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
	"tidings/internal/memnet"
	"tidings/protocol"
	"tidings/transports/transporttest"
)

var pageSecret = []byte("the secret of signed connection ids of these tests")

// placed starts a world that puts clients in channels, and knows signed connection ids.
func placed(t *testing.T) (*world, access.ConnectionIDs) {
	t.Helper()
	tokens, err := access.NewTokens(access.TokenConfig{Issuer: "tests", Audience: "tidings", Secret: tokenSecret})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := access.NewConnectionIDs(pageSecret)
	if err != nil {
		t.Fatal(err)
	}
	mem := memory.New(memory.DefaultConfig())
	bus, err := actors.Start(actors.Config{
		Broker: mem, Tokens: tokens, ConnectionIDs: ids, Logger: slog.New(slog.DiscardHandler),
		Rules: access.Rules{Subscribe: access.Nobody, Joins: access.Joins{Anonymous: []string{"anonymous"}, Authenticated: []string{"user/{user}"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	cfg := DefaultConfig()
	if cfg.Keys, err = access.NewKeys(key, "pages "+scopedKey+" subscribe=billing/**"); err != nil {
		t.Fatal(err)
	}
	cfg.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	api, err := New(bus, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		api.Close()
		bus.Stop()
		mem.Close()
	})
	return &world{T: t, api: api, bus: bus, log: log}, ids
}

// What the server puts a client in, on each transport, over the real thing.
func TestPutsOnEachTransport(t *testing.T) {
	transporttest.RunPuts(t, func(t *testing.T) (transporttest.Target, transporttest.Backend) {
		w, ids := placed(t)
		network := memnet.Listen()
		server := w.api.Server("")
		go server.Serve(network)
		t.Cleanup(func() { server.Close() })
		grant := func(path string) func(page, channel string) {
			return func(page, channel string) {
				w.ok(w.do(request{path: path, body: `{"connection":"` + page + `","channel":"` + channel + `"}`}), &granted{})
			}
		}
		return transporttest.Target{
				URL:  "http://tidings.test/bus",
				Dial: network.Dial,
				Publish: func(channel, data string) {
					if _, err := w.bus.Publish(context.Background(), actors.Publish{Channel: protocol.Channel(channel), Data: []byte(data)}); err != nil {
						t.Errorf("publish: %v", err)
					}
				},
			}, transporttest.Backend{
				ID: func(page string) string {
					id, err := ids.Sign(page, "the key of a session")
					if err != nil {
						t.Fatal(err)
					}
					return id
				},
				Token: func(user string) string { return token(t, user, time.Hour) },
				Put:   grant("/api/subscribe"),
				Take:  grant("/api/unsubscribe"),
			}
	})
}

func TestSubscribeOverHTTP(t *testing.T) {
	w, ids := placed(t)
	id, err := ids.Sign("page-0123456789abcdef", "the key of a session")
	if err != nil {
		t.Fatal(err)
	}
	do := func(path, body string) (n granted) {
		t.Helper()
		w.ok(w.do(request{path: path, body: body}), &n)
		return n
	}
	if n := do("/api/subscribe", `{"session":"the key of a session","channels":["s/1","s/2"]}`); n.Connections != 0 {
		t.Errorf("before there is a connection: %+v", n)
	}
	r := w.do(request{path: "/bus/poll", noKey: true, body: `[{"type":"connect","connectionId":"` + id + `"}]`})
	var opened struct {
		Frames []struct{ Session, Connection, Channel string }
	}
	w.ok(r, &opened)
	public, session := opened.Frames[0].Connection, opened.Frames[0].Session
	for _, who := range []string{`"session":"the key of a session"`, `"connection":"page-0123456789abcdef"`, `"connection":"` + public + `"`} {
		if n := do("/api/subscribe", `{`+who+`,"channel":"x"}`); n.Connections != 1 {
			t.Errorf("%s: %+v", who, n)
		}
	}
	var list connectionsPage
	w.ok(w.get("/api/connections?channel=s/2"), &list)
	if len(list.Connections) != 1 || list.Connections[0].Connection != public || list.Connections[0].Subscriptions != 4 {
		t.Errorf("connections: %+v", list)
	}
	if text := w.get("/metrics").Body.String(); !strings.Contains(text, "tidings_grants 5") || !strings.Contains(text, `tidings_connection_ids_total{outcome="valid"} 1`) ||
		!strings.Contains(text, "tidings_subscriptions_put_total 4") {
		t.Errorf("metrics: %s", text)
	}
	do("/api/unsubscribe", `{"session":"the key of a session","channels":["s/1","s/2","x"]}`)
	w.poll(session, 0)
	if log := w.log.String(); strings.Contains(log, "the key of a session") || strings.Contains(log, id) {
		t.Errorf("a secret is in the log: %s", log)
	}
}

func TestSubscribeRefusals(t *testing.T) {
	w, _ := placed(t)
	many, err := json.Marshal(make([]string, protocol.MaxPublishChannels+1))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/subscribe", "/api/unsubscribe"} {
		for _, tt := range []struct {
			body string
			want protocol.Code
		}{
			{`{"channel":"a"}`, protocol.CodeBadRequest},
			{`{"user":"u1"}`, protocol.CodeBadRequest},
			{`{"user":"u1","session":"s","channel":"a"}`, protocol.CodeBadRequest},
			{`{"user":"","channel":"a"}`, protocol.CodeBadRequest},
			{`{"user":7,"channel":"a"}`, protocol.CodeBadRequest},
			{`{"user":"` + strings.Repeat("u", protocol.MaxNameBytes+1) + `","channel":"a"}`, protocol.CodeBadRequest},
			{`{"session":"` + strings.Repeat("s", maxSessionKey+1) + `","channel":"a"}`, protocol.CodeBadRequest},
			{`{"user":"u1","channel":"a","channels":["b"]}`, protocol.CodeBadRequest},
			{`{"user":"u1","channels":[]}`, protocol.CodeBadRequest},
			{`{"user":"u1","channels":"a"}`, protocol.CodeBadRequest},
			{`{"user":"u1","channels":` + string(many) + `}`, protocol.CodeBadRequest},
			{`{"user":"u1","channels":["a",7]}`, protocol.CodeBadRequest},
			{`{"user":"u1","channel":"a//b"}`, protocol.CodeBadChannel},
			{`{"user":"u1","channel":"$reply/x"}`, protocol.CodeForbidden},
			{`{"user":"u1","channels":["a","*"]}`, protocol.CodeBadChannel},
			{`{"user":"u1","channel":"a","data":1}`, protocol.CodeUnknownField},
			{`{"user":"u1","user":"u2","channel":"a"}`, protocol.CodeBadJSON},
			{`{"connection":"unknown","channel":"a"}`, protocol.CodeNotFound},
			{`{"connection":"not a name","channel":"a"}`, protocol.CodeNotFound},
			{`[]`, protocol.CodeBadRequest},
			{`{`, protocol.CodeBadJSON},
		} {
			t.Run(path+" "+tt.body[:min(len(tt.body), 60)], func(t *testing.T) {
				w := w.in(t)
				w.refusedWith(w.do(request{path: path, body: tt.body}), tt.want)
			})
		}
	}
	if got := w.bus.Stats().Grants; got != 0 {
		t.Errorf("%d channels were granted", got)
	}
	for i := range 2 {
		var names []string
		for j := range 80 {
			names = append(names, strings.Repeat("x", i+1)+"/"+strings.Repeat("y", j+1))
		}
		body, err := json.Marshal(map[string]any{"user": "u1", "channels": names})
		if err != nil {
			t.Fatal(err)
		}
		r := w.do(request{path: "/api/subscribe", body: string(body)})
		if i == 0 {
			w.ok(r, &granted{})
		} else {
			w.refusedWith(r, protocol.CodeLimitExceeded)
		}
	}
}

// A key puts clients where its scope lets it, and nowhere else; all of a request or nothing.
func TestSubscribeNeedsItsScope(t *testing.T) {
	w, _ := placed(t)
	header := http.Header{"Authorization": {"Bearer " + scopedKey}}
	w.ok(w.do(request{path: "/api/subscribe", header: header, body: `{"user":"u1","channel":"billing/1"}`}), &granted{})
	for _, body := range []string{`{"user":"u1","channel":"shop/1"}`, `{"user":"u1","channels":["billing/2","shop/1"]}`} {
		for _, path := range []string{"/api/subscribe", "/api/unsubscribe"} {
			w.refusedWith(w.do(request{path: path, header: header, body: body}), protocol.CodeForbidden)
		}
	}
	w.refusedWith(w.do(request{path: "/api/publish", header: header, body: `{"channel":"billing/1","data":1}`}), protocol.CodeForbidden)
	if got := w.bus.Stats().Grants; got != 1 {
		t.Errorf("%d channels were granted", got)
	}
}
