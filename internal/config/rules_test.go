package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tidings/access"
)

func TestRulesOfPatterns(t *testing.T) {
	s, err := load(t, `
rules:
  subscribe: nobody
  publish: [user, "role:desk"]
  channels:
    "visitor-management/**": {subscribe: anyone}
    "visitor-management/arrival/{user}":
      subscribe: user
      presence: [user, role:admin]
      history: {messages: 10, age: 1h, bytes: 64KiB}
      payload: 4KiB
      rate: 2.5
      collect_window: 0s
    "admin/**":
      subscribe: role:admin
      publish: "role:admin, permission:orders:write"
      history:
        age: 2h
      collect_window: 5ms
`, []string{"TIDINGS_API_KEY=" + secret})
	if err != nil {
		t.Fatal(err)
	}
	want := []access.Rule{
		{Pattern: "visitor-management/**", Subscribe: "anyone"},
		{Pattern: "visitor-management/arrival/{user}", Subscribe: "user", Presence: "user,role:admin",
			Limits: access.Limits{HistoryMessages: 10, HistoryAge: time.Hour, HistoryBytes: 64 << 10, Payload: 4 << 10, Rate: 2.5, CollectWindow: -1}},
		{Pattern: "admin/**", Subscribe: "role:admin", Publish: "role:admin, permission:orders:write",
			Limits: access.Limits{HistoryAge: 2 * time.Hour, CollectWindow: 5 * time.Millisecond}},
	}
	if !reflect.DeepEqual(s.Channels, want) || s.Subscribe != "nobody" || s.Publish != "user,role:desk" {
		t.Errorf("got %+v, %q, %q", s.Channels, s.Subscribe, s.Publish)
	}
}

// A rule is never widened by accident: what is not understood, or said twice, refuses to start.
func TestB110_FaultsOfRulesAreNamed(t *testing.T) {
	const head = "api_key: " + secret + "\nrules:\n  channels:\n"
	for _, c := range []struct{ name, rules, want string }{
		{"an unknown field", `    "a/**": {subscribe: user, pubish: user}`, `tidings.yaml:4: "a/**": a rule does not say "pubish"; it says subscribe, publish`},
		{"an unknown field of history", `    "a": {history: {size: 3}}`, `a rule does not say "history.size"`},
		{"nothing", `    "a": {}`, `tidings.yaml:4: "a": must be a mapping`},
		{"a text", `    "a": anyone`, `tidings.yaml:4: "a": must be a mapping`},
		{"no value", `    "a": {subscribe: }`, `"a": subscribe has no value`},
		{"a field twice", "    a:\n      subscribe: user\n      subscribe: anyone", `tidings.yaml:6: "a": subscribe is set twice`},
		{"a pattern twice", "    a: {subscribe: user}\n    a: {subscribe: anyone}", `name the same channels`},
		{"patterns of the same channels", "    a/*: {subscribe: user}\n    a/{user}: {subscribe: user}", `"a/*" and "a/{user}" name the same channels`},
		{"no pattern", `    "a//b": {subscribe: user}`, `tidings.yaml:4: rules.channels: pattern "a//b"`},
		{"no allowance", `    "a": {subscribe: users}`, `tidings.yaml:4: "a": subscribe: "users" is neither`},
		{"a comma in a list", `    "a": {subscribe: ["role:a,user"]}`, `holds a comma`},
		{"a list of numbers", `    "a": {subscribe: [1]}`, `must be a list of texts`},
		{"a placeholder without effect", `    "a/{user}": {subscribe: anyone}`, `tidings.yaml:4: rules.channels: "a/{user}": {user} has no effect`},
		{"a negative history", `    "a": {history: {messages: -1}}`, `"a": history.messages: must be from 1 to`},
		{"a window that is too long", `    "a": {collect_window: 1s}`, `"a": collect_window: must be from`},
		{"a payload of nothing", `    "a": {payload: 0}`, `"a": payload: must be at least 1`},
		{"a payload above the protocol's", `    "a": {payload: 1MiB}`, `Payload: must be from 1 to 65536`},
		{"a rate of nothing", `    "a": {rate: 0}`, `"a": rate: must be from`},
		{"a rate that is no number", `    "a": {rate: fast}`, `"a": rate: must be a number`},
		{"a filter", `    "a": {subscribe: user, filter: {equals: {tenant: "{tenant}"}}}`, ""},
		{"a filter of no keyword", `    "a": {subscribe: user, filter: {equal: {tenant: t1}}}`, `tidings.yaml:4: "a": filter: bad_filter: "equal": unknown keyword`},
		{"a filter with a fault below", "    \"a\":\n      subscribe: user\n      filter: {and: [{equals: {tenant: \"{tenant}\"}}, {range: {n: {gte: x}}}]}", `tidings.yaml:6: "a": filter: bad_filter: "and.range.n.gte"`},
		{"a filter that could be an expression", `    "a": {subscribe: user, filter: {regexp: {tenant: "{tenant}"}}}`, `tidings.yaml:4: "a": filter: "{tenant}" has a placeholder where none can be`},
		{"a filter that is none", `    "a": {subscribe: user, filter: mine}`, `tidings.yaml:4: "a": filter: must be a filter, such as`},
		{"a list", `    - a`, `tidings.yaml:4: rules.channels: must be a mapping`},
		{"all channels twice", "    \"**\": {subscribe: user}\n  subscribe: anyone", `keep one`},
		{"wide open", `    "**": {subscribe: anyone, publish: anyone}`, `that is for development`},
		{"the file alone", "    a: {subscribe: user}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, head+c.rules+"\n", nil)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := load(t, "", []string{"TIDINGS_RULES_CHANNELS=a", "TIDINGS_DEV=1"}); err == nil || !strings.Contains(err.Error(), "in the file alone") {
		t.Errorf("from the environment: %v", err)
	}
	if _, err := load(t, "api_key: "+secret+"\nrules: {subscribe: anyone, publish: anyone}", nil); err == nil || !strings.Contains(err.Error(), "that is for development") {
		t.Errorf("wide open without patterns: %v", err)
	}
}

func TestTheTokensSecret(t *testing.T) {
	name := filepath.Join(t.TempDir(), "secret")
	for _, c := range []struct{ file, want string }{{secret + "\n", ""}, {" \n", "is empty"}} {
		if err := os.WriteFile(name, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := load(t, "", nil, "--dev", "--tokens-secret-file", name)
		if c.want == "" && (err != nil || s.TokenSecret != secret) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: got %v", c.file, err)
		}
		if _, err := load(t, "", []string{"TIDINGS_TOKENS_SECRET=" + secret}, "--dev", "--tokens-secret-file", name); err == nil {
			t.Error("two secrets were taken")
		}
	}
}

// B72: nothing turns verification off, whatever it were called.
func TestB72_NothingTurnsVerificationOff(t *testing.T) {
	for _, k := range keys {
		for _, word := range []string{"insecure", "skip", "disable", "verify", "unsafe", "none", "algorithm", "alg", "leeway"} {
			if strings.Contains(strings.ReplaceAll(k.name, "algorithm", "alg"), word) {
				t.Errorf("%s: what does it turn off?", k.name)
			}
		}
	}
}

func TestJoinsAndConnectionIDs(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	newer, older := strings.Repeat("n", 32), strings.Repeat("o", 40)
	if err := os.WriteFile(secrets, []byte(newer+"\n\n  "+older+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := load(t, `joins: {anonymous: [anonymous], authenticated: [authenticated, "user/{user}", "role/{role}", "permission/{permission}"]}
connection_ids: {secret_file: `+secrets+`}
limits: {grants: 7}`, nil, "--dev")
	want := access.Joins{Anonymous: []string{"anonymous"}, Authenticated: []string{"authenticated", "user/{user}", "role/{role}", "permission/{permission}"}}
	if err != nil || !reflect.DeepEqual(s.Joins, want) || s.ConnectionIDSecret != newer+"\n"+older || s.MaxGrants != 7 {
		t.Errorf("got %+v, secrets of %d bytes, %d grants, %v", s.Joins, len(s.ConnectionIDSecret), s.MaxGrants, err)
	}
	s, err = load(t, "", []string{"TIDINGS_JOINS_AUTHENTICATED=a, user/{user}", "TIDINGS_CONNECTION_IDS_SECRET=" + newer}, "--dev")
	if err != nil || !reflect.DeepEqual(s.Joins.Authenticated, []string{"a", "user/{user}"}) || s.ConnectionIDSecret != newer || s.MaxGrants != 200_000 {
		t.Errorf("from the environment: got %+v, secrets of %d bytes, %v", s.Joins, len(s.ConnectionIDSecret), err)
	}
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte(newer+"\n"+older[:31]), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, want string }{
		{`joins: {authenticated: ["news/*"]}`, `tidings.yaml:1: joins.authenticated: Joins.Authenticated: "news/*": "*" names no channel`},
		{`joins: {anonymous: ["user/{user}"]}`, "nothing is known of an anonymous client"},
		{`joins: {authenticated: "user-{user}"}`, "a placeholder is a whole segment"},
		{`joins: {member: [a]}`, `"joins.member" is no setting`},
		{`joins: {anonymous: 7}`, "joins.anonymous: must be a list of texts"},
		{`connection_ids: {secret: short}`, "connection_ids.secret: must be a text of 32"},
		{`connection_ids: {secret: ` + newer + `, secret_file: ` + secrets + `}`, "exclude each other"},
		{`connection_ids: {secret_file: ` + short + `}`, "a line must be a text of 32"},
		{`connection_ids: {secret_file: ` + os.DevNull + `}`, "is empty"},
		{`limits: {grants: 0}`, "limits.grants: must be from 1"},
	} {
		if _, err := load(t, c.file, nil, "--dev"); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), newer) {
			t.Errorf("%s: got %v, want %q", c.file, err, c.want)
		}
	}
}
