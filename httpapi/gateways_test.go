package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"tidings/protocol"
	"tidings/transports"
)

// mute is a language that answers each request in a word of its own, and upgrades none.
type mute struct{ word string }

func (mute) Unsupported() map[string]uint64 { return map[string]uint64{"sing": 1} }

func (mute) Gateway() protocol.Gateway { return protocol.GatewayPrimus }

func (m mute) Greet(w http.ResponseWriter, r *http.Request) *transports.Greeting {
	http.Error(w, m.word, http.StatusUpgradeRequired)
	return nil
}

func TestURLsOfGateways(t *testing.T) {
	upgrade := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}
	all := []Gateway{{Path: "/primus", Language: mute{"primus"}}, {Path: "/", Query: "socket_connection_id", Language: mute{"pakyow"}}, {Path: "/", Language: mute{"kuzzle"}}}
	for _, row := range []struct {
		name, base string
		gateways   []Gateway
		path       string
		header     http.Header
		status     int
		has        string
	}{
		{"its path", "", all, "/primus", nil, 426, "primus"},
		{"below its path", "", all, "/primus/spec?a=b", nil, 426, "primus"},
		{"below the base path", "/t", all, "/t/primus/", nil, 426, "primus"},
		{"beside its path", "", all, "/primusfoo", nil, 404, "nothing at this URL"},
		{"the root", "", all, "/", upgrade, 426, "kuzzle"},
		{"the root, whatever the base path", "/t", all, "/", upgrade, 426, "kuzzle"},
		{"the root with a parameter", "", all, "/?socket_connection_id=x", upgrade, 426, "pakyow"},
		{"the root without a handshake", "", all, "/", nil, 404, "nothing at this URL"},
		{"the root's start page, beside a gateway", "", all, "/", nil, 200, "<title>start</title>"},
		{"the root's start page alone", "", nil, "/", nil, 200, "<title>start</title>"},
		{"a handshake is not for the start page", "", nil, "/", upgrade, 404, "gateways.kuzzle"},
		{"the start page below the base path", "/t", all, "/t/", nil, 200, "<title>start</title>"},
		{"the root beside a start page below the base path", "/t", all, "/", nil, 404, "nothing at this URL"},
		{"what the start page loads", "/t", nil, "/t/start/start.js", nil, 200, "export {}"},
		{"off", "", nil, "/primus/primus.js", nil, 404, "gateways.primus"},
		{"off, below the base path", "/t", nil, "/t/primus", nil, 404, "gateways.primus"},
		{"off, of a path with a slash behind it", "/t", nil, "/t/socket.io/?EIO=4", nil, 404, "gateways.socketio"},
		{"off, at the root", "", nil, "/", upgrade, 404, "gateways.kuzzle"},
		{"another URL", "", nil, "/favicon.ico", nil, 404, "nothing at this URL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := start(t, func(c *Config) {
				c.BasePath, c.Gateways = row.base, row.gateways
				if strings.Contains(row.name, "start page") {
					c.Start = fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>start</title>")}, "start.js": {Data: []byte("export {}")}}
				}
			})
			got := w.do(request{path: row.path, header: row.header, noKey: true})
			if got.Code != row.status || !strings.Contains(got.Body.String(), row.has) {
				t.Errorf("%s: answered %d %s; want %d with %q", row.path, got.Code, got.Body, row.status, row.has)
			}
		})
	}
}
