package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"tidings/access"
	"tidings/protocol"
)

const scopedKey = "the-key-of-billing-0123456789abcdef"

// scoped starts a world with a second key, which has these scopes.
func scoped(t *testing.T, scopes string) (*world, http.Header) {
	t.Helper()
	w := start(t, func(c *Config) {
		var err error
		if c.Keys, err = access.NewKeys(key, "billing "+scopedKey+" "+scopes); err != nil {
			t.Fatal(err)
		}
		c.Metrics = MetricsNobody
	})
	return w, http.Header{"Authorization": {"Bearer " + scopedKey}}
}

// Whatever route there is, a key that has none of its scopes is refused, also on routes that come later.
func TestEveryRouteAsksForAScope(t *testing.T) {
	open := map[string]bool{"/api/openapi.yaml": true, "/api/reply": true} // the latter asks for a signature instead
	for _, scopes := range []string{"metrics", "publish=elsewhere read=elsewhere admin=elsewhere"} {
		w, header := scoped(t, scopes)
		n := 0
		for _, r := range w.api.engine.Routes() {
			if !strings.HasPrefix(r.Path, "/api/") && r.Path != "/metrics" || open[r.Path] || r.Method+r.Path == "GET/api/session" || scopes == "metrics" == (r.Path == "/metrics") {
				continue
			}
			n++
			q := request{method: r.Method, path: r.Path, header: header}
			if r.Method == http.MethodPost {
				q.body = `{"channel":"a","data":1,"event":"e","connection":"x"}`
				switch r.Path {
				case "/api/publish":
					q.body = `{"channel":"a","data":1}`
				case "/api/batch":
					q.body = `{"items":[{"channel":"a","data":1}]}`
				case "/api/filter/explain":
					q.body = `{"channel":"a","filter":{},"document":1}`
				}
			} else if scopes != "metrics" {
				q.path += map[string]string{
					"/api/history": "?channel=a", "/api/why": "?channel=a&offset=1&connection=x", "/api/connections": "?channel=a", "/api/presence": "?channel=a",
				}[r.Path]
			}
			if scopes != "metrics" && (r.Path == "/api/channels" || r.Path == "/api/tail") {
				continue // these leave out what the key may not see: tests of their own
			}
			answer := w.do(q)
			if r.Path == "/api/batch" && scopes != "metrics" {
				if answer.Code != 200 || !strings.Contains(answer.Body.String(), `"code":"forbidden"`) {
					t.Errorf("%s %s: got %d %s", r.Method, r.Path, answer.Code, answer.Body)
				}
				continue
			}
			w.refusedWith(answer, protocol.CodeForbidden)
		}
		if n < 1 || scopes == "metrics" && n < 9 {
			t.Errorf("%d routes were asked", n)
		}
	}
}

func TestAScopedKeyPublishesToItsChannelsOnly(t *testing.T) {
	w, header := scoped(t, "publish=billing/** read=billing/*")
	do := func(path, body string) request { return request{path: path, body: body, header: header} }
	w.ok(w.do(do("/api/publish", `{"channel":"billing/new","data":1}`)), &published{})
	r := w.do(do("/api/publish", `{"channel":"shop/new","data":1}`))
	w.refusedWith(r, protocol.CodeForbidden)
	if body := r.Body.String(); !strings.Contains(body, "publish=billing/** read=billing/*") || strings.Contains(body, scopedKey) {
		t.Errorf("the hint must name the scopes and not the key: %s", body)
	}
	r = w.do(do("/api/publish", `{"channels":["billing/a","shop/a"],"data":1}`))
	if got := r.Body.String(); r.Code != 200 || strings.Count(got, `"offset":1`) != 1 || strings.Count(got, `"code":"forbidden"`) != 1 {
		t.Errorf("several: got %d %s", r.Code, got)
	}
	w.ok(w.do(do("/api/history?channel=billing/new", "")), &struct{}{})
	w.refusedWith(w.do(do("/api/history?channel=shop/new", "")), protocol.CodeForbidden)
	w.refusedWith(w.do(do("/api/send", `{"all":true,"event":"e","data":1}`)), protocol.CodeForbidden)
	w.refusedWith(w.do(do("/metrics", "")), protocol.CodeForbidden)
	if line := w.log.String(); !strings.Contains(line, `"key":"name:billing"`) || strings.Contains(line, scopedKey) {
		t.Errorf("the log must name the key and not show it: %s", line)
	}
}

// A list leaves out what the key may not see, and its pages are as full as others.
func TestListsLeaveOutOtherChannels(t *testing.T) {
	w, header := scoped(t, "read=b/* admin=b/*")
	for _, name := range []string{"a/1", "b/1", "b/2", "b/3/x", "c"} {
		w.connect(name)
	}
	var page channelsPage
	w.ok(w.do(request{path: "/api/channels?limit=2", header: header}), &page)
	if len(page.Channels) != 2 || page.Channels[0].Channel != "b/1" || page.Channels[1].Channel != "b/2" || page.After != "" {
		t.Errorf("got %+v", page)
	}
	w.ok(w.do(request{path: "/api/connections?channel=b/1", header: header}), &connectionsPage{})
	w.refusedWith(w.do(request{path: "/api/connections?channel=c", header: header}), protocol.CodeForbidden)
	w.refusedWith(w.do(request{path: "/api/connections", header: header}), protocol.CodeForbidden)
}
