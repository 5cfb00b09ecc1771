package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/protocol"
)

const opsKey = "the-key-of-operators-0123456789"

// admins starts a world with a key named ops, beside that of the tests.
func admins(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	return start(t, append([]func(*Config){func(c *Config) {
		var err error
		if c.Keys, err = access.NewKeys(key, "ops "+opsKey+" admin=** publish=**", "part "+scopedKey+" admin=orders/**"); err != nil {
			t.Fatal(err)
		}
	}}, change...)...)
}

// signIn signs in with a key, as a page over https, and returns the cookie and the answer.
func (w *world) signIn(key string, header http.Header) (*http.Cookie, *httptest.ResponseRecorder) {
	w.Helper()
	h := http.Header{"Authorization": {"Bearer " + key}, "Origin": {"https://example.com"}, "Sec-Fetch-Site": {"same-origin"}}
	for name, values := range header {
		h[name] = values
	}
	r := w.do(request{method: "POST", path: "/api/session", header: h, noKey: true})
	for _, c := range r.Result().Cookies() {
		return c, r
	}
	return nil, r
}

// as returns the headers of a request of the page with a cookie.
func as(c *http.Cookie, more ...string) http.Header {
	h := http.Header{"Cookie": {c.Name + "=" + c.Value}, "Tidings-Admin": {"1"}, "Sec-Fetch-Site": {"same-origin"}}
	for i := 0; i < len(more); i += 2 {
		if h[more[i]] = []string{more[i+1]}; more[i+1] == "" {
			delete(h, more[i])
		}
	}
	return h
}

// The key is shown once: then a cookie stands in for it that no script can read and no other site can use.
func TestVisit(t *testing.T) {
	w := admins(t)
	cookie, r := w.signIn(opsKey, nil)
	var got visit
	w.ok(r, &got)
	if !got.On || got.Key != "ops" || strings.Join(got.Scopes, " ") != "admin=** publish=**" || got.Ends == 0 {
		t.Errorf("signed in: %+v", got)
	}
	if cookie == nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || !cookie.Secure || cookie.Path != "/" || cookie.Domain != "" || strings.Contains(cookie.Value, opsKey) {
		t.Fatalf("the cookie is %+v", cookie)
	}
	w.ok(w.do(request{path: "/api/session", noKey: true, header: as(cookie)}), &got)
	if got.Key != "ops" {
		t.Errorf("afterwards: %+v", got)
	}
	w.ok(w.do(request{path: "/api/connections", noKey: true, header: as(cookie)}), &connectionsPage{})
	w.ok(w.do(request{path: "/api/publish", body: publishBody, noKey: true, header: as(cookie, "Origin", "https://example.com")}), &published{})
	w.refusedWith(w.do(request{path: "/api/channels", noKey: true, header: as(cookie)}), protocol.CodeForbidden) // which the key may not

	r = w.do(request{method: "DELETE", path: "/api/session", noKey: true, header: as(cookie)})
	w.ok(r, &got)
	if gone := r.Result().Cookies(); len(gone) != 1 || gone[0].MaxAge >= 0 || gone[0].Value != "" {
		t.Errorf("signed out with %v", gone)
	}
	w.ok(w.do(request{path: "/api/session", noKey: true}), &got)
}

// Who is not signed in, or not from a page of this server, gets nowhere with a cookie.
func TestB139_ForgedVisits(t *testing.T) {
	w := admins(t)
	cookie, _ := w.signIn(opsKey, nil)
	for _, tt := range []struct {
		name   string
		header http.Header
	}{
		{"without the header that forms cannot send", as(cookie, "Tidings-Admin", "")},
		{"of a page of another site", as(cookie, "Sec-Fetch-Site", "cross-site")},
		{"of a page of a sibling of this site", as(cookie, "Sec-Fetch-Site", "same-site")},
		{"of another origin, by a browser without Sec-Fetch-Site", as(cookie, "Sec-Fetch-Site", "", "Origin", "https://evil.example")},
		{"of no origin that has a name", as(cookie, "Sec-Fetch-Site", "", "Origin", "null")},
		{"altered", as(&http.Cookie{Name: cookie.Name, Value: cookie.Value[:len(cookie.Value)-2] + "xx"})},
		{"made up", as(&http.Cookie{Name: cookie.Name, Value: "zzzzzz.AAAA"})},
		{"empty", as(&http.Cookie{Name: cookie.Name})},
		{"the key in the cookie", as(&http.Cookie{Name: cookie.Name, Value: opsKey})},
		{"together with a bad key", as(cookie, "Authorization", "Bearer nobody's-0123456789")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			w.refusedWith(w.do(request{path: "/api/publish", body: publishBody, noKey: true, header: tt.header}), protocol.CodeUnauthorized)
		})
	}
}

func TestB139_SignInIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, key string
		header    http.Header
		want      protocol.Code
	}{
		{name: "a wrong key", key: "nobody's-0123456789", want: protocol.CodeUnauthorized},
		{name: "no key", header: http.Header{"Authorization": nil}, want: protocol.CodeUnauthorized},
		{name: "a key that may administer some channels alone", key: scopedKey, want: protocol.CodeForbidden},
		{name: "a page of another site", key: opsKey, header: http.Header{"Sec-Fetch-Site": {"cross-site"}}, want: protocol.CodeForbidden},
		{name: "a page that came over http", key: opsKey, header: http.Header{"Origin": {"http://example.com"}}, want: protocol.CodeForbidden},
		{name: "the key in a form", key: "x", header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, want: protocol.CodeUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := admins(t)
			cookie, r := w.signIn(tt.key, tt.header)
			w.refusedWith(r, tt.want)
			if cookie != nil {
				t.Errorf("got the cookie %v", cookie)
			}
			if strings.Contains(w.log.String(), opsKey) {
				t.Errorf("the log has the key: %s", w.log)
			}
		})
	}
}

// A visit ends after 8 h, and at once when its key is removed, or loses its scope.
func TestVisitEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*world)
	}{
		{"after 8 h", func(*world) { time.Sleep(access.VisitLength) }},
		{"the key is removed", func(w *world) { w.setKeys(key) }},
		{"the key loses its scope", func(w *world) { w.setKeys(key, "ops "+opsKey+" read=**") }},
		{"another key of the name", func(w *world) { w.setKeys(key, "ops another-"+opsKey+" admin=**") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := admins(t)
				cookie, _ := w.signIn(opsKey, nil)
				w.ok(w.do(request{path: "/api/stats", noKey: true, header: as(cookie)}), &stats{})
				tt.end(w)
				w.refusedWith(w.do(request{path: "/api/stats", noKey: true, header: as(cookie)}), protocol.CodeUnauthorized)
				var got visit
				if w.ok(w.do(request{path: "/api/session", noKey: true, header: as(cookie)}), &got); got.Key != "" {
					t.Errorf("there is still a visit: %+v", got)
				}
			})
		})
	}
}

func (w *world) setKeys(lines ...string) {
	keys, err := access.NewKeys(lines...)
	if err != nil {
		w.Fatal(err)
	}
	w.api.SetKeys(keys)
}

// A node that has the same secret knows the visit, and one with another does not.
func TestVisitOnOtherNodes(t *testing.T) {
	secret := []byte(strings.Repeat("s", access.MinSecretBytes))
	signed := func(c *Config) { c.SigningSecret = secret }
	cookie, _ := admins(t, signed).signIn(opsKey, nil)
	other, stranger := admins(t, signed), admins(t)
	other.ok(other.do(request{path: "/api/stats", noKey: true, header: as(cookie)}), &stats{})
	stranger.refusedWith(stranger.do(request{path: "/api/stats", noKey: true, header: as(cookie)}), protocol.CodeUnauthorized)
}

// On the server itself, and with --dev, the page may come over http.
func TestVisitOnLoopback(t *testing.T) {
	w := admins(t)
	r := w.do(request{method: "POST", path: "http://127.0.0.1:8080/api/session", noKey: true, remote: "127.0.0.1:5000",
		header: http.Header{"Authorization": {"Bearer " + opsKey}, "Origin": {"http://127.0.0.1:8080"}, "Sec-Fetch-Site": {"same-origin"}}})
	w.ok(r, &visit{})
	if c := r.Result().Cookies(); len(c) != 1 || c[0].Secure || !c[0].HttpOnly {
		t.Errorf("the cookie is %v", c)
	}
	dev := start(t, func(c *Config) { c.Dev = true })
	var got visit
	dev.ok(dev.do(request{path: "http://127.0.0.1:8080/api/session", noKey: true, remote: "127.0.0.1:5000"}), &got)
	if !got.On || got.Key != "dev" {
		t.Errorf("with --dev: %+v", got)
	}
}

// Every write of a person has a line with the name of the key, whether it succeeds or not, and reads have none.
func TestVisitsAreLogged(t *testing.T) {
	w := admins(t)
	cookie, _ := w.signIn(opsKey, nil)
	for _, q := range []request{
		{path: "/api/publish", body: `{"channel":"orders/7","data":"s3cr3t"}`},
		{path: "/api/disconnect", body: `{"user":"u42"}`},
		{path: "/api/revoke", body: `{"user":"u43"}`},
		{path: "/api/subscribe", body: `{"user":"u44","channel":"orders/8"}`},
		{path: "/api/send", body: `{"user":"u45","event":"hello","data":1}`},
		{path: "/api/stats"},
	} {
		q.noKey, q.header = true, as(cookie)
		w.do(q)
	}
	var lines []string
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, `"msg":"admin"`) {
			lines = append(lines, line)
		}
	}
	want := []string{`"path":"/api/session","about":""`, `"about":"channel orders/7","status":200`, `"about":"user u42"`, `"about":"user u43"`, `"path":"/api/subscribe","about":"","status":403`, `"about":"event hello, user u45"`}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d: %q", len(lines), len(want), lines)
	}
	for i, line := range lines {
		if !strings.Contains(line, want[i]) || !strings.Contains(line, `"key":"name:ops"`) || !strings.Contains(line, `"audit":true`) || strings.Contains(line, "s3cr3t") {
			t.Errorf("line %d is %s, want %s", i, line, want[i])
		}
	}
}

// The page has a strict policy, and is there as long as a key could open it.
func TestAdminPage(t *testing.T) {
	w := admins(t)
	r := w.do(request{path: "/admin/", noKey: true})
	policy := r.Header().Get("Content-Security-Policy")
	if r.Code != 200 || !strings.Contains(r.Body.String(), "admin.js") || !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("got %d with the policy %q", r.Code, policy)
	}
	if r := w.do(request{path: "/admin/admin.js", noKey: true}); r.Code != 200 {
		t.Errorf("its script: %d", r.Code)
	}
	if r := w.do(request{path: "/admin", noKey: true}); r.Code != http.StatusFound || r.Header().Get("Location") != "admin/" {
		t.Errorf("without the slash: %d to %q", r.Code, r.Header().Get("Location"))
	}
	w.setKeys("part " + scopedKey + " admin=orders/**")
	w.refusedWith(w.do(request{path: "/admin/", noKey: true}), protocol.CodeNotFound)
	w.setKeys()
	w.refusedWith(w.do(request{path: "/admin/", noKey: true}), protocol.CodeNotFound)
	dev := start(t, func(c *Config) { c.Keys, c.Dev = access.Keys{}, true })
	if r := dev.do(request{path: "http://localhost/admin/", noKey: true, remote: "127.0.0.1:5"}); r.Code != 200 {
		t.Errorf("with --dev: %d", r.Code)
	}
}
