package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/protocol"
	"tidings/transports/transporttest"
)

// F64, and what a backend may do to a user: on each transport it takes effect within a second, also where the client is
// away just then, and nothing is written after it.
func TestF64_WhatIsTakenAwayIsGoneOnEachTransport(t *testing.T) {
	news, inbox := access.Rule{Pattern: "news", Subscribe: access.Anyone}, access.Rule{Pattern: "inbox/{user}", Subscribe: access.User}
	for _, c := range []struct {
		name string
		take func(w *world) error
		path string // where it is a request of a backend's
		body string
		want protocol.Code // of the end; "" if the connection goes on
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

// B55 to B61 and B66 are tried on tokens alone in access; here is that each transport asks: at its connect, with the
// token in the frame and in the header, and at a refresh.
func TestB55_BadTokensOnEachTransport(t *testing.T) {
	text := func(header, claims string) string {
		encode := base64.RawURLEncoding.EncodeToString
		signed := encode([]byte(header)) + "." + encode([]byte(claims))
		mac := hmac.New(sha256.New, tokenSecret)
		mac.Write([]byte(signed))
		return signed + "." + encode(mac.Sum(nil))
	}
	const good = `{"alg":"HS256"}`
	claims := func(change string) string {
		return fmt.Sprintf(`{"iss":"tests","aud":"tidings","sub":"u1","iat":%d,"exp":%d%s}`, time.Now().Unix(), time.Now().Unix()+60, change)
	}
	for _, c := range []struct {
		name  string
		token func() string
		want  protocol.Code // "" for a good one
	}{
		{"good", func() string { return text(good, claims("")) }, ""},
		{"B55 alg none", func() string { return text(`{"alg":"none"}`, claims("")) }, protocol.CodeUnauthorized},
		{"B55 alg none, unsigned", func() string {
			signed := text(`{"alg":"none"}`, claims(""))
			return signed[:strings.LastIndex(signed, ".")+1]
		}, protocol.CodeUnauthorized},
		{"B57 no end", func() string { return text(good, `{"iss":"tests","aud":"tidings","sub":"u1"}`) }, protocol.CodeUnauthorized},
		{"B58 not yet", func() string { return text(good, claims(fmt.Sprintf(`,"nbf":%d`, time.Now().Unix()+3600))) }, protocol.CodeUnauthorized},
		{"B58 over", func() string {
			return text(good, fmt.Sprintf(`{"iss":"tests","aud":"tidings","sub":"u1","iat":%d,"exp":%d}`, time.Now().Unix()-3600, time.Now().Unix()-60))
		}, protocol.CodeTokenExpired},
		{"B59 crit", func() string { return text(`{"alg":"HS256","crit":["x"]}`, claims("")) }, protocol.CodeUnauthorized},
		{"B60 another audience", func() string { return text(good, strings.Replace(claims(""), `"tidings"`, `"other"`, 1)) }, protocol.CodeUnauthorized},
		{"B61 altered", func() string { signed := text(good, claims("")); return signed[:len(signed)-2] + "xx" }, protocol.CodeUnauthorized},
		{"B66 dots", func() string { return strings.Repeat(".", 8000) }, protocol.CodeUnauthorized},
	} {
		for _, kind := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
			t.Run(c.name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, target := startWithTokens(t, access.Rules{Channels: []access.Rule{{Pattern: "news", Subscribe: access.Anyone}}})
					bad := c.token()
					ends := func(l *transporttest.Client, err error) protocol.Code {
						synctest.Wait()
						if e := (*protocol.Error)(nil); errors.As(err, &e) {
							return e.Code
						}
						end, _ := l.Ended()
						return end.Code
					}
					inFrame := transporttest.NewClient(t, target, kind)
					if c.want == "" {
						inFrame.Sign(bad) // the polls after it show it again
					}
					if got := ends(inFrame, inFrame.Open(fmt.Sprintf(`{"type":"connect","token":%q}`, bad))); got != c.want {
						t.Errorf("in connect: %q, want %q", got, c.want)
					}
					if kind != protocol.WebSocket { // whose browsers cannot set it
						inHeader := transporttest.NewClient(t, target, kind)
						inHeader.Sign(bad)
						if got := ends(inHeader, inHeader.Open(`{"type":"connect"}`)); got != c.want {
							t.Errorf("in the header: %q, want %q", got, c.want)
						}
					}
					l := transporttest.NewClient(t, target, kind)
					if err := l.Open(`{"type":"connect"}`); err != nil {
						t.Fatal(err)
					}
					l.Want(protocol.TypeConnected)
					if c.want == "" {
						l.Sign(bad)
					}
					if err := l.Send(fmt.Sprintf(`{"type":"refresh","id":1,"token":%q}`, bad)); err != nil {
						t.Fatal(err)
					}
					if f := l.Next(); f.Code != c.want || f.ID != 1 {
						t.Errorf("refresh: %+v, want %q", f, c.want)
					}
				})
			})
		}
	}
}
