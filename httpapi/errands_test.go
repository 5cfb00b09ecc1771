package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tidings/access"
	"tidings/protocol"
	"tidings/transports"
)

// clerk is a language over HTTP: it asks the bus what the body of each request says, and answers with what the bus
// answered.
type clerk struct{ mute }

func (clerk) Serves(r *http.Request) bool { return r.URL.Path != "/nothing" }
func (clerk) Headers() string             { return "X-Clerk" }

func (clerk) Run(e *transports.Errand) (int, []byte) {
	if e.Fault != nil {
		return e.Fault.Code.Row().HTTP, protocol.AppendError(nil, e.Fault)
	}
	frames, err := protocol.DecodeClientFrames(e.Body)
	if err != nil {
		return 400, []byte(`"no frames"`)
	}
	said := []string{e.Backend}
	for i := range frames {
		frames[i].Origin = []byte(`{}`)
	}
	for _, f := range e.Ask(frames) {
		said = append(said, f.Type+" "+string(f.Code)+string(f.Data))
	}
	answer, _ := json.Marshal(said)
	return 200, answer
}

const publishFrame = `[{"type":"publish","id":1,"channel":"documents/city/cars","data":{"a":1}}]`

func TestErrandsOfBackends(t *testing.T) {
	const scoped, admin = "a-key-that-only-publishes-0123456789", "a-key-that-may-not-publish-0123456789"
	keys, err := access.NewKeys(key, "desk "+scoped+" publish=documents/city/*", "watch "+admin+" admin=*")
	if err != nil {
		t.Fatal(err)
	}
	w := startDocuments(t, func(c *Config) { c.Keys, c.Gateways = keys, []Gateway{{Path: "/", Language: clerk{}}} })
	call := func(data string) string {
		return `[{"type":"call","id":1,"method":"document","data":` + data + `}]`
	}
	for _, row := range []struct{ name, key, body, want string }{
		{"publish", key, publishFrame, "reply "},
		{"publish within a scope", scoped, publishFrame, "reply "},
		{"publish beyond it", scoped, strings.Replace(publishFrame, "city", "town", 1), "error forbidden"},
		{"publish without it", admin, publishFrame, "error forbidden"},
		{"write", key, call(`{"action":"create","collection":"city/cars","id":"a","content":{"n":1}}`), `"n\":1`},
		{"write what is there", key, call(`{"action":"create","collection":"city/cars","id":"a","content":{"n":1}}`), "error version_conflict"},
		{"write without the scope", scoped, call(`{"action":"create","collection":"city/cars","content":{"n":1}}`), "error forbidden"},
		{"read", key, call(`{"action":"get","collection":"city/cars","id":"a"}`), `"_id\":\"a\"`},
		{"read without the scope", scoped, call(`{"action":"get","collection":"city/cars","id":"a"}`), "error forbidden"},
		{"list", key, call(`{"action":"collections"}`), "city/cars"},
		{"list without the scope", scoped, call(`{"action":"collections"}`), `collections\":[]`},
		{"another call", key, `[{"type":"call","id":1,"method":"sign_in","data":{}}]`, "error unsupported"},
		{"subscribe", key, `[{"type":"subscribe","id":1,"channel":"a"}]`, "error unsupported"},
		{"a key that nobody has", "no-key-at-all", publishFrame, `"code":"unauthorized"`},
		{"nobody", "", publishFrame, `["","reply "]`},
		{"a token, which is no key", "a.b.c", publishFrame, `["","reply "]`},
	} {
		q := request{path: "/x/y", body: row.body, noKey: true, header: http.Header{}}
		if row.key != "" {
			q.header.Set("Authorization", "Bearer "+row.key)
		}
		if got := w.do(q); !strings.Contains(got.Body.String(), row.want) {
			t.Errorf("%s: got %s, want %s in it", row.name, got.Body, row.want)
		}
	}
	if log := w.log.String(); strings.Contains(log, key) || strings.Contains(log, scoped) {
		t.Error("a key is in the log")
	}
}

// A gateway has the URLs that nobody else has: none whose first part is that of a route of ours.
func TestURLsOfErrands(t *testing.T) {
	w := start(t, func(c *Config) { c.Gateways = []Gateway{{Path: "/", Language: clerk{}}} })
	for path, want := range map[string]string{
		"/x/y/z": "clerk", "/_query": "clerk", "/_login/local": "clerk",
		"/nothing": "not_found", "/api/x/y": "not_found", "/bus/x/y": "not_found", "/client": "not_found", "/metrics/x": "not_found",
	} {
		got := w.do(request{path: path, body: publishFrame, noKey: true}).Body.String()
		if strings.HasPrefix(got, `["","reply`) != (want == "clerk") || want != "clerk" && !strings.Contains(got, want) {
			t.Errorf("%s is answered %s, want %s", path, got, want)
		}
	}
	off := start(t)
	if got := off.do(request{path: "/_query", body: "{}", noKey: true}); got.Code != 404 || !strings.Contains(got.Body.String(), "gateways.kuzzle") {
		t.Errorf("without the gateway got %d %s", got.Code, got.Body)
	}
}
