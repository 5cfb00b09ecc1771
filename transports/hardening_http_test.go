package transports

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

// Bad requests to SSE, long-poll and send, rows B87 to B97, and what they share with the HTTP API.

func Test_B87_wrongSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.stream(t, http.MethodPost, "", `{"type":"connect","token":"mine"}`).want(protocol.TypeConnected)
		id := r.bus.all()[0].id
		var bodies []string
		for _, wrong := range []struct{ id, token string }{{"guess", "mine"}, {id[:len(id)-1], "mine"}, {strings.ToUpper(id), "mine"}, {id, "other"}} {
			for _, request := range []string{
				post("/bus/poll", pollBody(wrong.id, "0"), "Authorization: Bearer "+wrong.token),
				post("/bus/send", fmt.Sprintf(`{"session":%q,"seq":1,"frames":[]}`, wrong.id), "Authorization: Bearer "+wrong.token),
			} {
				a := r.ask(t, request)
				if a.status != http.StatusGone || a.code() != protocol.CodeSessionGone {
					t.Errorf("%v: got %d %s", wrong, a.status, a.body)
				}
				bodies = append(bodies, a.body)
			}
		}
		if len(slices.Compact(bodies)) != 1 {
			t.Errorf("the answers differ: %q", bodies)
		}
	})
}

func Test_B88_sessionWithoutToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.stream(t, http.MethodPost, "", `{"type":"connect"}`, "Authorization", "Bearer mine").want(protocol.TypeConnected)
		s := r.bus.all()[0]
		for _, request := range []string{post("/bus/poll", pollBody(s.id, "0")), post("/bus/send", fmt.Sprintf(`{"session":%q,"seq":1,"frames":[]}`, s.id))} {
			if a := r.ask(t, request); a.status != http.StatusUnauthorized {
				t.Errorf("got %d %s", a.status, a.body)
			}
		}
		if a := r.ask(t, post("/bus/send", fmt.Sprintf(`{"session":%q,"seq":1,"frames":[]}`, s.id), "Authorization: Bearer mine")); a.status != 200 {
			t.Errorf("with token: got %d %s", a.status, a.body)
		}
		if got := s.losses(); len(got) != 0 {
			t.Errorf("the stream was lost: %q", got)
		}
	})
}

func Test_B89_twoPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		session, cursor := r.openPoll(t)
		older := make(chan polled, 1)
		go func() {
			p, _ := r.poll(t, context.Background(), "", pollBody(session, cursor))
			older <- p
		}()
		synctest.Wait()
		newer := make(chan polled, 1)
		go func() {
			p, _ := r.poll(t, context.Background(), "", pollBody(session, cursor))
			newer <- p
		}()
		within(t, 0, func() {
			if p := <-older; p.status != http.StatusConflict || p.code != protocol.CodeSuperseded {
				t.Errorf("the older poll was answered %+v", p)
			}
		})
		r.bus.publish("a", "1")
		if got := (<-newer).data(); !slices.Equal(got, []string{"1"}) {
			t.Errorf("the newer poll was answered %q", got)
		}
	})
}

func Test_B89_manyPollsLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		session, cursor := r.openPoll(t)
		seen := map[string]bool{}
		for i := range 50 {
			answers := make(chan polled, 2)
			for range 2 {
				body := pollBody(session, cursor)
				go func() {
					p, _ := r.poll(t, context.Background(), "", body)
					answers <- p
				}()
			}
			go r.bus.publish("a", fmt.Sprint(i))
			for range 2 {
				p := <-answers
				for _, data := range p.data() {
					seen[data] = true
				}
				if p.status == 200 && len(p.cursor) >= len(cursor) && p.cursor > cursor || len(p.cursor) > len(cursor) {
					cursor = p.cursor
				}
			}
		}
		for i := 0; len(seen) < 50 && i < 5; i++ {
			for _, data := range r.mustPoll(t, "", pollBody(session, cursor)).data() {
				seen[data] = true
			}
		}
		if len(seen) != 50 {
			t.Errorf("got %d of 50 messages", len(seen))
		}
	})
}

func Test_B90_wrongCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		session, cursor := r.openPoll(t)
		for received, want := range map[string]protocol.Code{
			"99": protocol.CodeBadCursor, "9007199254740991": protocol.CodeBadCursor,
			"-1": protocol.CodeBadRequest, "18446744073709551616": protocol.CodeBadRequest, `"1"`: protocol.CodeBadRequest, "1.5": protocol.CodeBadRequest, "null": protocol.CodeBadRequest,
		} {
			p, err := r.poll(t, context.Background(), "", pollBody(session, received))
			if err != nil || p.status != 400 || p.code != want {
				t.Errorf("received %s: got %+v, %v; want 400 %q", received, p, err, want)
			}
		}
		r.bus.publish("a", "1")
		if got := r.mustPoll(t, "", pollBody(session, cursor)).data(); !slices.Equal(got, []string{"1"}) {
			t.Errorf("the session was not kept: %q", got)
		}
	})
}

func Test_B91_lastEventID(t *testing.T) {
	for _, row := range []struct {
		name, id string
		reason   protocol.GapReason // "" if it recovers
	}{
		{"good", "e1:2:t2", ""},
		{"foreign epoch", "other:2:t2", protocol.GapEpochChanged},
		{"from the future", "e1:99:t99", protocol.GapPositionUnknown},
		{"another's tag", "e1:2:xx", protocol.GapPositionUnknown},
		{"a number", "17", protocol.GapPositionUnknown},
		{"garbage", "<script>", protocol.GapPositionUnknown},
		{"for two channels", "e1:2:t2,e1:2:t2", protocol.GapPositionUnknown},
		{"2 KB", strings.Repeat("x", protocol.MaxCursorBytes), protocol.GapPositionUnknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, nil)
				for i := range 3 {
					r.bus.publish("a", fmt.Sprint(i+1))
				}
				e := r.get(t, "?channel=a", "Last-Event-ID", row.id)
				e.want(protocol.TypeConnected)
				if row.reason == "" {
					e.want(protocol.TypeSubscribed)
					e.wantMessage("3", "e1:3:t3")
					return
				}
				if gap := e.want(protocol.TypeGap).frame; gap.Reason != string(row.reason) || gap.From == nil || gap.From.Offset != 3 {
					t.Errorf("got %+v", gap)
				}
				e.want(protocol.TypeSubscribed)
				r.bus.publish("a", "4")
				e.wantMessage("4", "e1:4:t4")
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		if a := r.ask(t, lines("GET /bus/sse?channel=a HTTP/1.1", "Last-Event-ID: "+strings.Repeat("x", 10<<10))); a.status != 400 || a.code() != protocol.CodeBadCursor {
			t.Errorf("10 KB: got %d %s", a.status, a.body)
		}
		if a := r.ask(t, lines("GET /bus/sse?channel=a&cursor=17 HTTP/1.1")); a.status != 400 || a.code() != protocol.CodeBadCursor {
			t.Errorf("cursor in the URL: got %d %s", a.status, a.body)
		}
	})
}

func Test_B92_sequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.stream(t, http.MethodPost, "", `{"type":"connect"}`).want(protocol.TypeConnected)
		s := r.bus.all()[0]
		send := func(seq string) answer {
			return r.ask(t, post("/bus/send", fmt.Sprintf(`{"session":%q,"seq":%s,"frames":[{"type":"publish","id":1,"channel":"a","data":1}]}`, s.id, seq)))
		}
		for _, seq := range []string{"1", "1", "2", "1"} {
			if a := send(seq); a.status != 200 || a.body != `{"seq":`+seq+`}` || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: got %d %s", seq, a.status, a.body)
			}
		}
		if a := send("9"); a.status != 409 || a.code() != protocol.CodeSequenceGap {
			t.Errorf("skipped: got %d %s", a.status, a.body)
		}
		for _, seq := range []string{"9007199254740992", "0", "-1", `"3"`} {
			if a := send(seq); a.status != 400 || a.code() != protocol.CodeBadRequest {
				t.Errorf("%s: got %d %s", seq, a.status, a.body)
			}
		}
		if top := r.bus.channels["a"].top(); top.Offset != 2 {
			t.Errorf("applied %d bodies, want 2", top.Offset)
		}
	})
}

func Test_B93_sendToWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.rawSocket(t).connected()
		a := r.ask(t, post("/bus/send", fmt.Sprintf(`{"session":%q,"seq":1,"frames":[]}`, r.bus.all()[0].id)))
		if a.status != 409 || a.code() != protocol.CodeWrongTransport {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
}

func Test_B95_streamThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		r.stream(t, http.MethodPost, "", `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
		other := r.get(t, "?channel=a")
		other.want(protocol.TypeConnected)
		other.want(protocol.TypeSubscribed)
		all := r.bus.all()
		s := all[slices.IndexFunc(all, func(s *fakeSession) bool { return !s.plain })]
		for range 20 {
			r.bus.publish("a", `"`+strings.Repeat("x", 10_000)+`"`)
			other.want(protocol.TypeMessage)
		}
		time.Sleep(2 * defaultWrite)
		if got := s.losses(); !slices.Equal(got, []protocol.Code{protocol.CodeSlowConsumer}) {
			t.Errorf("lost with %q", got)
		}
		if n := r.h.Stats().SSE.Slow; n != 1 {
			t.Errorf("%d slow cuts counted", n)
		}
		if r.bus.find(s.id) == nil {
			t.Error("the session was not parked")
		}
	})
}

func Test_B96_bodiesThatAPageMaySendAnywhere(t *testing.T) {
	for _, header := range []string{"Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded", "Content-Type: multipart/form-data", "X-None: 1", "Content-Type: application/jsonp", "Content-Type: application/json\r\nContent-Encoding: gzip"} {
		for _, path := range []string{"/bus/send", "/bus/poll", "/bus/sse"} {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, nil)
				a := r.ask(t, lines("POST "+path+" HTTP/1.1", header, "Content-Length: 2")+"{}")
				if a.status != 415 || a.code() != protocol.CodeUnsupportedMediaType {
					t.Errorf("%s %s: got %d %s", path, header, a.status, a.body)
				}
			})
		}
	}
}

func Test_B97_methods(t *testing.T) {
	for path, methods := range map[string][]string{
		"/bus": {"POST", "PUT", "DELETE"}, "/bus/sse?channel=a": {"HEAD", "PUT", "DELETE", "PATCH"},
		"/bus/poll?channel=a": {"HEAD", "PUT"}, "/bus/send": {"GET", "HEAD", "PUT"},
	} {
		for _, method := range methods {
			synctest.Test(t, func(t *testing.T) {
				a := inMemory(t, nil).ask(t, lines(method+" "+path+" HTTP/1.1"))
				if a.status != 405 || method != "HEAD" && a.code() != protocol.CodeMethodNotAllowed || a.header.Get("Allow") == "" {
					t.Errorf("%s %s: got %d %v %s", method, path, a.status, a.header, a.body)
				}
			})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, nil).get(t, "?channel=a", "Range", "bytes=0-10")
		e.want(protocol.TypeConnected)
	})
}

func Test_B84_preflight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, func(c *Config) { c.Origins = []string{"https://app.example"} })
		for _, path := range []string{"/bus", "/bus/sse", "/bus/poll", "/bus/send"} {
			a := r.ask(t, lines("OPTIONS "+path+" HTTP/1.1", "Origin: https://app.example", "Access-Control-Request-Method: POST"))
			if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "https://app.example" || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") {
				t.Errorf("%s: got %d %v", path, a.status, a.header)
			}
			a = r.ask(t, lines("OPTIONS "+path+" HTTP/1.1", "Origin: https://evil.example", "Access-Control-Request-Method: POST"))
			if a.status != 403 || a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s from another origin: got %d %v", path, a.status, a.header)
			}
			if a.header.Get("Vary") != "Origin" || a.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: got %v", path, a.header)
			}
		}
	})
}

// F70: who a client is by its cookie does not depend on the transport. Pages of a listed origin may send their cookies
// over each of them, if the server knows clients by cookies; pages that only "*" lets in, over none.
func Test_F70_cookiesOfPagesElsewhere(t *testing.T) {
	for _, c := range []struct {
		name    string
		origins []string
		dev     bool
		cookies bool
		origin  string
		says    string // Access-Control-Allow-Credentials
		counts  bool   // the cookie
	}{
		{name: "listed, with cookies", origins: []string{"https://app.example"}, cookies: true, origin: "https://app.example", says: "true", counts: true},
		{name: "listed beside any, with cookies", origins: []string{"*", "https://app.example"}, cookies: true, origin: "https://app.example", says: "true", counts: true},
		{name: "listed, without", origins: []string{"https://app.example"}, origin: "https://app.example"},
		{name: "any, with cookies", origins: []string{"*"}, cookies: true, origin: "https://evil.example"},
		{name: "any, without", origins: []string{"*"}, origin: "https://evil.example"},
		{name: "null, with cookies", origins: []string{"null"}, cookies: true, origin: "null"},
		{name: "localhost in development", dev: true, cookies: true, origin: "http://localhost:5173", says: "true", counts: true},
		{name: "the server's own page", origin: "http://tidings.test", counts: true},
		{name: "the server's own page, with cookies", cookies: true, origin: "http://tidings.test", says: "true", counts: true},
		{name: "no page", counts: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := inMemory(t, func(cfg *Config) { cfg.Origins, cfg.LocalhostOrigins, cfg.Cookies = c.origins, c.dev, c.cookies })
			headers := []string{"Cookie: sid=ann"}
			if c.origin != "" {
				headers = append(headers, "Origin: "+c.origin)
			}
			want := ""
			if c.counts {
				want = "sid=ann"
			}
			for i, a := range []answer{
				r.ask(t, upgradeRequest(headers...)),
				r.ask(t, post("/bus/poll", `[{"type":"connect"}]`, headers...)),
				r.ask(t, lines("GET /bus/poll?channel=a HTTP/1.1", headers...)),
				r.ask(t, lines("OPTIONS /bus/sse HTTP/1.1", headers...)),
			} {
				if got := a.header.Get("Access-Control-Allow-Credentials"); i > 0 && got != c.says {
					t.Errorf("%s, request %d: credentials are allowed %q, want %q", c.name, i, got, c.says)
				}
			}
			request, _ := http.NewRequest("GET", "http://tidings.test/bus/ws", nil)
			request.Header.Set("Cookie", "sid=ann")
			if peer, _ := r.h.peer(request, protocol.WebSocket, c.origin); peer.Cookie != want {
				t.Errorf("%s: the client is known by the cookie %q, want %q", c.name, peer.Cookie, want)
			}
		})
	}
}

// Tracing libraries add headers to every request of a page: a preflight that leaves one out stops SSE and long-poll.
func TestPreflightAllowsTheHeadersOfTracing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, func(c *Config) { c.Origins = []string{"https://app.example"} })
		a := r.ask(t, lines("OPTIONS /bus/poll HTTP/1.1", "Origin: https://app.example", "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: authorization, baggage, content-type, sentry-trace, traceparent, tracestate"))
		for _, name := range []string{"authorization", "content-type", "last-event-id", "baggage", "sentry-trace", "traceparent", "tracestate"} {
			if !slices.Contains(strings.Split(strings.ToLower(a.header.Get("Access-Control-Allow-Headers")), ", "), name) {
				t.Errorf("%s is not allowed: %s", name, a.header.Get("Access-Control-Allow-Headers"))
			}
		}
	})
}

// A page of another origin can read why it is refused, by a plain GET, and nothing else.
func Test_B84_aPageCanReadThatItsOriginIsForbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, func(c *Config) { c.Origins = []string{"https://app.example"} })
		a := r.ask(t, lines("GET /bus HTTP/1.1", "Origin: https://evil.example"))
		if a.status != 403 || a.code() != protocol.CodeOriginForbidden || a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("got %d %v %s", a.status, a.header, a.body)
		}
		a = r.ask(t, lines("GET /bus/sse?channel=a HTTP/1.1", "Origin: https://evil.example"))
		if a.status != 403 || a.code() != protocol.CodeOriginForbidden {
			t.Errorf("got %d %v %s", a.status, a.header, a.body)
		}
		a = r.ask(t, post("/bus/sse", `[{"type":"connect"}]`, "Origin: https://evil.example"))
		if a.status != 403 || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("got %d %v %s", a.status, a.header, a.body)
		}
	})
}

func Test_F25_nothingMayBeCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, nil)
		for _, request := range []string{
			lines("GET /bus HTTP/1.1"), lines("GET /bus/poll?channel=forbidden HTTP/1.1"), lines("GET /bus/sse HTTP/1.1"), lines("GET /bus/ws HTTP/1.1"),
			post("/bus/poll", `{"type":"connect"}`), post("/bus/send", `{}`), lines("PUT /bus HTTP/1.1"),
		} {
			if a := r.ask(t, request); a.header.Get("Cache-Control") != "no-store" || a.header.Get("Vary") != "Origin" {
				t.Errorf("%.30q is answered with %v", request, a.header)
			}
		}
	})
}
