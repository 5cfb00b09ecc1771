package transports

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// letters is shout over HTTP: the first part of the path is what to do, and the answer lists what the bus said.
type letters struct{ shout }

func (letters) Serves(*http.Request) bool { return true }
func (letters) Headers() string           { return "X-Stamp" }

func (letters) Run(e *Errand) (int, []byte) {
	if e.Fault != nil {
		return e.Fault.Code.Row().HTTP, protocol.AppendError(nil, e.Fault)
	}
	var frames []protocol.ClientFrame
	if e.Token != "" {
		frames = append(frames, protocol.ClientFrame{Type: protocol.TypeRefresh, ID: 1, Token: e.Token})
	}
	frames = append(frames, protocol.ClientFrame{Type: protocol.TypePublish, ID: 2, Channel: "a", Data: e.Body})
	switch e.Request.URL.Path {
	case "/letters/nothing":
		return 200, []byte("[]")
	case "/letters/unanswered":
		frames = append(frames, protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 3, Channel: "unanswered"})
	case "/letters/twice":
		e.Ask(frames[len(frames)-1:])
		frames[len(frames)-1].ID = 4
	}
	said := []string{e.Backend}
	for _, f := range e.Ask(frames) {
		said = append(said, f.Type+string(f.Code))
	}
	answer, _ := json.Marshal(said)
	return 200, answer
}

// oneBackend is the backend of the key "key".
func oneBackend(_ http.ResponseWriter, r *http.Request) (string, Ask, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer key":
		return "backend", func(frames []protocol.ClientFrame) []*protocol.ServerFrame {
			return []*protocol.ServerFrame{{Type: protocol.TypeReply, ID: frames[0].ID}}
		}, nil
	case "Bearer no-key":
		return "", nil, &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "no key", Hint: "Have one."}
	}
	return "", nil, nil
}

// postOffice starts a server with letters.
func postOffice(t *testing.T, change func(*Config)) *rig {
	r := inMemory(t, change)
	r.h.Speak(letters{})
	serve := r.h.Errands(letters{}, oneBackend)
	r.http.Transport = inProcess{serve}
	return r
}

// inProcess has a handler answer requests without a network.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := newRawResponse(nil)
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.RemoteAddr = "192.0.2.1:1234"
	p.ServeHTTP(w, r)
	return &http.Response{StatusCode: max(w.status, 200), Header: w.header, Body: io.NopCloser(strings.NewReader(string(w.body)))}, nil
}

func (r *rig) post(t *testing.T, method, url, body string, headers ...string) (status int, answer string, header http.Header) {
	t.Helper()
	q, _ := http.NewRequest(method, "http://tidings.test"+url, strings.NewReader(body))
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	got, err := r.http.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(got.Body)
	return got.StatusCode, string(text), got.Header
}

func TestErrands(t *testing.T) {
	for _, row := range []struct {
		name, method, url, body string
		headers                 []string
		status                  int
		want                    string // in the answer
		peers                   int    // sessions that were opened
	}{
		{name: "a client without a token", method: "POST", url: "/letters/x", body: "1", status: 200, want: `["","reply"]`, peers: 1},
		{name: "a client with one", method: "PUT", url: "/letters/x", body: "1", headers: []string{"Authorization", "Bearer good"}, status: 200, want: `["","errorunsupported","reply"]`, peers: 1},
		{name: "one with a bad token", method: "POST", url: "/letters/x", body: "1", headers: []string{"Authorization", "Bearer bad"}, status: 200, want: `["","errorunauthorized","errorunauthorized"]`, peers: 1},
		{name: "asks twice in one session", method: "POST", url: "/letters/twice", body: "1", status: 200, want: `["","reply"]`, peers: 1},
		{name: "asks for nothing", method: "GET", url: "/letters/nothing", status: 200, want: `[]`},
		{name: "an answer that does not come", method: "POST", url: "/letters/unanswered", body: "1", status: 200, want: `["","reply","errortimeout"]`, peers: 1},
		{name: "a backend", method: "POST", url: "/letters/x", body: "1", headers: []string{"Authorization", "Bearer key"}, status: 200, want: `["backend","reply"]`},
		{name: "a key that does not count", method: "POST", url: "/letters/x", body: "1", headers: []string{"Authorization", "Bearer no-key"}, status: 401, want: `no key`},
		{name: "a token in the URL", method: "POST", url: "/letters/x?jwt=secret", body: "1", status: 400, want: `never part of a URL`},
		{name: "a body of another kind", method: "POST", url: "/letters/x", body: "1", headers: []string{"Content-Type", "text/plain"}, status: 415, want: `unsupported_media_type`},
		{name: "a body above 1 MiB", method: "POST", url: "/letters/x", body: strings.Repeat("1", maxErrandBytes+1), status: 413, want: `too_large`},
		{name: "a page of another origin", method: "POST", url: "/letters/x", body: "1", headers: []string{"Origin", "http://evil.test"}, status: 403, want: `origin_forbidden`},
		{name: "two bad schemes", method: "POST", url: "/letters/x", body: "1", headers: []string{"Authorization", "Bearer " + strings.Repeat("x", protocol.MaxTokenBytes+1)}, status: 401, want: `too long`},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := postOffice(t, func(c *Config) { c.AllowedHosts = []string{"tidings.test"} })
				status, answer, _ := r.post(t, row.method, row.url, row.body, row.headers...)
				if status != row.status || !strings.Contains(answer, row.want) {
					t.Errorf("got %d %s, want %d with %s", status, answer, row.status, row.want)
				}
				synctest.Wait()
				if len(r.bus.peers) != row.peers || len(r.bus.all()) != 0 {
					t.Errorf("%d sessions were opened, and %d are left; want %d, and none", len(r.bus.peers), len(r.bus.all()), row.peers)
				}
				for _, p := range r.bus.peers {
					if p.Gateway != protocol.GatewayPakyow || p.Address != "192.0.2.1" || p.Token != strings.TrimPrefix(strings.Join(row.headers, ""), "AuthorizationBearer ") {
						t.Errorf("the peer is %+v", p)
					}
				}
				if open := r.h.gatewayStats()[1].Open; open != 0 || r.h.linked() != 0 {
					t.Errorf("%d links are counted, and %d kept", open, r.h.linked())
				}
			})
		})
	}
}

// A name that points to this server is not enough: DNS rebinding.
func TestErrandsOfAnotherHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := postOffice(t, func(c *Config) { c.AllowedHosts = []string{"other.test"} })
		if status, answer, _ := r.post(t, "POST", "/letters/x", "1"); status != 403 || len(r.bus.peers) != 0 {
			t.Errorf("got %d %s", status, answer)
		}
	})
}

func TestPreflightOfErrands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := postOffice(t, func(c *Config) { c.Origins = []string{"http://page.test"} })
		status, _, header := r.post(t, "OPTIONS", "/letters/x", "", "Origin", "http://page.test", "Access-Control-Request-Method", "PUT")
		if status != 204 || !strings.Contains(header.Get("Access-Control-Allow-Methods"), "PUT") || !strings.Contains(header.Get("Access-Control-Allow-Headers"), "X-Stamp") || header.Get("Access-Control-Allow-Origin") != "http://page.test" {
			t.Errorf("got %d %v", status, header)
		}
	})
}

// Each errand has a session of its own, so that the rates of sessions do not hold who sends many.
func TestErrandsAreHeldToARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := postOffice(t, nil)
		send := func(headers ...string) string {
			_, answer, _ := r.post(t, "POST", "/letters/x", "1", headers...)
			return answer
		}
		for i := range int(errandRate.Burst) {
			if got := send(); got != `["","reply"]` {
				t.Fatalf("number %d is answered %s", i+1, got)
			}
		}
		if got := send(); got != `["","errorrate_limited"]` {
			t.Errorf("one more is answered %s", got)
		}
		if got := send("Authorization", "Bearer good"); strings.Contains(got, "rate") {
			t.Errorf("somebody else behind the same address is answered %s", got)
		}
		time.Sleep(time.Second)
		if got := send(); got != `["","reply"]` {
			t.Errorf("a second later one is answered %s", got)
		}
	})
}

func TestErrandRatesForgetWhoIsGone(t *testing.T) {
	var rates errandRates
	at := time.Unix(1_700_000_000, 0)
	peer := func(i int) protocol.Peer { return protocol.Peer{Token: string(rune('a' + i))} }
	for i := range maxErrandRates + 10 {
		rates.take(peer(i), at)
	}
	if len(rates.left) != maxErrandRates {
		t.Errorf("%d are counted, want at most %d", len(rates.left), maxErrandRates)
	}
	rates.take(protocol.Peer{Address: "2001:db8::1"}, at.Add(time.Minute))
	rates.take(protocol.Peer{Address: "2001:db8::2"}, at.Add(time.Minute)) // of the same household
	rates.take(protocol.Peer{}, at.Add(time.Minute))
	if len(rates.left) != 1 {
		t.Errorf("%d are left a minute later, want 1", len(rates.left))
	}
}

// A server that goes down, or ends the session, answers what is being asked.
func TestErrandsOfASessionThatEnds(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(r *rig)
		want string
	}{
		"the node goes down": {func(r *rig) { r.h.Close() }, "errorshutting_down"},
		"it is revoked":      {func(r *rig) { r.bus.all()[0].end(goodbye(protocol.CodeUnauthorized, "revoked")) }, "errorunauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := postOffice(t, nil)
				answered := make(chan string)
				go func() {
					_, answer, _ := r.post(t, "POST", "/letters/unanswered", "1")
					answered <- answer
				}()
				synctest.Wait()
				row.end(r)
				if got := <-answered; !strings.Contains(got, row.want) {
					t.Errorf("got %s, want %s in it", got, row.want)
				}
			})
		})
	}
}
