package transports

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// Bad handshakes. The numbers are those of the matrix of bad input that this project keeps; each right answer is the
// matrix's.

// handshake is one request for an upgrade, or for what stands beside it, and its answer.
type handshake struct {
	name    string
	request string
	status  int
	code    protocol.Code // "" if the answer is no error
	closed  bool
}

func counted(refused map[Refusal]uint64, code protocol.Code) (n uint64) {
	for of, m := range refused {
		if of.Code == code {
			n += m
		}
	}
	return n
}

func playHandshakes(t *testing.T, change func(*Config), rows []handshake) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, change)
				a := r.ask(t, row.request)
				if a.status != row.status || a.code() != row.code || row.closed && !a.closed {
					t.Errorf("got %d %q closed %v, want %d %q closed %v", a.status, a.body, a.closed, row.status, row.code, row.closed)
				}
				if row.code != "" && counted(r.h.Stats().Refused, row.code) != 1 {
					t.Errorf("refusals counted: %v, want one %q", r.h.Stats().Refused, row.code)
				}
				r.stillServes(t)
			})
		})
	}
}

// stillServes connects a good client.
func (r *rig) stillServes(t *testing.T) {
	t.Helper()
	s := r.rawSocket(t).connected()
	s.send(text(`{"type":"ping","id":9}`))
	s.want(`"id":9`)
}

func TestOrigins(t *testing.T) {
	change := func(c *Config) {
		c.Origins = []string{"https://app.example", "http://plain.example:8080"}
		c.AllowedHosts = []string{"tidings.test", "tidings.test:8443"}
	}
	refused := func(name, origin string) handshake {
		return handshake{name, upgradeRequest("Origin: " + origin), 403, protocol.CodeOriginForbidden, false}
	}
	rows := []handshake{
		refused("B1 origin that is not listed", "https://evil.example"),
		refused("B1 listed host on another port", "https://app.example:444"),
		refused("B1 listed host as a subdomain", "https://app.example.evil.example"),
		refused("B1 listed host behind a user", "https://app.example@evil.example"),
		refused("B1 origin with a path", "https://app.example/x"),
		refused("B1 origin of 3 KB", "https://"+strings.Repeat("a", 3000)),
		refused("B2 null", "null"),
		refused("B3 own host, other scheme", "https://tidings.test"),
		refused("B3 listed host, other scheme", "http://app.example"),
		refused("B7 port and more", "https://app.example:443.evil.example"),
		{"B4 host that is not allowed", lines("GET /bus/ws HTTP/1.1", append([]string{"Host: evil.example", "Origin: http://evil.example"}, upgradeHeaders...)...), 403, protocol.CodeForbidden, false},
		{"B5 two origins", upgradeRequest("Origin: https://app.example", "Origin: https://evil.example"), 400, protocol.CodeBadRequest, false},
		{"B1 listed origin", upgradeRequest("Origin: https://app.example"), 101, "", false},
		{"B1 listed origin with its default port", upgradeRequest("Origin: https://app.example:443"), 101, "", false},
		{"B1 own origin", upgradeRequest("Origin: http://tidings.test"), 101, "", false},
		{"B1 no origin", upgradeRequest(), 101, "", false},
		{"B4 allowed host with port", lines("GET /bus/ws HTTP/1.1", append([]string{"Host: tidings.test:8443"}, upgradeHeaders...)...), 101, "", false},
	}
	for _, path := range []string{"/bus", "/bus/sse?channel=a", "/bus/poll?channel=a"} {
		rows = append(rows, handshake{"B1 " + path, lines("GET "+path+" HTTP/1.1", "Origin: https://evil.example"), 403, protocol.CodeOriginForbidden, false})
	}
	rows = append(rows, handshake{"B1 send", post("/bus/send", `{}`, "Origin: https://evil.example"), 403, protocol.CodeOriginForbidden, true})
	playHandshakes(t, change, rows)
}

func TestOriginsForDevelopment(t *testing.T) {
	playHandshakes(t, func(c *Config) { c.LocalhostOrigins = true; c.Origins = []string{"null"} }, []handshake{
		{"localhost", upgradeRequest("Origin: http://localhost:5173"), 101, "", false},
		{"127.0.0.1", upgradeRequest("Origin: http://127.0.0.1:3000"), 101, "", false},
		{"[::1]", upgradeRequest("Origin: http://[::1]:3000"), 101, "", false},
		{"B2 null, listed", upgradeRequest("Origin: null"), 101, "", false},
		{"B1 a name that only begins so", upgradeRequest("Origin: http://localhost.evil.example"), 403, protocol.CodeOriginForbidden, false},
	})
	playHandshakes(t, func(c *Config) { c.Origins = []string{"*"} }, []handshake{
		{"any", upgradeRequest("Origin: https://whoever.example"), 101, "", false},
		{"B2 any is not null", upgradeRequest("Origin: null"), 403, protocol.CodeOriginForbidden, false},
	})
}

func TestHandshakes(t *testing.T) {
	without := func(header string, more ...string) string {
		var rest []string
		for _, h := range upgradeHeaders {
			if !strings.HasPrefix(h, header) {
				rest = append(rest, h)
			}
		}
		return lines("GET /bus/ws HTTP/1.1", append(rest, more...)...)
	}
	bad := protocol.CodeProtocolError
	playHandshakes(t, nil, []handshake{
		{"B8 no key", without("Sec-WebSocket-Key"), 400, bad, false},
		{"B8 key of 15 bytes", without("Sec-WebSocket-Key", "Sec-WebSocket-Key: "+"MTIzNDU2Nzg5MDEyMzQ1"), 400, bad, false},
		{"B8 two keys", upgradeRequest("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400, bad, false},
		{"B9 version 8", without("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), 400, bad, false},
		{"B10 POST", strings.Replace(upgradeRequest(), "GET", "POST", 1), 405, protocol.CodeMethodNotAllowed, false},
		{"B10 HTTP/1.0", strings.Replace(upgradeRequest(), "HTTP/1.1", "HTTP/1.0", 1), 426, bad, true},
		{"B10 no upgrade", lines("GET /bus/ws HTTP/1.1"), 426, bad, false},
		{"B11 announced body", upgradeRequest("Content-Length: 5"), 400, protocol.CodeBadRequest, true},
		{"B11 chunked body", upgradeRequest("Transfer-Encoding: chunked"), 400, protocol.CodeBadRequest, true},
		{"B12 two lengths", strings.Replace(post("/bus/send", "{}"), "\r\n\r\n", "\r\nContent-Length: 3\r\n\r\n", 1), 400, "", true},
		{"B12 TE xchunked", lines("POST /bus/send HTTP/1.1", "Transfer-Encoding: xchunked"), 501, "", true},
		{"B12 space before colon", lines("GET /bus HTTP/1.1", "X-A : b"), 400, "", true},
		{"B13 host with @", "GET /bus HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "", true},
		{"B13 host with a space", "GET /bus HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "", true},
		{"B13 no host", "GET /bus HTTP/1.1\r\n\r\n", 400, "", true},
		{"B18 8 KB of extensions", upgradeRequest("Sec-WebSocket-Extensions: " + strings.Repeat(", ;", 2700)), 101, "", false},
		{"B18 8 KB of protocols", upgradeRequest("Sec-WebSocket-Protocol: " + strings.Repeat(" ,", 4000)), 101, "", false},
		{"B18, B25 deflate is not offered", upgradeRequest("Sec-WebSocket-Extensions: permessage-deflate"), 101, "", false},
		{"two tokens", upgradeRequest("Authorization: Bearer a", "Authorization: Bearer b"), 400, protocol.CodeBadRequest, false},
		{"token of 9 KB", upgradeRequest("Authorization: Bearer " + strings.Repeat("a", 9000)), 401, protocol.CodeUnauthorized, false},
		{"B47 channel in the URL", strings.Replace(upgradeRequest(), "/bus/ws", "/bus/ws?channel=a//b", 1), 400, protocol.CodeBadChannel, false},
		{"B50 dots, decoded once", strings.Replace(upgradeRequest(), "/bus/ws", "/bus/ws?channel=a%2F..%2Fb", 1), 400, protocol.CodeBadChannel, false},
		{"B50 twice encoded", strings.Replace(upgradeRequest(), "/bus/ws", "/bus/ws?channel=a%252Fb", 1), 400, protocol.CodeBadChannel, false},
		{"B53 the server's own names", strings.Replace(upgradeRequest(), "/bus/ws", "/bus/ws?channel=$x", 1), 403, protocol.CodeForbidden, false},
		{"B85 1,000 parameters", strings.Replace(upgradeRequest(), "/bus/ws", "/bus/ws?channel=a"+strings.Repeat("&x=1", 1000), 1), 400, protocol.CodeBadRequest, false},
	})
}

func TestHandshakeHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		a := r.ask(t, strings.Replace(upgradeRequest(), "Version: 13", "Version: 8", 1))
		if got := a.header.Get("Sec-WebSocket-Version"); got != "13" {
			t.Errorf("B9: Sec-WebSocket-Version is %q", got)
		}
		if strings.Contains(a.body, "WebSocket protocol violation") {
			t.Errorf("the library's text is in the answer: %q", a.body)
		}
		a = r.ask(t, upgradeRequest("Sec-WebSocket-Extensions: permessage-deflate"))
		if got := a.header.Get("Sec-WebSocket-Extensions"); got != "" {
			t.Errorf("B25: compression was agreed: %q", got)
		}
	})
}

// F82: what no browser sends is refused when the server starts, with how it is sent.
func TestF82_OriginsThatNoBrowserSends(t *testing.T) {
	for _, tt := range []struct{ host, want string }{ // "" for one that may come
		{"app.example", ""}, {"app.example:8443", ""}, {"APP.example", ""}, {"xn--bcher-kva.example", ""}, {"localhost", ""}, {"127.0.0.1:3000", ""},
		{"[::1]", ""}, {"[::1]:3000", ""}, {"app_1.example.", ""}, {"7.example", ""},
		{"bücher.example", "xn--"}, {"b\u0075\u0308cher.example:8443", "xn--"},
		{"[0:0:0:0:0:0:0:1]:3000", "::1"}, {"127.1", "four numbers"}, {"0x7f000001", "four numbers"}, {"2130706433:80", "four numbers"},
		{"app.example:080", "port"}, {"app.example:70000", "port"}, {"app.example:0", "port"},
	} {
		for field, c := range map[string]Config{"Origins": {Origins: []string{"https://" + tt.host}}, "AllowedHosts": {AllowedHosts: []string{tt.host}}} {
			err := c.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), field+": ") || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s %q: got %v, want %q", field, tt.host, err, tt.want)
			}
		}
	}
	if err := (Config{AllowedHosts: []string{"::1"}}).Validate(); err != nil {
		t.Errorf("an address without brackets: %v", err)
	}
}

func Test_B6_patternsInOriginsAreRefused(t *testing.T) {
	for _, origin := range []string{"https://example.com*", "https://*.example.com", "*.example.com", "example.com", "https://example.com/", "https://", "https://a b", "https://example.com:", "https://u@example.com"} {
		err := Config{Origins: []string{origin}}.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "Origins: ") {
			t.Errorf("%q: got %v, want an error that names Origins", origin, err)
		}
	}
	if err := (Config{Origins: []string{"*", "null", "https://example.com", "http://localhost:3000", "http://[::1]:3000"}}).Validate(); err != nil {
		t.Error(err)
	}
}

func Test_B16_connectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		start := time.Now()
		r.rawSocket(t).wantEnd(protocol.CodeConnectTimeout)
		if took := time.Since(start); took < protocol.ConnectDeadline || took > protocol.ConnectDeadline+3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func Test_B16_pingsDoNotReplaceConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t)
		for i := range 3 {
			time.Sleep(3 * time.Second)
			s.send(text(fmt.Sprintf(`{"type":"ping","id":%d}`, i+1)))
			s.want(fmt.Sprintf(`{"type":"pong","id":%d}`, i+1))
		}
		s.wantEnd(protocol.CodeConnectTimeout)
	})
}

func Test_B16_aSlowBusIsNotTheClientsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.bus.slow = 15 * time.Second
		s := r.rawSocket(t)
		s.send(text(`{"type":"connect"}`))
		s.wantEnd(protocol.CodeTimeout)
	})
}

func Test_B19_unknownVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, nil).rawSocket(t)
		s.send(text(`{"type":"connect","version":99}`))
		s.wantEnd(protocol.CodeUnsupportedVersion)
	})
}

func TestUnauthorized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		s := r.rawSocket(t)
		s.send(text(`{"type":"connect","token":"bad"}`))
		s.wantEnd(protocol.CodeUnauthorized)
		if a := r.ask(t, post("/bus/sse", `{"type":"connect","token":"bad"}`)); a.status != http.StatusUnauthorized || a.code() != protocol.CodeUnauthorized {
			t.Errorf("sse: got %d %q", a.status, a.body)
		}
	})
}
