package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Who is connected, which channels there are, what is kept, what became of a message, and the end of a connection:
// each asked in a terminal, of a server, about one subscriber.
func TestOperatorsCommands(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	write(t, keys, "shop "+otherSecret+"\n")
	_, url := startServer(t, []string{"TIDINGS_TOKENS_SECRET=0123456789abcdef0123456789abcdef"}, "--api-key-file", keys, "--rules-subscribe", "anyone", "--tokens-issuer", "me", "--tokens-audience", "bus")
	do := func(status int, words ...string) string {
		t.Helper()
		p := run(t, nil, append(words, "--url", url, "--key-file", keys)...)
		if code := p.exit(); code != status {
			t.Fatalf("%q: status %d, want %d: %s%s", words, code, status, p.out, p.errors)
		}
		return p.out.String() + p.errors.String()
	}
	like := func(got, want string) {
		t.Helper()
		if !regexp.MustCompile(`(?s)^` + want + `$`).MatchString(got) {
			t.Errorf("printed\n%s\nwant\n%s", got, want)
		}
	}
	sub := run(t, nil, "subscribe", "orders/new", "--url", url, "--count", "3")
	sub.errors.wait(t, "orders/new: listening from")

	list := do(0, "connections", "--channel", "orders/new", "--json")
	var connection struct{ Connection string }
	if err := json.Unmarshal([]byte(list), &connection); err != nil || connection.Connection == "" {
		t.Fatalf("connections --json printed %s: %v", list, err)
	}
	id := connection.Connection
	like(do(0, "connections"), `CONNECTION +USER +TRANSPORT +FALLBACK +GATEWAY +STATE +SINCE +SUBSCRIPTIONS\n`+id+` +- +websocket +- +- +linked +20\S+Z +1\n`)
	like(do(0, "connections", "--user", "nobody"), `CONNECTION +USER .*SUBSCRIPTIONS\n`)
	like(do(0, "why", id, "orders/new"), `connection  `+id+`, linked\nmessage     1 of orders/new, whose newest is 0\nanswer      not_published: .*`)

	for n := range 2 {
		do(0, "publish", "orders/new", "--event", "made", "--data", fmt.Sprintf(`{"id":%d}`, n))
	}
	like(do(0, "channels", "--prefix", "orders/"), `CHANNEL +SUBSCRIBERS +POSITION\norders/new +1 +\S+:2:\S+\n`)
	table := do(0, "history", "orders/new")
	like(table, `POSITION +TIME +EVENT +DATA\n\S+:1:\S+ +20\S+Z +made +{"id":0}\n\S+:2:\S+ +20\S+Z +made +{"id":1}\n`)
	first := strings.Fields(strings.Split(table, "\n")[1])[0]
	like(do(0, "history", "orders/new", "--since", first, "--json"), `{"type":"message","channel":"orders/new",[^\n]*"offset":2,[^\n]*"data":{"id":1}}\n`)
	like(do(0, "history", "orders/new", "--limit", "1"), `POSITION[^\n]*DATA\n[^\n]*{"id":1}\n`)
	like(do(0, "history", "orders/new", "--since", "another:1:epoch"), `(?:.*\n)?tidings: messages after another:1:epoch are missing: .*`)

	sub.out.wait(t, `{"id":1}`)
	for _, words := range [][]string{{"why", id, "orders/new", "2"}, {"why", id, "orders/new"}} {
		like(do(0, words...), `connection  `+id+`, linked\nmessage     2 of orders/new, whose newest is 2\nanswer      (under_way|written|delivered): .*`)
	}
	like(do(0, "why", id, "orders/new", "--json"), `{"connection":"`+id+`",.*"offset":2,.*}\n`)
	like(do(1, "why", "nobody", "orders/new", "1"), `tidings: not_found: .*`)
	like(do(1, "why", id, "orders/new", "0"), `tidings: bad_request: parameter "offset" must be .*`)

	like(do(0, "revoke", "--user", "u42"), `all tokens of u42 that were issued until now count no more\nconnections that end: 0\nremembered until 20\S+Z\n`)
	like(do(0, "revoke", "--token", "t7", "--json"), `{"token":"t7","connections":0,"until":\d+}\n`)
	like(do(1, "revoke"), `tidings: at least one of the flags.*`)
	like(do(1, "revoke", "--token", "e.y.J"), `tidings: --token is the token's id, its claim jti, not the token.*`)
	like(do(1, "disconnect"), "tidings: name a connection .`tidings connections` prints them., or a user with --user\n")
	like(do(0, "disconnect", id), `asked to end: the connection `+id+`\nconnections that end: 1\n`)
	if code := sub.exit(); code != 1 || !strings.Contains(sub.errors.String(), "disconnected") {
		t.Errorf("the subscriber ended with %d: %s", code, sub.errors)
	}
	if p := run(t, nil, "connections", "--url", url); p.exit() != 1 || !strings.Contains(p.errors.String(), "unauthorized: ") {
		t.Errorf("without a key: %s", p.errors)
	}
	if p := run(t, nil, "channels", "--url", "127.0.0.1:1"); p.exit() != 1 || !strings.Contains(p.errors.String(), "--url, or TIDINGS_URL, names another server") {
		t.Errorf("nobody there: %s", p.errors)
	}
}

// inProcess runs a command and returns what it prints.
func inProcess(t *testing.T, args ...string) (out, errors string) {
	t.Helper()
	var o, e bytes.Buffer
	cmd := root()
	cmd.SetOut(&o)
	cmd.SetErr(&e)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return o.String(), e.String()
}

// A list is asked for page by page, up to its limit, and says where it goes on and which nodes are not in it.
func TestListsInPages(t *testing.T) {
	const all = 600
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var from, limit int
		fmt.Sscanf(r.FormValue("after"), "c%d", &from)
		fmt.Sscanf(r.FormValue("limit"), "%d", &limit)
		page := map[string]any{"nodes": 2}
		var channels []any
		for n := from + 1; n <= min(all, from+limit); n++ {
			name := fmt.Sprintf("c%03d", n)
			if channels = append(channels, map[string]any{"channel": name}); n == from+limit && n < all {
				page["after"] = name
			}
		}
		if page["channels"] = channels; from == 0 {
			page["unanswered"] = []string{"k3Jd02aP"}
		}
		json.NewEncoder(w).Encode(page)
	}))
	defer server.Close()
	const silent = "tidings: of 2 nodes these did not answer, and nothing of them is in the list: k3Jd02aP\n"
	for _, tt := range []struct {
		args         string
		lines        int
		last, errors string
	}{
		{args: "--limit 0", lines: all, last: `{"channel":"c600"}`, errors: silent},
		{args: "--limit 300", lines: 300, last: `{"channel":"c300"}`, errors: silent + "tidings: there are more: go on with --after c300\n"},
		{args: "--limit 300 --after c300", lines: 300, last: `{"channel":"c600"}`},
		{args: "--after c599", lines: 1, last: `{"channel":"c600"}`},
	} {
		out, errors := inProcess(t, append([]string{"channels", "--json", "--url", server.URL}, strings.Fields(tt.args)...)...)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) != tt.lines || lines[len(lines)-1] != tt.last || errors != tt.errors {
			t.Errorf("%s: printed %d lines, the last %s, and %q, want %d, %s and %q", tt.args, len(lines), lines[len(lines)-1], errors, tt.lines, tt.last, tt.errors)
		}
	}
}

// What comes after a position is asked for until it reaches the channel's top.
func TestHistoryInPages(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var from int
		fmt.Sscanf(r.FormValue("since"), "e:%d:", &from)
		fmt.Fprintf(w, `{"messages":[{"epoch":"e","offset":%d,"tag":"t","time":0,"event":"\u001b[2J","data":"%s"}],"epoch":"e","offset":3,"tag":"t","complete":true}`, from+1, strings.Repeat("x", 100))
	}))
	defer server.Close()
	row := func(n int) string {
		return fmt.Sprintf(`e:%d:t     1970-01-01T00:00:00Z  "\x1b[2J"  "%s…`, n, strings.Repeat("x", 78)) + "\n"
	}
	head := "POSITION  TIME                  EVENT      DATA\n"
	for _, tt := range []struct{ args, want string }{
		{"--since e:0:t", head + row(1) + row(2) + row(3)},
		{"--since e:1:t --limit 1", head + row(2)},
		{"", head + row(1)},
	} {
		if out, _ := inProcess(t, append([]string{"history", "a", "--url", server.URL}, strings.Fields(tt.args)...)...); out != tt.want {
			t.Errorf("%s: printed\n%s\nwant\n%s", tt.args, out, tt.want)
		}
	}
}

func TestPrintWhy(t *testing.T) {
	const answer = `{"connection":"vK2","channel":"a","offset":17,"state":"parked","answer":"gap","message":"The client was told a gap.","top":20,"trace":"00-1",
		"records":[{"time":1767225600000,"what":"parked"},{"time":1767225601000,"what":"gap","channel":"a","code":"evicted","from":16,"to":19},{"time":1767225602000,"what":"recovered","channel":"a","last":20}]}`
	const want = `connection  vK2, parked
message     17 of a, whose newest is 20
answer      gap: The client was told a gap.
trace       00-1

TIME                  WHAT       CHANNEL  CODE     OFFSETS
2026-01-01T00:00:00Z  parked     -        -        -
2026-01-01T00:00:01Z  gap        a        evicted  16 to 19
2026-01-01T00:00:02Z  recovered  a        -        up to 20
`
	var out strings.Builder
	if err := printWhy(&out, []byte(answer)); err != nil || out.String() != want {
		t.Errorf("got\n%s\n(%v), want\n%s", out.String(), err, want)
	}
	if err := printWhy(&out, []byte("<html>")); err == nil {
		t.Error("what is no JSON was printed")
	}
}

// explain --server prints what the rules of a running server decide, whatever settings there are here.
func TestExplainAsksAServer(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	write(t, keys, "shop "+otherSecret+"\n")
	_, url := startServer(t, nil, "--api-key-file", keys, "--rules-subscribe", "anyone")
	p := run(t, nil, "explain", "--channel", "orders/7", "--server", url, "--key-file", keys)
	if code := p.exit(); code != 0 || !strings.Contains(p.out.String(), "subscribe  yes: anyone may") || !strings.Contains(p.out.String(), "publish    no : no client may") {
		t.Errorf("status %d: %s%s", code, p.out, p.errors)
	}
	for _, words := range [][]string{
		{"--channel", "orders/7", "--token", "a.b.c"}, // nobody signs in there
		{"--channel", "a b"},
	} {
		p := run(t, nil, append([]string{"explain", "--server", url, "--key-file", keys}, words...)...)
		if code := p.exit(); code == 0 || p.errors.String() == "" {
			t.Errorf("%q: status %d: %s%s", words, code, p.out, p.errors)
		}
	}
}
