package documents_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
	"tidings/client"
	"tidings/documents"
	"tidings/httpapi"
	"tidings/internal/memnet"
	"tidings/protocol"
	"tidings/store"
	"tidings/store/sqlite"
	"tidings/store/storetest"
)

const apiKey = "a-key-of-these-tests-0123456789"

// house is the whole server over a network in memory: store, bus and API.
type house struct {
	testing.TB
	bus    *actors.Bus
	store  store.Store
	http   *http.Client
	signer *access.Signer
}

func newHouse(t *testing.T, change ...func(*actors.Config)) *house {
	t.Helper()
	return newHouseAt(t, filepath.Join(storetest.Folder(t), "d.db"), change...)
}

func newHouseAt(t testing.TB, path string, change ...func(*actors.Config)) *house {
	t.Helper()
	s, err := sqlite.Open(sqlite.Config{Path: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return newHouseOf(t, s, change...)
}

// newHouseOf makes a house of a store, which ends with it.
func newHouseOf(t testing.TB, s store.Store, change ...func(*actors.Config)) *house {
	t.Helper()
	secret := []byte("a secret of these tests, of more than 32 bytes")
	quiet := slog.New(slog.DiscardHandler)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tokens, err := access.NewTokens(access.TokenConfig{Issuer: "tests", Audience: "tidings", Secret: secret})
	must(err)
	signer, err := access.NewSigner(secret)
	must(err)
	keys, err := access.NewKeys(apiKey)
	must(err)
	mem := memory.New(memory.DefaultConfig())
	cfg := actors.Config{Broker: mem, Tokens: tokens, Logger: quiet, Documents: documents.Calls(s), Rules: access.Rules{Channels: []access.Rule{
		{Pattern: "documents/city/*", Subscribe: access.Anyone, Write: access.User},
		{Pattern: "documents/box/*", Subscribe: access.Nobody, Write: access.Anyone},
		{Pattern: "documents/home/{user}", Subscribe: access.User, Write: access.User},
	}}}
	for _, f := range change {
		f(&cfg)
	}
	bus, err := actors.Start(cfg)
	must(err)
	c := httpapi.DefaultConfig()
	c.Log, c.Documents, c.Keys = quiet, httpapi.Documents{Store: s}, keys
	api, err := httpapi.New(bus, c)
	must(err)
	lis, server := memnet.Listen(), api.Server("")
	go server.Serve(lis)
	transport := &http.Transport{DialContext: lis.DialContext}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		api.Close()
		server.Close()
		bus.Stop()
		mem.Close()
		s.Close()
		tokens.Close()
	})
	return &house{TB: t, bus: bus, store: s, http: &http.Client{Transport: transport}, signer: signer}
}

// client returns a client of a user, "" for an anonymous one.
func (h *house) client(user string) *client.Client {
	h.Helper()
	if user == "" {
		return h.clientOf("")
	}
	token, err := h.signer.Sign(access.TokenClaims{Issuer: "tests", Audience: "tidings", User: user, Lifetime: time.Hour})
	if err != nil {
		h.Fatal(err)
	}
	return h.clientOf(token)
}

func (h *house) clientOf(token string) *client.Client {
	h.Helper()
	c, err := client.New(client.Config{URL: "http://bus.test/bus", Token: token, HTTPClient: h.http, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(c.Close)
	return c
}

// call makes a document call and returns the answer, or the error's code.
func (h *house) call(c *client.Client, data string, opts ...client.PublishOption) string {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), time.Minute)
	defer cancel()
	answer, err := c.Call(ctx, "document", json.RawMessage(data), opts...)
	var fault *protocol.Error
	switch {
	case errors.As(err, &fault):
		if fault.Hint == "" {
			h.Errorf("%s: the error %q has no hint", data, fault.Reason)
		}
		return string(fault.Code)
	case err != nil:
		h.Fatalf("%s: %v", data, err)
	}
	return string(answer)
}

// over makes the same request over HTTP, and returns the answer, or the error's code.
func (h *house) over(method, path, body string) string {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, "http://bus.test/api/documents/"+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+apiKey)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := h.http.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer answer.Body.Close()
	var raw json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&raw); err != nil {
		h.Fatal(err)
	}
	var refused struct{ Error struct{ Code string } }
	if json.Unmarshal(raw, &refused); refused.Error.Code != "" {
		return refused.Error.Code
	}
	return string(raw)
}

// Each action is answered as the HTTP API answers it. What changes with the moment is cut away.
func TestCallsAnswerAsHTTPDoes(t *testing.T) {
	h := newHouse(t)
	ann := h.client("ann")
	for _, tt := range []struct {
		name, call         string
		method, path, body string
		want               string
	}{
		{"create", `{"action":"create","content":{"n":1}}`, "POST", "", `{"n":1}`, `{"event":"created"`},
		{"put", `{"action":"put","id":"a","content":{"n":1}}`, "PUT", "/a", `{"n":1}`, `{"event":"created"`},
		{"put again", `{"action":"put","id":"a","content":{"n":2,"o":{"x":1}}}`, "PUT", "/a", `{"n":2,"o":{"x":1}}`, `{"event":"updated"`},
		{"get", `{"action":"get","id":"a"}`, "GET", "/a", "", `{"_id":"a"`},
		{"patch", `{"action":"patch","id":"a","content":{"o":{"y":2}}}`, "PATCH", "/a", `{"o":{"y":2}}`, `{"event":"patched"`},
		{"upsert", `{"action":"upsert","id":"u","content":{"n":3}}`, "PATCH", "/u?upsert=true", `{"n":3}`, `{"event":"created"`},
		{"mGet", `{"action":"mGet","ids":["u","nobody","a"]}`, "POST", "/_get", `{"ids":["u","nobody","a"]}`, `{"documents":[{"_id":"u"`},
		{"mGet of none", `{"action":"mGet","ids":[]}`, "POST", "/_get", `{"ids":[]}`, "bad_request"},
		{"search", `{"action":"search","filter":{"exists":"o.x"},"sort":["-n"],"limit":1,"count":true}`, "POST", "/_search", `{"filter":{"exists":"o.x"},"sort":["-n"],"limit":1,"count":true}`, `{"documents":[{"_id":"a"`},
		{"a filter that is none", `{"action":"search","filter":{"equals":{}}}`, "POST", "/_search", `{"filter":{"equals":{}}}`, "bad_filter"},
		{"bulk", `{"action":"bulk","operations":[{"action":"patch","id":"a","content":{"n":4}},{"action":"replace","id":"nobody","content":{}}]}`, "POST", "/_bulk", `{"operations":[{"action":"patch","id":"a","content":{"n":4}},{"action":"replace","id":"nobody","content":{}}]}`, `{"results":[{"id":"a"`},
		{"mPut", `{"action":"mPut","operations":[{"id":"m","content":{"n":5}}]}`, "POST", "/_bulk", `{"operations":[{"action":"put","id":"m","content":{"n":5}}]}`, `{"results":[{"id":"m"`},
		{"patchByQuery", `{"action":"patchByQuery","filter":{"equals":{"n":5}},"content":{"q":1}}`, "POST", "/_by_query", `{"filter":{"equals":{"n":5}},"action":"patch","content":{"q":1}}`, `{"matched":1,"changed":1,"complete":true}`},
		{"removeFields", `{"action":"bulk","operations":[{"action":"removeFields","id":"a","fields":["o.x"]}]}`, "POST", "/_bulk", `{"operations":[{"action":"removeFields","id":"a","fields":["o.x"]}]}`, `{"results":[{"id":"a"`},
		{"removeByQuery", `{"action":"removeByQuery","filter":{"equals":{"q":1}}}`, "POST", "/_by_query", `{"filter":{"equals":{"q":1}},"action":"remove"}`, `{"matched":1,"changed":1,"complete":true}`},
		{"by query without a filter", `{"action":"removeByQuery"}`, "POST", "/_by_query", `{"action":"remove"}`, "bad_request"},
		{"remove", `{"action":"remove","id":"a"}`, "DELETE", "/a", "", `{"event":"removed"`},
		{"remove what is gone", `{"action":"remove","id":"a"}`, "DELETE", "/a", "", "not_found"},
		{"get what is gone", `{"action":"get","id":"a"}`, "GET", "/a", "", "not_found"},
		{"an id that is none", `{"action":"get","id":".."}`, "GET", "/..", "", "bad_request"},
		{"content with the store's members", `{"action":"put","id":"a","content":{"_id":"b"}}`, "PUT", "/a", `{"_id":"b"}`, "bad_request"},
		{"no object", `{"action":"put","id":"a","content":7}`, "PUT", "/a", `7`, "bad_request"},
		{"an unknown field", `{"action":"search","offset":1}`, "POST", "/_search", `{"offset":1}`, "unknown_field"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			call := h.call(ann, strings.Replace(tt.call, "{", `{"collection":"city/wire",`, 1))
			web := h.over(tt.method, "city/web"+tt.path, tt.body)
			if !strings.HasPrefix(call, tt.want) {
				t.Errorf("%s\ngot  %s\nwant %s…", tt.call, call, tt.want)
			}
			if a, b := timeless(call), timeless(web); a != b {
				t.Errorf("%s\nover the wire %s\nover HTTP     %s", tt.call, a, b)
			}
		})
	}
}

// timeless cuts away what differs between two collections that are written in turn.
func timeless(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	var cut func(v any)
	cut = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				switch name {
				case "_version", "version", "createdAt", "updatedAt", "before", "next", "author", "updater":
					v[name] = "…"
				case "id", "_id":
					if len(fmt.Sprint(inner)) > 20 { // it was drawn
						v[name] = "…"
					}
				}
				cut(inner)
			}
		case []any:
			for _, inner := range v {
				cut(inner)
			}
		}
	}
	cut(v)
	out, _ := json.Marshal(v)
	return string(out)
}

// Reading is the rule's subscribe, writing its write, and what backends alone may say is no field for clients.
func TestWhoMayCall(t *testing.T) {
	h := newHouse(t)
	ann, ben, nobody := h.client("ann"), h.client("ben"), h.client("")
	for _, tt := range []struct {
		name string
		by   *client.Client
		call string
		want string
	}{
		{"a user writes", ann, `{"action":"put","collection":"city/cars","id":"a","content":{}}`, `{"event":"created","id":"a"`},
		{"an anonymous client does not", nobody, `{"action":"put","collection":"city/cars","id":"a","content":{}}`, "forbidden"},
		{"nor by query", nobody, `{"action":"removeByQuery","collection":"city/cars","filter":{}}`, "forbidden"},
		{"but reads", nobody, `{"action":"get","collection":"city/cars","id":"a"}`, `{"_id":"a"`},
		{"the home of ann is hers", ann, `{"action":"put","collection":"home/ann","id":"a","content":{}}`, `{"event":"created"`},
		{"and not ben's to read", ben, `{"action":"search","collection":"home/ann"}`, "forbidden"},
		{"or to write", ben, `{"action":"remove","collection":"home/ann","id":"a"}`, "forbidden"},
		{"who may write and not read gets no document", nobody, `{"action":"put","collection":"box/letters","id":"a","content":{"secret":1}}`, `{"event":"created","id":"a","version":3}`},
		{"not that of another either", nobody, `{"action":"patch","collection":"box/letters","id":"a","content":{}}`, `{"event":"patched","id":"a","version":4}`},
		{"and reads none", nobody, `{"action":"get","collection":"box/letters","id":"a"}`, "forbidden"},
		{"no rule, nothing", ann, `{"action":"get","collection":"other/x","id":"a"}`, "forbidden"},
		{"silent is for backends", ann, `{"action":"put","collection":"city/cars","id":"a","content":{},"silent":true}`, "unknown_field"},
		{"and so is the user", ann, `{"action":"put","collection":"city/cars","id":"a","content":{},"user":"ben"}`, "unknown_field"},
		{"an action that does not exist", ann, `{"action":"drop","collection":"city/cars"}`, "bad_request"},
		{"an action of prototypes", ann, `{"action":"constructor","collection":"city/cars"}`, "bad_request"},
		{"no collection", ann, `{"action":"search"}`, "bad_request"},
		{"a collection with a wildcard", ann, `{"action":"search","collection":"city/*"}`, "bad_request"},
		{"a path instead of a collection", ann, `{"action":"search","collection":"city/cars/a"}`, "bad_request"},
		{"no data at all", ann, `null`, "bad_request"},
		{"an array", ann, `[]`, "bad_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := h.call(tt.by, tt.call); !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s\ngot  %s\nwant %s…", tt.call, got, tt.want)
			}
		})
	}
	if got := h.call(ann, `{"action":"get","collection":"city/cars","id":"a"}`); !strings.Contains(got, `"author":"ann"`) {
		t.Errorf("the author is not the user of the token: %s", got)
	}
}

// A write that is repeated with its key, by another connection of the user, is made once.
func TestAWriteIsMadeOnce(t *testing.T) {
	h := newHouse(t)
	const write = `{"action":"create","collection":"city/cars","content":{"n":1}}`
	first := h.call(h.client("ann"), write, client.Key("k1"))
	if again := h.call(h.client("ann"), write, client.Key("k1")); again != first {
		t.Errorf("the repetition was answered %s, after %s", again, first)
	}
	if other := h.call(h.client("ben"), write, client.Key("k1")); other == first || !strings.HasPrefix(other, `{"event":"created"`) {
		t.Errorf("the same key of another user was answered %s", other)
	}
	if got := h.call(h.client("ann"), strings.Replace(write, "1", "2", 1), client.Key("k1")); got != "idempotency_conflict" {
		t.Errorf("another request with the key was answered %s", got)
	}
}

// A page of long documents ends early and goes on with next, and a document as deep as may be arrives.
func TestPagesFitTheWire(t *testing.T) {
	h := newHouse(t)
	ann := h.client("ann")
	deep := strings.Repeat(`{"a":`, 30) + "1" + strings.Repeat("}", 30)
	for i := range 8 {
		h.over("PUT", fmt.Sprintf("city/cars/%d", i), fmt.Sprintf(`{"deep":%s,"text":%q}`, deep, strings.Repeat("x", 60_000)))
	}
	var got, pages int
	for after := ""; ; pages++ {
		answer := h.call(ann, fmt.Sprintf(`{"action":"search","collection":"city/cars"%s}`, after))
		var page struct {
			Documents []json.RawMessage
			Next      string
		}
		if err := json.Unmarshal([]byte(answer), &page); err != nil || len(answer) > protocol.RecoveryPageBytes+1000 {
			t.Fatalf("an answer of %d bytes: %.200s", len(answer), answer)
		}
		if got += len(page.Documents); page.Next == "" {
			break
		}
		after = fmt.Sprintf(`,"after":%q`, page.Next)
	}
	if got != 8 || pages < 1 {
		t.Errorf("%d documents in %d pages, want 8 in several", got, pages+1)
	}
	var many struct {
		Documents     []json.RawMessage
		Missing, Left []string
	}
	json.Unmarshal([]byte(h.call(ann, `{"action":"mGet","collection":"city/cars","ids":["nobody","0","1","2","3","4","5"]}`)), &many)
	if len(many.Documents) != 4 || fmt.Sprint(many.Missing, many.Left) != "[nobody] [4 5]" {
		t.Errorf("mGet returns %d documents, missing %v, left %v; want 4, [nobody], [4 5]", len(many.Documents), many.Missing, many.Left)
	}
}

// The application decides of reading as it does of subscriptions.
func TestTheApplicationIsAsked(t *testing.T) {
	h := newHouse(t, func(c *actors.Config) {
		c.Hooks.Subscribe = func(_ context.Context, by actors.Caller, ch protocol.Channel) error {
			if by.Identity.User == "ben" {
				return &protocol.Error{Code: protocol.CodeForbidden, Reason: "not ben", Hint: "Ask."}
			}
			return nil
		}
	})
	ann, ben := h.client("ann"), h.client("ben")
	h.call(ann, `{"action":"put","collection":"city/cars","id":"a","content":{}}`)
	if got := h.call(ann, `{"action":"get","collection":"city/cars","id":"a"}`); !strings.HasPrefix(got, `{"_id":"a"`) {
		t.Errorf("ann reads %s", got)
	}
	if got := h.call(ben, `{"action":"get","collection":"city/cars","id":"a"}`); got != "forbidden" {
		t.Errorf("ben reads %s", got)
	}
	if got := h.call(ben, `{"action":"patch","collection":"city/cars","id":"a","content":{"n":1}}`); !strings.HasPrefix(got, `{"event":"patched"`) || strings.Contains(got, "document") {
		t.Errorf("ben, who may write and not read, was answered %s", got)
	}
}

func TestNoStoreNoDocuments(t *testing.T) {
	h := newHouse(t, func(c *actors.Config) { c.Documents = nil })
	if got := h.call(h.client("ann"), `{"action":"get","collection":"city/cars","id":"a"}`); got != "unsupported" {
		t.Errorf("got %s", got)
	}
}
