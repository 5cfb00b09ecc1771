package documents_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/client"
)

// tenant is the rows of a client: the documents of its token's tenant, and those of everybody.
const tenant = `{"in":{"tenant":["{tenant}"]}}`

// of returns a client of a user whose token names a tenant.
func (h *house) of(user, tenant string) *client.Client {
	h.Helper()
	token, err := h.signer.Sign(access.TokenClaims{Issuer: "tests", Audience: "tidings", User: user, Lifetime: time.Hour, Claims: map[string]any{"tenant": tenant}})
	if err != nil {
		h.Fatal(err)
	}
	return h.clientOf(token)
}

// With a rule that has a filter each client reads, finds, counts and writes the documents of its tenant alone: others
// are not there for it, and none is made or moved where it would not see it.
func TestRowsOfAClient(t *testing.T) {
	h := newHouse(t, func(c *actors.Config) {
		c.Rules.Channels = []access.Rule{{Pattern: "documents/crm/*", Subscribe: access.User, Write: access.User, Filter: tenant}}
	})
	for i, content := range []string{`{"tenant":"a","n":1}`, `{"tenant":"b","n":2}`, `{"tenant":"a","n":3}`, `{"n":4}`} {
		h.over("PUT", fmt.Sprintf("crm/leads/%d", i+1), content)
	}
	a, injected, none := h.of("ann", "a"), h.of("eve", `a"]}},{"in":{"tenant":["b`), h.client("nobody")
	for _, tt := range []struct {
		name string
		by   *client.Client
		call string
		want string // a part of the answer, or the code
		not  string // no part of it
	}{
		{"get", a, `"action":"get","id":"1"`, `"n":1`, ""},
		{"get of another's", a, `"action":"get","id":"2"`, "not_found", ""},
		{"mGet", a, `"action":"mGet","ids":["1","2","3","4"]`, `"missing":["2","4"]`, `"n":2`},
		{"search", a, `"action":"search","count":true`, `"total":2`, `"n":2`},
		{"search that asks for another's", a, `"action":"search","filter":{"equals":{"tenant":"b"}},"count":true`, `"total":0`, `"n":2`},
		{"search with or", a, `"action":"search","filter":{"or":[{"equals":{"tenant":"b"}},{"exists":"n"}]},"count":true`, `"total":2`, `"n":2`},
		{"search with not", a, `"action":"search","filter":{"not":{"equals":{"tenant":"a"}}},"count":true`, `"total":0`, `"n":2`},
		{"patch", a, `"action":"patch","id":"1","content":{"n":11}`, `"event":"patched"`, ""},
		{"patch of another's", a, `"action":"patch","id":"2","content":{"n":0}`, "not_found", ""},
		{"patch of another's with a wrong version", a, `"action":"patch","id":"2","content":{"n":0},"version":1`, "not_found", ""},
		{"patch that gives it away", a, `"action":"patch","id":"1","content":{"tenant":"b"}`, "forbidden", ""},
		{"put on another's", a, `"action":"put","id":"2","content":{"tenant":"a"}`, "forbidden", ""},
		{"create for another", a, `"action":"create","content":{"tenant":"b"}`, "forbidden", ""},
		{"remove of another's", a, `"action":"remove","id":"2"`, "not_found", ""},
		{"bulk", a, `"action":"mRemove","operations":[{"id":"2"},{"id":"3"}]`, `{"results":[{"id":"2","error":{"code":"not_found"`, ""},
		{"truncate", a, `"action":"truncate"`, "forbidden", ""},
		{"drop", a, `"action":"dropCollection"`, "forbidden", ""},
		{"by query over all", a, `"action":"patchByQuery","filter":{},"content":{"seen":true}`, `{"matched":1,"changed":1,"complete":true}`, ""},
		{"by query that gives away", a, `"action":"patchByQuery","filter":{},"content":{"tenant":"b"}`, "forbidden", ""},
		{"a claim that looks like a filter", injected, `"action":"search","count":true`, `"total":0`, `"n":`},
		{"no claim, nothing", none, `"action":"search","count":true`, "", `"n":`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := h.call(tt.by, `{"collection":"crm/leads",`+tt.call+`}`)
			if !strings.Contains(got, tt.want) || tt.not != "" && strings.Contains(got, tt.not) {
				t.Errorf("%s\ngot  %s\nwant %s, and not %q", tt.call, got, tt.want, tt.not)
			}
		})
	}
	for id, want := range map[string]string{"1": `"n":11`, "2": `"tenant":"b","n":2`, "4": `"n":4`} {
		if got := h.over("GET", "crm/leads/"+id, ""); !strings.Contains(got, want) || (id != "1") == strings.Contains(got, "seen") {
			t.Errorf("document %s is %s", id, got)
		}
	}
}
