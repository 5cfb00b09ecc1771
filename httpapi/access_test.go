package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tidings/access"
	"tidings/actors"
	"tidings/broker/memory"
	"tidings/protocol"
)

var tokenSecret = []byte("a secret of these tests, of more than 32 bytes")

func token(t *testing.T, user string, lifetime time.Duration) string {
	t.Helper()
	s, err := access.NewSigner(tokenSecret)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Sign(access.TokenClaims{Issuer: "tests", Audience: "tidings", User: user, Lifetime: lifetime})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signedIn starts a server on a socket whose clients have inboxes of their own.
func signedIn(t *testing.T) (url string, bus *actors.Bus) {
	t.Helper()
	tokens, err := access.NewTokens(access.TokenConfig{Issuer: "tests", Audience: "tidings", Secret: tokenSecret})
	if err != nil {
		t.Fatal(err)
	}
	mem := memory.New(memory.DefaultConfig())
	bus, err = actors.Start(actors.Config{Broker: mem, Tokens: tokens, Rules: access.Rules{Channels: []access.Rule{
		{Pattern: "news", Subscribe: access.Anyone}, {Pattern: "inbox/{user}", Subscribe: access.User, Publish: access.User},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	if cfg.Keys, err = access.NewKeys(key); err != nil {
		t.Fatal(err)
	}
	api, err := New(bus, cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(func() {
		api.Close()
		bus.Stop()
		server.Close()
		mem.Close()
	})
	return server.URL, bus
}

// do makes one request, with a token if it is not "".
func do(t *testing.T, method, url, token, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		r.Body = http.NoBody
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		return answer, ""
	}
	text, _ := io.ReadAll(answer.Body)
	return answer, string(text)
}

// A browser's own EventSource gets a ticket, and with it a stream of its user's.
func TestATicketOverHTTP(t *testing.T) {
	url, bus := signedIn(t)
	mine := token(t, "u1", time.Hour)
	answer, text := do(t, "POST", url+"/bus/ticket", mine, "")
	var got struct {
		Ticket  string
		Expires int64
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || answer.StatusCode != 200 || answer.Header.Get("Cache-Control") != "no-store" || time.Until(time.UnixMilli(got.Expires)) > protocol.TicketLife {
		t.Fatalf("got %d %s, %v", answer.StatusCode, text, err)
	}
	stream, err := http.Get(url + "/bus/sse?channel=inbox/u1&ticket=" + got.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	buffer := make([]byte, 4096)
	heard := ""
	for !strings.Contains(heard, `"hello"`) {
		n, err := stream.Body.Read(buffer)
		if err != nil {
			t.Fatalf("%v after %s", err, heard)
		}
		if heard += string(buffer[:n]); strings.Contains(heard, `"subscribed"`) && !strings.Contains(heard, "published") {
			heard += "published"
			if _, err := bus.Publish(context.Background(), actors.Publish{Channel: "inbox/u1", Data: []byte(`"hello"`)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name, method, path, token, body string
		want                            protocol.Code
	}{
		{"without a token", "POST", "/bus/ticket", "", "", protocol.CodeBadRequest},
		{"with a body", "POST", "/bus/ticket", mine, "{}", protocol.CodeBadRequest},
		{"by GET", "GET", "/bus/ticket", mine, "", protocol.CodeMethodNotAllowed},
		{"a ticket that is none", "GET", "/bus/sse?channel=news&ticket=x", "", "", protocol.CodeUnauthorized},
		{"a ticket and a token", "GET", "/bus/sse?channel=news&ticket=x", mine, "", protocol.CodeBadRequest},
		{"two tickets", "GET", "/bus/sse?channel=news&ticket=x&ticket=y", "", "", protocol.CodeBadRequest},
		{"a ticket for a poll", "GET", "/bus/poll?channel=news&ticket=x", "", "", protocol.CodeBadRequest},
		{"B67 a token in the URL", "GET", "/bus/sse?channel=news&token=" + mine, "", "", protocol.CodeBadRequest},
		{"B67 a token in the URL of a poll", "GET", "/bus/poll?channel=news&access_token=" + mine, "", "", protocol.CodeBadRequest},
	} {
		answer, text := do(t, c.method, url+c.path, c.token, c.body)
		if !strings.Contains(text, `"code":"`+string(c.want)+`"`) || strings.Contains(text, mine) || answer.StatusCode != c.want.Row().HTTP {
			t.Errorf("%s: got %d %s", c.name, answer.StatusCode, text)
		}
	}
}

// B88: a session id that was stolen is worth nothing without its user's token, on each transport that shows it again.
func TestB88_ASessionWithoutItsToken(t *testing.T) {
	url, _ := signedIn(t)
	mine, other := token(t, "u1", time.Hour), token(t, "u2", time.Hour)
	_, text := do(t, "POST", url+"/bus/poll", mine, `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"inbox/u1"}]`)
	var opened struct{ Frames []struct{ Session string } }
	if err := json.Unmarshal([]byte(text), &opened); err != nil || len(opened.Frames) == 0 || opened.Frames[0].Session == "" {
		t.Fatalf("got %s", text)
	}
	session := opened.Frames[0].Session
	var bodies []string
	for _, thief := range []string{"", other} {
		for path, body := range map[string]string{
			"/bus/poll": `{"type":"poll","session":"` + session + `","received":0}`,
			"/bus/send": `{"session":"` + session + `","seq":1,"frames":[{"type":"ping","id":1}]}`,
		} {
			answer, text := do(t, "POST", url+path, thief, body)
			if answer.StatusCode != 410 {
				t.Errorf("%s by %.5q: got %d %s", path, thief, answer.StatusCode, text)
			}
			bodies = append(bodies, text)
		}
		_, text := do(t, "POST", url+"/bus/poll", thief, `[{"type":"connect","session":"`+session+`","received":0}]`)
		if !strings.Contains(text, `"resumed":false`) || strings.Contains(text, "inbox") {
			t.Errorf("a connect by %.5q: got %s", thief, text)
		}
	}
	for _, text := range bodies {
		if text != bodies[0] {
			t.Errorf("answers differ: %s and %s", text, bodies[0])
		}
	}
	if answer, text := do(t, "POST", url+"/bus/send", mine, `{"session":"`+session+`","seq":1,"frames":[{"type":"ping","id":1}]}`); answer.StatusCode != 200 {
		t.Errorf("its own user: got %d %s", answer.StatusCode, text)
	}
}
