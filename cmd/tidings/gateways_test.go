package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"tidings/access"
)

// What operators see of clients of other systems: through which gateway each came, what became of a message for it,
// and what it publishes.
func TestOperatorsSeeClientsOfGateways(t *testing.T) {
	const secret = "a secret of these tests, of 32 bytes and more"
	_, url := startServer(t, []string{"TIDINGS_CONNECTION_IDS_SECRET=" + secret}, "--dev", "--joins-anonymous", "lobby", "--rules-subscribe", "anyone", "--rules-publish", "anyone")
	tail := run(t, nil, "tail", "documents/nyc/*", "--url", url, "--count", "1")
	tail.errors.wait(t, "tailing")
	for _, row := range []struct{ gateway, path, say, heard, channel string }{
		{"primus", "/primus/", `{"type":0,"data":["anybody there"],"id":1}`, `"id":1`, "lobby"},
		{"kuzzle", "/", `{"requestId":"q","controller":"realtime","action":"subscribe","index":"nyc","collection":"taxi","body":{}}`, `"requestId":"q"`, "documents/nyc/taxi"},
		{"pakyow", "/?socket_connection_id=" + signedPage(t, secret), `{"id":"7","action":"ping"}`, `"pong"`, "lobby"},
	} {
		t.Run(row.gateway, func(t *testing.T) {
			socket, _, err := websocket.Dial(t.Context(), strings.Replace(url, "http", "ws", 1)+row.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer socket.CloseNow()
			converse(t, socket, row.say, row.heard)
			if row.gateway == "kuzzle" {
				converse(t, socket, `{"requestId":"p","controller":"realtime","action":"publish","index":"nyc","collection":"taxi","body":{"by":"Kuzzle"}}`, `"requestId":"p"`)
			}
			id := ""
			for _, line := range strings.Split(inServer(t, url, "connections", "--json"), "\n") {
				var c struct{ Connection, Gateway string }
				if json.Unmarshal([]byte(line), &c); c.Gateway == row.gateway {
					id = c.Connection
				}
			}
			if id == "" {
				t.Fatalf("no connection has the gateway %s", row.gateway)
			}
			if list := inServer(t, url, "connections"); !strings.Contains(list, row.gateway) {
				t.Errorf("connections printed\n%s", list)
			}
			inServer(t, url, "publish", row.channel, "--data", `{"n":1}`)
			if got, want := inServer(t, url, "why", id, row.channel), "connection  "+id+", linked through the gateway "+row.gateway+"\n"; !strings.HasPrefix(got, want) {
				t.Errorf("why printed\n%s\nwant\n%s", got, want)
			}
		})
	}
	if code := tail.exit(); code != 0 || !strings.Contains(tail.out.String(), `"by":"Kuzzle"`) {
		t.Errorf("tail ended with %d, and printed %s%s", code, tail.out, tail.errors)
	}
}

// inServer runs a command that asks a server, to its end, and returns what it prints.
func inServer(t *testing.T, url string, words ...string) string {
	t.Helper()
	p := run(t, nil, append(words, "--url", url)...)
	if code := p.exit(); code != 0 {
		t.Fatalf("%q: status %d: %s", words, code, p.errors)
	}
	return p.out.String()
}

// signedPage returns a connection id for a page.
func signedPage(t *testing.T, secret string) string {
	t.Helper()
	ids, err := access.NewConnectionIDs([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	id, err := ids.Sign("page-of-ann-00000001", "the session of ann")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// converse sends a message and reads until an answer has a text.
func converse(t *testing.T, socket *websocket.Conn, say, heard string) {
	t.Helper()
	if err := socket.Write(t.Context(), websocket.MessageText, []byte(say)); err != nil {
		t.Fatal(err)
	}
	for {
		_, message, err := socket.Read(t.Context())
		if err != nil {
			t.Fatalf("%s was not answered: %v", say, err)
		}
		if strings.Contains(string(message), heard) {
			return
		}
	}
}
