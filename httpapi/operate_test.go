package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

func TestStats(t *testing.T) {
	w := start(t)
	web := httptest.NewServer(w.api)
	defer web.Close()
	for _, frame := range []string{`{"type":"connect","fallback":"refused"},`, `{"type":"connect","fallback":"a word of its own"},`, `{"type":"connect"},`} {
		if r := poll(t, web, "["+frame+`{"type":"subscribe","id":1,"channel":"a"}]`); r.StatusCode != 200 {
			t.Fatalf("a poll: %d", r.StatusCode)
		}
	}
	w.ok(w.publish(`{"channel":"a","data":1}`), &published{})
	w.do(request{path: "/api/publish", body: `{"channel":"a b","data":1}`})
	var got stats
	w.ok(w.get("/api/stats"), &got)
	if got.Connections[protocol.Poll] != 3 || got.Channels != 1 || got.Subscriptions != 3 || got.Published != 1 || got.Refused != 1 || !got.Broker {
		t.Errorf("got %+v", got)
	}
	if want := (fallback{protocol.Poll, "refused", 1, 1}); len(got.Fallbacks) != 2 || got.Fallbacks[1] != want || got.Fallbacks[0].Reason != "other" {
		t.Errorf("fallbacks are %+v, want %+v", got.Fallbacks, want)
	}
	limits := map[string]limitStats{}
	for _, l := range got.Limits {
		limits[l.Name] = l
	}
	if l := limits["limits.connections"]; l.Used != 3 {
		t.Errorf("connections are %+v", l)
	}
	var list connectionsPage
	w.ok(w.get("/api/connections"), &list)
	reasons := map[string]int{}
	for _, c := range list.Connections {
		reasons[c.Fallback]++
	}
	if reasons[""] != 1 || reasons["refused"] != 1 || reasons["other"] != 1 {
		t.Errorf("the connections' fallbacks are %v", reasons)
	}
}

// poll sends frames on a poll of its own.
func poll(t *testing.T, web *httptest.Server, frames string) *http.Response {
	t.Helper()
	r, err := http.Post(web.URL+"/bus/poll", "application/json", strings.NewReader(frames))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r
}

// Numbers of several nodes add up; limits stay those of each, the nearest first.
func TestStatsAddUp(t *testing.T) {
	one := &stats{Connections: map[string]int{"poll": 1}, Published: 2, Broker: true, Fallbacks: []fallback{{"poll", "refused", 1, 2}}, Hooks: []hookStats{{"publish", 1, 2, 3}}, Limits: []limitStats{{"a", "n1", 1, 10}, {"b", "n1", 1, 0}}, Events: eventStats{1, 2, 3}}
	one.add(&stats{Connections: map[string]int{"poll": 2, "sse": 4}, Published: 3, Pressure: 1, Fallbacks: []fallback{{"poll", "chosen", 1, 1}, {"poll", "refused", 3, 4}}, Hooks: []hookStats{{"connect", 1, 1, 1}, {"publish", 1, 1, 1}}, Limits: []limitStats{{"a", "n2", 5, 10}}, Events: eventStats{1, 1, 1}})
	if one.Connections["poll"] != 3 || one.Connections["sse"] != 4 || one.Published != 5 || one.Broker || one.Pressure != 1 || one.Events != (eventStats{2, 3, 4}) {
		t.Errorf("got %+v", one)
	}
	if one.Fallbacks[0].Reason != "chosen" || one.Fallbacks[1] != (fallback{"poll", "refused", 4, 6}) || one.Hooks[1] != (hookStats{"publish", 2, 3, 4}) || one.Limits[0].Node != "n2" || one.Limits[2].Name != "b" {
		t.Errorf("got %+v", one)
	}
}

// What was refused is remembered with its reason, wherever it was: by the API, by a transport, of a connected client.
func TestRefusals(t *testing.T) {
	bc := actors.Config{}
	bc.Rules.Subscribe = access.Nobody
	w := startBus(t, bc)
	web := httptest.NewServer(w.api)
	defer web.Close()
	poll(t, web, `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"secret/plans"}]`)
	poll(t, web, `not JSON`)
	for range 3 {
		w.do(request{path: "/api/publish", body: `{"channel":"a b","data":1}`})
	}
	var got refusalsPage
	w.ok(w.get("/api/refusals"), &got)
	found := map[string]refusal{}
	for _, r := range got.Refusals {
		found[r.Where+" "+string(r.Code)] = r
		if r.Reason == "" || r.Hint == "" || r.Last == 0 || r.First > r.Last {
			t.Errorf("%+v", r)
		}
	}
	if r := found["client forbidden"]; r.Count != 1 || r.Connection == "" {
		t.Errorf("the client's: %+v", r)
	}
	if r := found["poll bad_json"]; r.Count != 1 || r.Address == "" {
		t.Errorf("the transport's: %+v", r)
	}
	if r := found["/api/publish bad_channel"]; r.Count != 3 || r.Key == "" {
		t.Errorf("the API's: %+v", r)
	}
}

func TestSettingsAreShown(t *testing.T) {
	w := start(t, func(c *Config) {
		c.Settings = func() []Setting { return []Setting{{"park", "40s", "--park"}} }
	})
	var got settingsPage
	w.ok(w.get("/api/settings"), &got)
	if len(got.Settings) != 1 || got.Settings[0] != (Setting{"park", "40s", "--park"}) {
		t.Errorf("got %+v", got)
	}
}

func TestExplain(t *testing.T) {
	tokens, err := access.NewTokens(access.TokenConfig{Issuer: "i", Audience: "a", Secret: []byte("a secret of this test, of more than 32 bytes")})
	if err != nil {
		t.Fatal(err)
	}
	defer tokens.Close()
	bc := actors.Config{}
	bc.Tokens = tokens
	bc.Rules.Channels = []access.Rule{{Pattern: "user/{user}", Subscribe: "user"}, {Pattern: "desk/**", Subscribe: "role:desk"}}
	w := startBus(t, bc)
	for _, tt := range []struct {
		name, body, rule, why string
		allowed               bool
		want                  protocol.Code // "": it is answered
	}{
		{name: "anonymous", body: `{"channel":"user/u1"}`, rule: "user/{user}", why: "anonymous"},
		{name: "its own user", body: `{"channel":"user/u1","claims":{"sub":"u1"}}`, rule: "user/{user}", allowed: true, why: "of this user"},
		{name: "another user", body: `{"channel":"user/u1","claims":{"sub":"u2"}}`, rule: "user/{user}", why: `of user "u1"`},
		{name: "a role", body: `{"channel":"desk/1","claims":{"sub":"u2","roles":["desk"]}}`, rule: "desk/**", allowed: true, why: `the role "desk"`},
		{name: "no rule", body: `{"channel":"else","claims":{"sub":"u2"}}`, why: "no client may"},
		{name: "a token that does not count", body: `{"channel":"desk/1","token":"a.b.c"}`, want: protocol.CodeBadRequest},
		{name: "claims without a user", body: `{"channel":"desk/1","claims":{"roles":["desk"]}}`, want: protocol.CodeBadRequest},
		{name: "claims of a wrong type", body: `{"channel":"desk/1","claims":{"sub":7}}`, want: protocol.CodeBadRequest},
		{name: "claims twice", body: `{"channel":"desk/1","claims":{"sub":"a","sub":"b"}}`, want: protocol.CodeBadJSON},
		{name: "both", body: `{"channel":"desk/1","token":"a.b.c","claims":{"sub":"u2"}}`, want: protocol.CodeBadRequest},
		{name: "no channel", body: `{"claims":{"sub":"u2"}}`, want: protocol.CodeBadRequest},
		{name: "a bad channel", body: `{"channel":"a b"}`, want: protocol.CodeBadChannel},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			r := w.do(request{path: "/api/explain", body: tt.body})
			if tt.want != "" {
				w.refusedWith(r, tt.want)
				return
			}
			var got access.Decision
			w.ok(r, &got)
			if got.Rule != tt.rule || got.Subscribe.Allowed != tt.allowed || !strings.Contains(got.Subscribe.Why, tt.why) {
				t.Errorf("%s: got rule %q and %+v, want %q, %v, %q", tt.body, got.Rule, got.Subscribe, tt.rule, tt.allowed, tt.why)
			}
		})
	}
	open := start(t)
	open.refusedWith(open.do(request{path: "/api/explain", body: `{"channel":"a","claims":{"sub":"u"}}`}), protocol.CodeBadRequest)
}
