package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"tidings/internal/sparse"
)

// B122: whatever a client is refused for, and however often, the log has one line of it in a minute, with code, reason
// and origin, and then one with the number of the others.
func TestB122_RefusalsDoNotFloodTheLog(t *testing.T) {
	var out bytes.Buffer
	handler := sparse.New(slog.NewJSONHandler(&out, nil))
	w := start(t, func(c *Config) { c.Log = slog.New(handler) })
	page := http.Header{"Origin": {"https://evil.example"}}
	const often = 300
	rows := map[string]struct {
		request request
		code    string
	}{
		"no such URL":            {request{path: "/nothing", header: page, noKey: true}, "not_found"},
		"another path, likewise": {request{path: "/nothing/%d", header: page, noKey: true}, "not_found"},
		"no key":                 {request{path: "/api/publish", body: "{}", header: page, noKey: true}, "unauthorized"},
		"a bad body":             {request{path: "/api/publish", body: "{", header: page}, "bad_json"},
		"a page elsewhere":       {request{path: "/bus/poll?channel=a", header: page, noKey: true}, "origin_forbidden"},
		"a bad channel":          {request{path: "/bus/poll?channel=$a", noKey: true}, "forbidden"},
		"a method":               {request{method: "PUT", path: "/bus/send", body: "{}", noKey: true}, "method_not_allowed"},
	}
	codes := map[string]bool{}
	for name, row := range rows {
		codes[row.code] = true
		for i := range often {
			q := row.request
			if strings.Contains(q.path, "%d") {
				q.path = fmt.Sprintf(q.path, i)
			}
			if r := w.do(q); r.Code < 400 {
				t.Fatalf("%s: got %d %s", name, r.Code, r.Body)
			}
		}
	}
	type line struct {
		Msg, Code, Reason, Origin string
		Repeated                  int
	}
	read := func() (list []line) {
		for text := range strings.Lines(out.String()) {
			var l line
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatal(err)
			}
			list = append(list, l)
		}
		out.Reset()
		return list
	}
	first := read()
	if len(first) != len(codes) {
		t.Errorf("%d requests made %d lines, want one for each of %d reasons: %v", often*len(rows), len(first), len(codes), first)
	}
	for _, l := range first {
		if !codes[l.Code] || l.Reason == "" || l.Origin != "https://evil.example" && l.Code != "forbidden" && l.Code != "method_not_allowed" {
			t.Errorf("the line %+v lacks its code, reason or origin", l)
		}
	}
	handler.Flush()
	repeated := 0
	for _, l := range read() {
		repeated += l.Repeated
	}
	if want := often*len(rows) - len(codes); repeated != want {
		t.Errorf("%d lines were left out and counted, want %d", repeated, want)
	}
}
