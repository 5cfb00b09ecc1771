package httpapi

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/protocol"
	"tidings/transports/transporttest"
)

// F64, and what a backend may do to a user: on each transport it takes effect within a second, also where the client is away just then, and nothing is
// written after it.
func TestF64_WhatIsTakenAwayIsGoneOnEachTransport(t *testing.T) {
	news, inbox := access.Rule{Pattern: "news", Subscribe: access.Anyone}, access.Rule{Pattern: "inbox/{user}", Subscribe: access.User}
	for _, c := range []struct {
		name string
		take func(w *world) error
		path string // where it is a request of a backend's
		body string
		want protocol.Code // of the end; "" where the connection goes on
	}{
		{name: "a rule changes", take: func(w *world) error { return w.bus.SetRules(access.Rules{Channels: []access.Rule{news}}) }},
		{name: "a user is disconnected", path: "/api/disconnect", body: `{"user":"u1"}`, want: protocol.CodeDisconnected},
		{name: "a token is revoked", path: "/api/revoke", body: `{"token":"t1"}`, want: protocol.CodeUnauthorized},
		{name: "a user is revoked", path: "/api/revoke", body: `{"user":"u1"}`, want: protocol.CodeUnauthorized},
	} {
		for _, kind := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
			for _, away := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/away=%v", c.name, kind, away), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w, target := startWithTokens(t, access.Rules{Channels: []access.Rule{news, inbox}})
						enter := func(token string, channels ...string) *transporttest.Client {
							l, frames := transporttest.NewClient(t, target, kind), []string(nil)
							for i, ch := range channels {
								frames = append(frames, fmt.Sprintf(`{"type":"subscribe","id":%d,"channel":%q}`, i+1, ch))
							}
							l.Sign(token)
							if err := l.Open(fmt.Sprintf(`{"type":"connect","token":%q}`, token), frames...); err != nil {
								t.Fatal(err)
							}
							l.Want(protocol.TypeConnected)
							for range channels {
								l.WantAll(protocol.TypeSubscribed)
							}
							return l
						}
						token := tokenOf(t, "u1", "t1")
						mine, other := enter(token, "news", "inbox/u1"), enter(tokenOf(t, "u2", "t2"), "news")
						if away {
							mine.Cut()
						}
						w.publish(`{"channel":"inbox/u1","data":1}`)
						synctest.Wait()
						if !away {
							mine.WantMessages(1, 1)
						}
						if c.take != nil {
							if err := c.take(w); err != nil {
								t.Fatal(err)
							}
						} else {
							w.ok(w.do(request{path: c.path, body: c.body}), &struct{}{})
						}
						time.Sleep(time.Second)
						w.publish(`{"channel":"inbox/u1","data":2}`)
						w.publish(`{"channel":"news","data":3}`)
						if away {
							session, received := mine.Session()
							err := mine.OpenOn(kind, fmt.Sprintf(`{"type":"connect","token":%q,"session":%q,"received":%d}`, token, session, received))
							synctest.Wait()
							if _, ended := mine.Ended(); (err != nil || ended) != (c.want == protocol.CodeUnauthorized) {
								t.Errorf("it comes back with the token: %v, ended %v", err, ended)
							}
						}
						time.Sleep(time.Second)
						heard := ""
						for _, f := range mine.All() {
							if f.Type == protocol.TypeMessage {
								heard += string(f.Msg.Data)
							}
							if f.Type == protocol.TypeConnected && f.Resumed != (c.want == "") {
								t.Errorf("resumed: %v", f.Resumed)
							}
						}
						if want := map[bool]string{true: "3"}[c.want == ""]; heard != want {
							t.Errorf("it heard %q after it, want %q", heard, want)
						}
						if end, ended := mine.Ended(); !away && (ended != (c.want != "") || end.Code != c.want) {
							t.Errorf("ended %v with %q, want %q", ended, end.Code, c.want)
						}
						if _, ended := other.Ended(); ended {
							t.Error("another user ended, too")
						}
						other.WantMessages(3, 3)
					})
				})
			}
		}
	}
}

func tokenOf(t *testing.T, user, id string) string {
	t.Helper()
	s, err := access.NewSigner(tokenSecret)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Sign(access.TokenClaims{Issuer: "tests", Audience: "tidings", User: user, ID: id, Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
