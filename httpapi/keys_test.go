package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/protocol"
)

const publishBody = `{"channel":"a","data":1}`

// B70, B71: only a right key, in the one header, once.
func TestB70_B71_KeyInTheHeaderOnly(t *testing.T) {
	w := start(t)
	for _, tt := range []struct {
		name   string
		path   string
		body   string
		header []string
	}{
		{name: "no key"},
		{name: "empty", header: []string{"Bearer "}},
		{name: "same length", header: []string{"Bearer " + strings.Repeat("x", len(key))}},
		{name: "prefix", header: []string{"Bearer " + key[:len(key)-1]}},
		{name: "one more byte", header: []string{"Bearer " + key + "x"}},
		{name: "other case", header: []string{"Bearer " + strings.ToUpper(key)}},
		{name: "unicode", header: []string{"Bearer ключ"}},
		{name: "very long", header: []string{"Bearer " + strings.Repeat("x", 1<<20)}},
		{name: "no scheme", header: []string{key}},
		{name: "another scheme", header: []string{"Basic " + key}},
		{name: "twice", header: []string{"Bearer " + key, "Bearer " + key}},
		{name: "in the URL", path: "/api/publish?key=" + key + "&access_token=" + key + "&api_key=" + key},
		{name: "in the body", body: `{"channel":"a","data":1,"key":"` + key + `"}`},
		{name: "in another header", header: nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			q := request{path: "/api/publish", body: publishBody, noKey: true, header: http.Header{"X-Api-Key": {key}}}
			if tt.path != "" {
				q.path = tt.path
			}
			if tt.body != "" {
				q.body = tt.body
			}
			if tt.header != nil {
				q.header["Authorization"] = tt.header
			}
			r := w.do(q)
			w.refusedWith(r, protocol.CodeUnauthorized)
			if r.Header().Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
			q.method, q.body, q.path = "GET", "", "/api/history?channel=a"
			w.refusedWith(w.do(q), protocol.CodeUnauthorized)
		})
	}
	if r := w.do(request{path: "/api/publish", body: publishBody, noKey: true, header: http.Header{"Authorization": {"bearer " + key}}}); r.Code != 200 {
		t.Errorf("the scheme's case does not matter (RFC 9110): got %d", r.Code)
	}
}

func TestDevelopmentNeedsNoKeyFromThisMachine(t *testing.T) {
	dev := func(c *Config) { c.Dev, c.Keys = true, access.Keys{} }
	for _, tt := range []struct {
		name           string
		remote, target string
		header         http.Header
		production     bool
		ok             bool
	}{
		{name: "this machine", remote: "127.0.0.1:5", target: "http://localhost:8080", ok: true},
		{name: "this machine by address", remote: "127.0.0.1:5", target: "http://127.0.0.1:8080", ok: true},
		{name: "this machine over IPv6", remote: "[::1]:5", target: "http://[::1]:8080", ok: true},
		{name: "mapped address", remote: "[::ffff:127.0.0.1]:5", target: "http://localhost", ok: true},
		{name: "another machine", remote: "192.0.2.1:5", target: "http://localhost:8080"},
		{name: "a page that rebinds its name (B4)", remote: "127.0.0.1:5", target: "http://evil.example:8080"},
		{name: "a name that only starts like ours", remote: "127.0.0.1:5", target: "http://localhost.evil.example"},
		{name: "through a proxy", remote: "127.0.0.1:5", target: "http://localhost:8080", header: http.Header{"X-Forwarded-For": {"192.0.2.1"}}},
		{name: "a page of another site", remote: "127.0.0.1:5", target: "http://localhost:8080", header: http.Header{"Sec-Fetch-Site": {"cross-site"}}},
		{name: "a page of another origin", remote: "127.0.0.1:5", target: "http://localhost:8080", header: http.Header{"Origin": {"http://evil.example"}}},
		{name: "our own page", remote: "127.0.0.1:5", target: "http://localhost:8080", header: http.Header{"Sec-Fetch-Site": {"same-origin"}}, ok: true},
		{name: "a wrong key is wrong here, too", remote: "127.0.0.1:5", target: "http://localhost:8080", header: http.Header{"Authorization": {"Bearer x"}}},
		{name: "production", remote: "127.0.0.1:5", target: "http://localhost:8080", production: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, dev)
			if tt.production {
				w = start(t)
			}
			r := w.do(request{path: tt.target + "/api/publish", body: publishBody, remote: tt.remote, noKey: true, header: tt.header})
			if tt.ok && r.Code != 200 {
				t.Errorf("got %d %s", r.Code, r.Body)
			}
			if !tt.ok {
				w.refusedWith(r, protocol.CodeUnauthorized)
			}
		})
	}
}

func TestKeysOfDifferentBackendsDoNotMeet(t *testing.T) {
	other := "a-key-of-another-backend-0123456789"
	w := start(t, func(c *Config) { c.Keys, _ = access.NewKeys(key, other) })
	body := `{"channel":"a","data":1,"idempotencyKey":"k"}`
	var first, second published
	w.ok(w.publish(body), &first)
	w.ok(w.do(request{path: "/api/publish", body: body, header: http.Header{"Authorization": {"Bearer " + other}}}), &second)
	if second.Duplicate || second.Offset != 2 {
		t.Errorf("got %+v, then %+v: the second backend's message was taken for a repetition", first, second)
	}
}

// Limits per address are off unless a proxy is trusted to tell addresses.
func TestFailedKeysAreLimitedPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := access.NewKeys(key)
		if err != nil {
			t.Fatal(err)
		}
		k := newKeyring(&Config{Keys: keys}, proxies(mustNetworks(t, "10.0.0.0/8")))
		ask := func(address, header string) error {
			r, _ := http.NewRequest("POST", "http://bus.example/api/publish", nil)
			r.RemoteAddr = "10.0.0.1:5"
			r.Header.Set("X-Forwarded-For", address)
			r.Header.Set("Authorization", header)
			_, err := k.backend(r)
			return err
		}
		for range maxFailures {
			wantCode(t, ask("192.0.2.1", "Bearer x"), protocol.CodeUnauthorized)
		}
		wantCode(t, ask("192.0.2.1", "Bearer x"), protocol.CodeRateLimited)
		if err := ask("192.0.2.1", "Bearer "+key); err != nil {
			t.Errorf("a good key from the address of a misconfigured backend: %v", err)
		}
		wantCode(t, ask("192.0.2.2", "Bearer x"), protocol.CodeUnauthorized)
		for i := range maxFailures {
			wantCode(t, ask("2001:db8::"+string(rune('1'+i%9)), "Bearer x"), protocol.CodeUnauthorized)
		}
		wantCode(t, ask("2001:db8::ffff", "Bearer x"), protocol.CodeRateLimited) // the same household
		time.Sleep(failureWindow)
		wantCode(t, ask("192.0.2.1", "Bearer x"), protocol.CodeUnauthorized)

		k.proxies = nil
		for range 3 * maxFailures {
			wantCode(t, ask("192.0.2.1", "Bearer x"), protocol.CodeUnauthorized)
		}
	})
}

func wantCode(t *testing.T, err error, want protocol.Code) {
	t.Helper()
	if e, ok := err.(*protocol.Error); !ok || e.Code != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A key is rotated by name: what the old one published, the new one repeats.
func TestRotatedKeys(t *testing.T) {
	const next = "the-next-key-0123456789abcdef"
	keys := func(list ...string) access.Keys {
		k, err := access.NewKeys(list...)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	w := start(t, func(c *Config) { c.Keys = keys("shop " + key) })
	as := func(secret string) request {
		return request{path: "/api/publish", body: `{"channel":"a","data":1,"idempotencyKey":"k"}`, noKey: true, header: http.Header{"Authorization": {"Bearer " + secret}}}
	}
	w.refusedWith(w.do(as(next)), protocol.CodeUnauthorized)
	w.ok(w.do(as(key)), &published{})
	w.api.SetKeys(keys("shop "+key, "shop "+next))
	var got published
	if w.ok(w.do(as(next)), &got); !got.Duplicate {
		t.Errorf("got %+v, want the answer that the old key had", got)
	}
	w.api.SetKeys(keys("shop " + next))
	w.refusedWith(w.do(as(key)), protocol.CodeUnauthorized)
}
