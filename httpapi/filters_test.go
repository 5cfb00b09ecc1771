package httpapi

import (
	"encoding/json"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"tidings/protocol"
)

func TestExplainFilter(t *testing.T) {
	w := start(t)
	for _, tt := range []struct{ name, body, want string }{
		{
			"it matches", `{"channel":"taxis","filter":{"in":{"type":["taxi"]}},"document":{"type":"taxi"}}`,
			`{"matches":true,"conditions":[{"path":"","field":"type","operator":"equals","not":false,"wanted":"taxi","type":"string","found":"taxi","holds":true}],"canonical":{"equals":{"type":"taxi"}},"counted":1,"room":"xKhOJo0nK6TE35eQsiJmYQ"}`,
		},
		{
			"the condition that decided", `{"filter":{"and":[{"range":{"seats":{"gte":4}}},{"exists":"driver"}]},"document":{"seats":2,"driver":1}}`,
			`{"matches":false,"conditions":[{"path":"/and/1","field":"seats","operator":"range","not":false,"wanted":{"gte":4},"type":"number","found":2,"holds":false}],"canonical":{"and":[{"exists":"driver"},{"range":{"seats":{"gte":4}}}]},"counted":2}`,
		},
		{"everything", `{"filter":null,"document":7}`, `{"matches":true,"conditions":[],"canonical":{},"counted":0}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := w.in(t).post("/api/filter/explain", tt.body)
			var got, want any
			json.Unmarshal(r.Body.Bytes(), &got)
			json.Unmarshal([]byte(tt.want), &want)
			if r.Code != 200 || !reflect.DeepEqual(got, want) {
				t.Errorf("%s\ngot  %d %s\nwant %s", tt.body, r.Code, r.Body, tt.want)
			}
		})
	}
}

func TestExplainFilterRefuses(t *testing.T) {
	w := start(t)
	long := `"` + strings.Repeat("x", maxExplainBytes) + `"`
	for _, tt := range []struct {
		name, body string
		code       protocol.Code
		says       string
	}{
		{"a filter that is none", `{"filter":{"and":[{"range":{"seats":{"gte":4,"gt":3}}}]},"document":1}`, protocol.CodeBadFilter, `"and.range.seats"`},
		{"too many conditions", `{"filter":{"ids":{"values":["a"` + strings.Repeat(`,"b"`, 100) + `]}},"document":1}`, protocol.CodeFilterTooComplex, "conditions: 101"},
		{"no filter", `{"document":1}`, protocol.CodeBadRequest, `"filter" is missing`},
		{"no document", `{"filter":{}}`, protocol.CodeBadRequest, `"document" is missing`},
		{"an unknown field", `{"filter":{},"document":1,"filters":{}}`, protocol.CodeUnknownField, `"filters"`},
		{"no channel's name", `{"filter":{},"document":1,"channel":"a b"}`, protocol.CodeBadChannel, ""},
		{"too long", `{"filter":{},"document":` + long + `}`, protocol.CodeTooLarge, "65536"},
		{"no JSON", `{"filter":{},"document":{]}`, protocol.CodeBadJSON, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := w.in(t).post("/api/filter/explain", tt.body)
			w.in(t).refusedWith(r, tt.code)
			if !strings.Contains(strings.ReplaceAll(r.Body.String(), `\"`, `"`), tt.says) {
				t.Errorf("it does not say %q: %s", tt.says, r.Body)
			}
		})
	}
}

// Pages stand below the demo, under the same policy.
func TestDemoPages(t *testing.T) {
	page := func(c *Config) {
		c.DemoPages = map[string]fs.FS{"filters": fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>filters</title>")}}}
	}
	for _, base := range []string{"", "/tidings"} {
		w := start(t, withDemo, page, func(c *Config) { c.BasePath = base })
		r := w.get(base + "/demo/filters/")
		if r.Code != 200 || !strings.Contains(r.Body.String(), "filters") || !strings.Contains(r.Header().Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("got %d %v %s", r.Code, r.Header(), r.Body)
		}
		if r := w.get(base + "/demo/filters"); r.Code != 302 || r.Header().Get("Location") != "filters/" {
			t.Errorf("without the slash: got %d %v", r.Code, r.Header())
		}
		if r := w.get(base + "/demo/"); r.Code != 200 || !strings.Contains(r.Body.String(), "demo") {
			t.Errorf("the demo: got %d %s", r.Code, r.Body)
		}
	}
	w := start(t, withDemo)
	w.refusedWith(w.get("/demo/filters/"), protocol.CodeNotFound)
	w.refusedWith(w.get("/demo/filters"), protocol.CodeNotFound)
	cfg := DefaultConfig()
	if page(&cfg); cfg.Validate() == nil {
		t.Error("pages without a demo were taken")
	}
}
