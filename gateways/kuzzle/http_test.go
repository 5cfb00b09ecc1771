package kuzzle

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tidings/protocol"
	"tidings/transports"
)

// letter is one request over HTTP, whose bus is the test.
type letter struct {
	method, url, body string
	header            http.Header
	token, backend    string
	fault             *protocol.Error
	bus               func(f protocol.ClientFrame) *protocol.ServerFrame // nil: everything is answered
	asked             []protocol.ClientFrame
}

// send has the language answer.
func (l *letter) send(t testing.TB) (status int, answer object) {
	t.Helper()
	lang := New(Config{})
	lang.node = "knode-1"
	r, err := http.NewRequest(l.method, "http://kuzzle.test"+l.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l.header != nil {
		r.Header = l.header
	}
	e := &transports.Errand{Request: r, Token: l.token, Backend: l.backend, Fault: l.fault}
	if l.body != "" {
		e.Body = []byte(l.body)
	}
	e.Ask = func(frames []protocol.ClientFrame) (answers []*protocol.ServerFrame) {
		for _, f := range frames {
			l.asked = append(l.asked, f)
			if l.bus == nil {
				answers = append(answers, &protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Data: []byte("{}")})
				continue
			}
			said := l.bus(f)
			said.ID = f.ID
			answers = append(answers, said)
		}
		return answers
	}
	status, text := lang.Run(e)
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s is not JSON: %v", text, err)
	}
	return status, answer
}

// The status of HTTP is that of the answer, which is that of a WebSocket but for its room.
func TestAnswersOverHTTP(t *testing.T) {
	l := &letter{method: "POST", url: "/nyc/taxi/_publish?_id=x", body: `{"licence":"B"}`, header: http.Header{requestIDHeader: {"q1"}, volatileHeader: {`{"who":"me"}`}}}
	status, got := l.send(t)
	if status != 200 {
		t.Errorf("got %d", status)
	}
	like(t, "a publish", got, `{"requestId":"q1","status":200,"error":null,"controller":"realtime","action":"publish","index":"nyc","collection":"taxi","volatile":{"who":"me"},"node":"knode-1","headers":{},"result":{"published":true}}`)
	f := l.asked[0]
	if f.Type != protocol.TypePublish || f.Channel != "documents/nyc/taxi" || string(f.Origin) != `{"protocol":"http","request":"q1"}` || string(f.Meta) != `{"who":"me"}` || !strings.HasPrefix(string(f.Data), `{"_id":"x","_info":{"author":"-1"`) {
		t.Errorf("the bus is asked %+v with %s", f, f.Data)
	}
	l = &letter{method: "GET", url: "/nyc/taxi/a%2Fb", bus: func(protocol.ClientFrame) *protocol.ServerFrame {
		return &protocol.ServerFrame{Type: protocol.TypeError, Code: protocol.CodeNotFound, Message: "-"}
	}, header: http.Header{requestIDHeader: {"q2"}}}
	status, got = l.send(t)
	if status != 404 {
		t.Errorf("got %d", status)
	}
	like(t, "a document that is not there", got, `{"requestId":"q2","status":404,"error":{"message":"Document \"a/b\" not found in \"nyc\":\"taxi\".","status":404,"id":"services.storage.not_found","code":16842763,"props":["a/b","nyc","taxi"]},"controller":"document","action":"get","index":"nyc","collection":"taxi","volatile":null,"node":"knode-1","headers":{},"result":null}`)
}

// What is sent to /_query is asked of the bus, and answered, as over a WebSocket.
func TestQueryIsTheWire(t *testing.T) {
	for _, message := range []string{
		`{"requestId":"q","controller":"realtime","action":"publish","index":"i","collection":"c","body":{"a":1},"_id":"x"}`,
		`{"requestId":"q","controller":"document","action":"mCreate","index":"i","collection":"c","body":{"documents":[{"_id":"a","body":{}}]}}`,
		`{"requestId":"q","controller":"document","action":"search","index":"i","collection":"c","body":{"query":{"term":{"a":1}}},"size":3}`,
		`{"requestId":"q","controller":"server","action":"info"}`,
		`{"requestId":"q","controller":"security","action":"createUser"}`,
		`{"requestId":"q","controller":"nope","action":"x"}`,
		`{"requestId":"q","controller":"auth","action":"checkToken","body":{}}`,
	} {
		t.Run(message, func(t *testing.T) {
			over := &letter{method: "POST", url: "/_query", body: message}
			status, answer := over.send(t)
			c := newClient(t)
			wire := c.send(message)
			for len(c.asked) > 0 {
				f := c.asked[0]
				c.asked = c.asked[1:]
				wire = append(wire, c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Data: []byte("{}")})...)
			}
			if len(wire) != 1 || float64(status) != wire[0]["status"] {
				t.Fatalf("over HTTP it is answered %d, on the wire %v", status, wire)
			}
			delete(wire[0], "room")
			want, _ := json.Marshal(wire[0])
			like(t, "over HTTP", answer, string(want))
		})
	}
}

func TestRoutes(t *testing.T) {
	for _, r := range routes {
		path := strings.NewReplacer(":index", "i", ":collection", "c", ":_id", "x", ":strategy", "local", ":scrollId", "s").Replace(r.path)
		got := routeOf(r.verb, strings.Split(path[1:], "/"))
		if got == nil || got.path != r.path && got.controller+got.action != r.controller+r.action {
			t.Errorf("%s %s is %+v, want %s:%s", r.verb, path, got, r.controller, r.action)
		}
		if actions()[r.controller][r.action] == nil && !strings.Contains(fmt.Sprint(lacking[r.controller]), r.action) {
			t.Errorf("%s:%s of %s is neither there nor said to be missing", r.controller, r.action, r.path)
		}
	}
	for _, row := range []struct{ request, want string }{
		{"GET /i/c/_search", "document:search"}, {"GET /i/c/x", "document:get"}, {"GET /users/_me", "auth:getCurrentUser"}, {"GET /users/ann", "security:"},
		{"POST /ms/_set/x", "ms:"}, {"DELETE /_mDelete", "index:mDelete"}, {"DELETE /i", "index:delete"}, {"GET /i/c/x/", "document:get"},
		{"GET /_scroll/_list", "document:scroll"}, {"PUT /i/c/a%2fb", "document:createOrReplace"},
		{"GET /", ""}, {"GET //", ""}, {"GET /i", ""}, {"HEAD /i/c/x", ""}, {"GET /i//x", ""}, {"GET /a/b/c/d/e/f/g/h/i", ""},
	} {
		verb, path, _ := strings.Cut(row.request, " ")
		u, err := url.Parse("http://kuzzle.test" + path)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if parts := pathOf(u); parts != nil {
			if r := routeOf(verb, parts); r != nil {
				got = r.controller + ":" + r.action
			}
		}
		if got != row.want {
			t.Errorf("%s is %q, want %q", row.request, got, row.want)
		}
	}
}

// server:publicApi lists each action that there is and that has a URL, once, and no other.
func TestPublicAPI(t *testing.T) {
	_, got := (&letter{method: "GET", url: "/_publicApi"}).send(t)
	list := got["result"].(object)
	n := 0
	for controller, of := range list {
		for action, told := range of.(object) {
			n++
			if actions()[controller][action] == nil || len(told.(object)["http"].([]any)) != 1 {
				t.Errorf("%s:%s is listed as %v", controller, action, told)
			}
		}
	}
	like(t, "search", list["document"].(object)["search"], `{"controller":"document","action":"search","http":[{"verb":"POST","url":"/:index/:collection/_search","path":"/:index/:collection/_search"}]}`)
	if _, there := list["realtime"].(object)["subscribe"]; there || n < 40 {
		t.Errorf("%d are listed, subscribe among them: %v", n, there)
	}
}

// What a URL's query says becomes arguments, and for GET the body that it cannot have.
func TestQueryOfAURL(t *testing.T) {
	for _, row := range []struct{ method, url, body, want string }{
		{"POST", "/i/c/_search?from=10&size=5&lang=koncorde", `{"query":{"equals":{"a":1}}}`, `{"action":"search","collection":"i/c","filter":{"equals":{"a":1}},"limit":15,"count":true}`},
		{"GET", "/i/c/_search?size=5&query=" + url.QueryEscape(`{"term":{"a":1}}`) + "&sort=" + url.QueryEscape(`["a"]`), "", `{"action":"search","collection":"i/c","filter":{"equals":{"a":1}},"sort":["a"],"limit":5,"count":true}`},
		{"GET", "/i/c/_search?size=5&searchBody=" + url.QueryEscape(`{"query":{"term":{"a":1}}}`), "", `{"action":"search","collection":"i/c","filter":{"equals":{"a":1}},"limit":5,"count":true}`},
		{"GET", "/i/c/_mGet?ids=a,b", "", `{"action":"mGet","collection":"i/c","ids":["a","b"]}`},
		{"POST", "/i/c/_mGet", `{"ids":["a","b"]}`, `{"action":"mGet","collection":"i/c","ids":["a","b"]}`},
		{"DELETE", "/i/c/x?silent", "", `{"action":"remove","collection":"i/c","id":"x","silent":true}`},
		{"DELETE", "/i/c/x?silent=false", "", `{"action":"remove","collection":"i/c","id":"x"}`},
		{"PUT", "/i/c/x?_id=y&index=j&controller=auth", `{"a":1}`, `{"action":"put","collection":"i/c","id":"x","content":{"a":1}}`},
		{"POST", "/i/c/_create", `{"a":1}`, `{"action":"create","collection":"i/c","content":{"a":1}}`},
	} {
		l := &letter{method: row.method, url: row.url, body: row.body}
		if _, got := l.send(t); len(l.asked) == 0 {
			t.Errorf("%s %s is answered %v, and the bus not asked", row.method, row.url, got)
			continue
		}
		var asked any
		json.Unmarshal(l.asked[0].Data, &asked)
		like(t, row.method+" "+row.url, asked, row.want)
	}
}

// Who asks is who the header says: a token is shown to the bus before anything else is asked.
func TestWhoAsksOverHTTP(t *testing.T) {
	ann := token(`{"sub":"ann"}`)
	for _, sent := range []string{ann, "kapikey-" + ann} {
		l := &letter{method: "POST", url: "/i/c/_publish", body: "{}", token: sent}
		if status, got := l.send(t); status != 200 || len(l.asked) != 2 || l.asked[0].Type != protocol.TypeRefresh || l.asked[0].Token != ann || !strings.Contains(string(l.asked[1].Data), `"author":"ann"`) {
			t.Errorf("answered %v, and the bus asked %+v", got, l.asked)
		}
	}
	refuses := func(code protocol.Code) func(protocol.ClientFrame) *protocol.ServerFrame {
		return func(protocol.ClientFrame) *protocol.ServerFrame {
			return &protocol.ServerFrame{Type: protocol.TypeError, Code: code, Message: "why"}
		}
	}
	for _, row := range []struct {
		code           protocol.Code
		token, backend string
		status         int
		message        string
	}{
		{protocol.CodeUnauthorized, ann, "", 401, "Invalid token."},
		{protocol.CodeTokenExpired, ann, "", 401, "Token expired"},
		{protocol.CodeUnsupported, ann, "", 501, "a token (this server checks none) is not supported by this server. docs/gateways.md of Tidings lists what is."},
		{protocol.CodeForbidden, "", "", 401, `Unauthorized: authentication required to execute the action "realtime:publish".`},
		{protocol.CodeForbidden, "", "key desk", 403, `Insufficient permissions to execute the action "realtime:publish" (User "key desk").`},
		{protocol.CodeRateLimited, "", "", 429, "Rejected: too many requests received from that socket"},
	} {
		l := &letter{method: "POST", url: "/i/c/_publish", body: "{}", token: row.token, backend: row.backend, bus: refuses(row.code)}
		status, got := l.send(t)
		if wrong := got["error"].(object); status != row.status || wrong["message"] != row.message || len(l.asked) != 1 {
			t.Errorf("%s for a %q of %q: got %d %v after %d frames, want %d %s", row.code, row.token, row.backend, status, wrong, len(l.asked), row.status, row.message)
		}
	}
}

// What cannot be carried out over HTTP is answered in Kuzzle's words, and nothing is asked of the bus.
func TestB143_BadRequestsOverHTTP(t *testing.T) {
	fault := func(code protocol.Code) *protocol.Error {
		return &protocol.Error{Code: code, Reason: "why", Hint: "What to do."}
	}
	many := `{"a":[` + strings.Repeat("0,", 10_001) + "0]}"
	for _, row := range []struct {
		name string
		letter
		status int
		id     string
	}{
		{"no such URL", letter{method: "GET", url: "/_nope"}, 404, noURL},
		{"a path with an empty part", letter{method: "GET", url: "/_now//x"}, 404, noURL},
		{"no such verb", letter{method: "PATCH", url: "/_now"}, 404, noURL},
		{"no JSON", letter{method: "POST", url: "/i/c/_publish", body: "{"}, 400, badBody},
		{"a text", letter{method: "POST", url: "/i/c/_publish", body: `"x"`}, 400, invalidType},
		{"not UTF-8", letter{method: "POST", url: "/i/c/_publish", body: "{\"a\":\"\xff\"}"}, 400, badBody},
		{"thousands of values", letter{method: "POST", url: "/i/c/_publish", body: many}, 400, badBody},
		{"too deep", letter{method: "POST", url: "/i/c/_publish", body: `{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}"}, 400, badBody},
		{"no body", letter{method: "POST", url: "/i/c/_publish"}, 400, bodyRequired},
		{"a query without a body", letter{method: "POST", url: "/_query"}, 400, badBody},
		{"a query that is no JSON", letter{method: "POST", url: "/_query", body: "{"}, 400, badBody},
		{"a query of nothing", letter{method: "POST", url: "/_query", body: "{}"}, 400, missingArgument},
		{"volatile data that are no JSON", letter{method: "GET", url: "/_now", header: http.Header{volatileHeader: {"x"}}}, 400, badVolatile},
		{"volatile data that are a list", letter{method: "GET", url: "/_now", header: http.Header{volatileHeader: {"[]"}}}, 400, badVolatile},
		{"an SDK before 7", letter{method: "GET", url: "/_now", header: http.Header{volatileHeader: {`{"sdkName":"js@6.2.4"}`}}}, 400, oldSDK},
		{"an index that there cannot be", letter{method: "POST", url: "/i%20j/c/_publish", body: "{}"}, 400, invalidArgument},
		{"an index with a slash", letter{method: "POST", url: "/i%2Fj/c/_publish", body: "{}"}, 400, invalidArgument},
		{"subscribe", letter{method: "POST", url: "/_query", body: `{"controller":"realtime","action":"subscribe","index":"i","collection":"c","body":{}}`}, 501, notSupported},
		{"unsubscribe", letter{method: "POST", url: "/_query", body: `{"controller":"realtime","action":"unsubscribe","body":{"roomId":"r"}}`}, 412, notSubscribed},
		{"count", letter{method: "POST", url: "/_query", body: `{"controller":"realtime","action":"count","body":{"roomId":"r"}}`}, 501, notSupported},
		{"logout, which would end no token", letter{method: "POST", url: "/_logout"}, 501, notSupported},
		{"credentials in the URL", letter{method: "GET", url: "/_login/local?username=ann&password=x"}, 501, notSupported},
		{"an action that the original has", letter{method: "GET", url: "/i/c/_mapping"}, 501, notSupported},
		{"a controller that the original has", letter{method: "POST", url: "/ms/_set/x", body: `{"value":1}`}, 501, notSupported},
		{"a body above 1 MiB", letter{method: "POST", url: "/i/c/_publish", fault: fault(protocol.CodeTooLarge)}, 413, tooLarge},
		{"a body of another kind", letter{method: "POST", url: "/i/c/_publish", fault: fault(protocol.CodeUnsupportedMediaType)}, 400, badContent},
		{"a key that does not count", letter{method: "POST", url: "/i/c/_publish", fault: fault(protocol.CodeUnauthorized)}, 401, invalidToken},
		{"keys that do not count", letter{method: "POST", url: "/i/c/_publish", fault: fault(protocol.CodeRateLimited)}, 429, tooManyRequests},
		{"a body that does not come", letter{method: "POST", url: "/i/c/_publish", fault: fault(protocol.CodeHeartbeatTimeout)}, 504, timeout},
		{"a token in the URL", letter{method: "POST", url: "/i/c/_publish", fault: fault(protocol.CodeBadRequest)}, 400, httpError},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, got := row.send(t)
			wrong, _ := got["error"].(object)
			if status != row.status || wrong["id"] != row.id || wrong["status"] != float64(status) || got["status"] != float64(status) || got["requestId"] == "" || len(row.asked) != 0 {
				t.Errorf("%s %s %.100s\ngot  %d %v, and the bus was asked %v\nwant %d %s", row.method, row.url, row.body, status, got, row.asked, row.status, row.id)
			}
		})
	}
}

// A request's id that cannot be a header's text is not repeated.
func TestRequestIDOverHTTP(t *testing.T) {
	for given, kept := range map[string]bool{"q1": true, "": false, strings.Repeat("x", maxIDBytes+1): false, "\xff": false, "a\tb": false, "é": true} {
		_, got := (&letter{method: "GET", url: "/_now", header: http.Header{requestIDHeader: {given}}}).send(t)
		if (got["requestId"] == given) != kept || got["requestId"] == "" {
			t.Errorf("%q: the answer has %v", given, got["requestId"])
		}
	}
}

// Whatever is sent over HTTP has one answer in JSON, with the same status twice, and asks only for channels that there
// can be.
func FuzzHTTP(f *testing.F) {
	for _, seed := range [][4]string{
		{"POST", "/i/c/_publish?_id=x", `{"a":1}`, `{"v":1}`}, {"POST", "/_query", `{"controller":"document","action":"get","index":"i","collection":"c","_id":"a"}`, ""},
		{"GET", "/i/c/_search?query=%7B%7D&size=1&from=2", "", ""}, {"GET", "/i/c/_mGet?ids=a,b", "", ""}, {"DELETE", "/i/c/_bulk/_query", `{"query":{"match_all":{}}}`, "{"},
		{"PUT", "/%ff/c/x?silent", "[]", ""}, {"POST", "/_login/local", `{"username":"a","password":"b"}`, ""}, {"GET", "/users/_me/_rights", "", ""}, {"DELETE", "/i", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, path, body, volatile string) {
		u, err := url.Parse("http://kuzzle.test" + path)
		if err != nil || u.Host != "kuzzle.test" {
			return
		}
		e := &transports.Errand{Request: &http.Request{Method: method, URL: u, Header: http.Header{volatileHeader: {volatile}}}, Body: []byte(body)}
		e.Ask = func(frames []protocol.ClientFrame) (answers []*protocol.ServerFrame) {
			for _, f := range frames {
				if _, err := protocol.ParseChannel(string(f.Channel)); f.Channel != "" && err != nil {
					t.Fatalf("asks for the channel %q", f.Channel)
				}
				answers = append(answers, &protocol.ServerFrame{Type: protocol.TypeError, ID: f.ID, Code: protocol.CodeForbidden, Message: "no"})
			}
			return answers
		}
		l := New(Config{})
		l.Serves(e.Request)
		status, text := l.Run(e)
		var answer struct {
			Status    int
			RequestID string `json:"requestId"`
		}
		if err := json.Unmarshal(text, &answer); err != nil || answer.Status != status || answer.RequestID == "" || status < 200 || status > 599 {
			t.Fatalf("answered %d %s: %v", status, text, err)
		}
	})
}
