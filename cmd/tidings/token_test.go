package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidings/access"
)

const tokenSecret = "a secret of these tests, of more than 32 bytes"

// withRules writes settings of a server whose clients sign in.
func withRules(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "tidings.yaml")
	write(t, file, "api_key: "+otherSecret+`
tokens: {issuer: tests, audience: tidings, secret: "`+tokenSecret+`"}
joins: {anonymous: [anonymous], authenticated: ["user/{user}", "role/{role}"]}
connection_ids: {secret: "`+tokenSecret+`"}
rules:
  channels:
    "news/**": {subscribe: anyone}
    "inbox/{user}": {subscribe: user, publish: "user, role:desk"}
    "tasks/*": {subscribe: user, filter: {equals: {owner: "{user}"}}}
`)
	return file
}

// said runs the binary to its end.
func said(t *testing.T, environ []string, args ...string) (out, errors string, code int) {
	t.Helper()
	p := run(t, environ, args...)
	code = p.exit()
	return p.out.String(), p.errors.String(), code
}

func TestTokensAreMadeInspectedAndChecked(t *testing.T) {
	file := withRules(t)
	token, errors, code := said(t, nil, "token", "make", "--config", file, "--user", "u1", "--role", "desk", "--claim", "tenant=t1", "--id", "j1", "--lifetime", "10m")
	if token = strings.TrimSpace(token); code != 0 {
		t.Fatalf("make: %d: %s", code, errors)
	}
	out, _, code := said(t, []string{"TIDINGS_TOKEN=" + token}, "token", "check", "--config", file)
	var who struct {
		User, ID string
		Roles    []string
		Expires  time.Time
	}
	if err := json.Unmarshal([]byte(out), &who); err != nil || code != 0 || who.User != "u1" || who.ID != "j1" || strings.Join(who.Roles, " ") != "desk" || time.Until(who.Expires) > 10*time.Minute {
		t.Errorf("check: %d: %s", code, out)
	}
	if out, errors, code = said(t, nil, "token", "check", "--config", file, token+"x"); code != 1 || out != "" || !strings.Contains(errors, "signature") || strings.Contains(errors, token) {
		t.Errorf("check of an altered one: %d: %s %s", code, out, errors)
	}
	other, _, _ := said(t, nil, "token", "make", "--config", file, "--tokens-issuer", "elsewhere", "--user", "auth0|7")
	if _, errors, code = said(t, nil, "token", "check", "--config", file, strings.TrimSpace(other)); code != 1 || !strings.Contains(errors, `iss is "elsewhere", and tokens.issuer is "tests"`) {
		t.Errorf("check of another issuer's: %d: %s", code, errors)
	}
	if out, errors, code = said(t, nil, "token", "check", "--config", file, "--tokens-issuer", "elsewhere", strings.TrimSpace(other)); code != 0 || !strings.Contains(errors, "cannot be part of a channel's name") {
		t.Errorf("check of a user that fits no {user}: %d: %s %s", code, out, errors)
	}
	if out, _, code = said(t, nil, "token", "inspect", token+"x"); code != 0 || !strings.Contains(out, `"tenant": "t1"`) || !strings.Contains(out, `"alg": "HS256"`) {
		t.Errorf("inspect: %d: %s", code, out)
	}
	for _, args := range [][]string{{"token", "inspect", "a.b"}, {"token", "inspect", "a.b.c"}, {"token", "inspect"}, {"token", "make", "--config", file, "--user", "u", "--claim", "x"}, {"token", "make", "--dev", "--user", "u"}} {
		if _, errors, code := said(t, nil, args...); code != 1 || errors == "" {
			t.Errorf("%q: %d %s", args, code, errors)
		}
	}
	p := exec.Command(binary, "token", "inspect", "-")
	p.Stdin = strings.NewReader(token + "\n")
	if text, err := p.Output(); err != nil || !strings.Contains(string(text), `"sub": "u1"`) {
		t.Errorf("from standard input: %v: %s", err, text)
	}
}

func TestExplainSaysWhichRouteDecides(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tidings.yaml")
	config := "dev: true\nrouting:\n  - {event: \"messages *\", if: userId, to: \"user/{userId}\"}\n  - {if: roomId, to: [\"room/{roomId}\", lobby]}\n"
	write(t, file, config)
	for _, c := range []struct {
		name, event, data string
		args              []string
		code              int
		want              []string
	}{
		{"the first", "messages created", `{"userId":7}`, nil, 0, []string{"event      messages created", "route 1    yes: to user/{userId}", "channel    user/7"}},
		{"the second", "tasks created", `{"userId":7, "roomId":"r"}`, nil, 0, []string{`route 1    no : the event is not "messages *"`, "channel    room/r\nchannel    lobby"}},
		{"none", "tasks created", `{}`, nil, 1, []string{`route 2    no : the data has no "roomId"`, "channels   none"}},
		{"a slash", "messages created", `{"userId":"a/b"}`, nil, 1, []string{"route 1    yes", "channels   none"}},
		{"JSON", "messages created", `{"userId":7}`, []string{"--json"}, 0, []string{`{"event":"messages created","route":1,"channels":["user/7"],"steps":[{"route":1,"applies":true,"why":"to user/{userId}"}]}`}},
		{"no JSON", "e", `{`, nil, 1, nil},
		{"a channel too", "e", `1`, []string{"--channel", "a"}, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errors, code := said(t, nil, append([]string{"explain", "--config", file, "--event", c.event, "--data", c.data}, c.args...)...)
			if code != c.code || (c.want == nil || c.name == "a slash") != (errors != "") {
				t.Errorf("ended with %d: %s %s", code, out, errors)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("printed %s, which lacks %q", out, want)
				}
			}
		})
	}
	if _, errors, code := said(t, nil, "explain", "--config", file); code == 0 || !strings.Contains(errors, "channel") {
		t.Errorf("nothing to explain: %d %s", code, errors)
	}
}

func TestExplainSaysWhichRuleDecides(t *testing.T) {
	file := withRules(t)
	token, _, _ := said(t, nil, "token", "make", "--config", file, "--user", "u1", "--role", "desk")
	token = strings.TrimSpace(token)
	for _, c := range []struct {
		name  string
		token string
		args  []string
		code  int
		want  []string
	}{
		{"its own", token, []string{"--channel", "inbox/u1"}, 0, []string{`rule       rules.channels, "inbox/{user}"`, "client     u1", "subscribe  yes: the channel is of this user", "presence   no : no client may"}},
		{"another's", token, []string{"--channel", "inbox/u2"}, 1, []string{`subscribe  no : the channel is of user "u2"`, `publish    yes: the token has the role "desk"`}},
		{"without a token", "", []string{"--channel", "inbox/u1"}, 1, []string{"client     anonymous", "the client is anonymous, and the rule asks for user"}},
		{"a join", token, []string{"--channel", "role/desk"}, 0, []string{`subscribe  yes: the client is put in it by the join "role/{role}"`}},
		{"a join of another", token, []string{"--channel", "user/u2"}, 1, []string{"subscribe  no", "grants     not known here"}},
		{"a join of an anonymous client", "", []string{"--channel", "anonymous", "--json"}, 0, []string{`"join":"anonymous","subscribe":{"allowed":true`}},
		{"its rows", token, []string{"--channel", "tasks/a"}, 0, []string{`filter     {"equals":{"owner":"u1"}}: the client hears and reads only`}},
		{"rows of nobody", "", []string{"--channel", "tasks/open"}, 1, []string{`subscribe  no : the client is anonymous`, `filter     {"nothing":true}`}},
		{"no pattern", token, []string{"--channel", "other"}, 1, []string{"since no pattern matches"}},
		{"JSON", "", []string{"--channel", "news/a", "--json", "--token", token}, 0, []string{`"rule":"news/**","user":"u1","subscribe":{"allowed":true,"asks":"anyone","why":"anyone may"}`}},
		{"no channel", "", []string{"--channel", "a//b"}, 1, nil},
		{"a bad token", "x", []string{"--channel", "news/a"}, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errors, code := said(t, []string{"TIDINGS_TOKEN=" + c.token}, append([]string{"explain", "--config", file}, c.args...)...)
			if code != c.code || (c.want == nil) != (errors != "") {
				t.Errorf("ended with %d: %s %s", code, out, errors)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("printed %s, which lacks %q", out, want)
				}
			}
		})
	}
}

func TestAConnectionIDIsMade(t *testing.T) {
	file := withRules(t)
	ids, err := access.NewConnectionIDs([]byte(tokenSecret))
	if err != nil {
		t.Fatal(err)
	}
	out, errors, code := said(t, nil, "connection-id", "--config", file, "--session-key", "a key", "--page", "page-0123456789abcdef")
	if page, ok := ids.Verify(strings.TrimSpace(out)); !ok || code != 0 || page.ID != "page-0123456789abcdef" || page.Session != access.SessionHash("a key") {
		t.Errorf("got %d: %s %s", code, out, errors)
	}
	one, _, _ := said(t, nil, "connection-id", "--config", file, "--session-key", "a key")
	two, _, _ := said(t, nil, "connection-id", "--config", file, "--session-key", "a key")
	if _, ok := ids.Verify(strings.TrimSpace(one)); !ok || one == two {
		t.Errorf("got %s and %s", one, two)
	}
	for _, args := range [][]string{{"--config", file}, {"--config", file, "--session-key", ""}, {"--config", file, "--session-key", "k", "--page", "short"}, {"--dev", "--session-key", "k"}} {
		if out, errors, code := said(t, nil, append([]string{"connection-id"}, args...)...); code != 1 || out != "" || errors == "" {
			t.Errorf("%q: %d %s %s", args, code, out, errors)
		}
	}
}
