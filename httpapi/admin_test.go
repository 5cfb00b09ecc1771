package httpapi

import (
	"fmt"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"tidings/protocol"
)

var (
	connectionID = regexp.MustCompile(`"connection":"([^"]+)"`)
	sessionID    = regexp.MustCompile(`"session":"([^"]+)"`)
)

// connect opens a long-poll connection that is subscribed to a channel, and returns its public id and its session.
func (w *world) connect(channel string) (id, session string) {
	w.Helper()
	r := w.do(request{path: "/bus/poll", noKey: true, body: `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"` + channel + `"}]`})
	found := connectionID.FindStringSubmatch(r.Body.String())
	secret := sessionID.FindStringSubmatch(r.Body.String())
	if r.Code != 200 || found == nil || secret == nil {
		w.Fatalf("got %d %s", r.Code, r.Body)
	}
	received := 0
	if strings.Contains(r.Body.String(), `"subscribed"`) {
		received = 1
	}
	if received == 0 {
		w.poll(secret[1], 0)
	}
	return found[1], secret[1]
}

func (w *world) poll(session string, received int) string {
	w.Helper()
	return w.do(request{path: "/bus/poll", noKey: true, body: fmt.Sprintf(`{"type":"poll","session":%q,"received":%d}`, session, received)}).Body.String()
}

func (w *world) post(path, body string) *httptest.ResponseRecorder {
	return w.do(request{path: path, body: body})
}

func TestLists(t *testing.T) {
	w := start(t)
	var empty connectionsPage
	w.ok(w.get("/api/connections"), &empty)
	if empty.Connections == nil || len(empty.Connections) != 0 {
		t.Errorf("got %+v, want an empty list", empty)
	}
	ids := map[string]bool{}
	var sessions []string
	for _, channel := range []string{"a/1", "a/2", "a/3", "b"} {
		id, session := w.connect(channel)
		ids[id] = true
		sessions = append(sessions, session)
	}
	w.ok(w.publish(`{"channel":"a/2","data":1}`), &published{})

	var names []string
	after := ""
	for range 3 {
		var page channelsPage
		w.ok(w.get("/api/channels?prefix=a/&limit=2"+after), &page)
		for _, ch := range page.Channels {
			names = append(names, fmt.Sprint(ch.Channel, ch.Subscribers, ch.Offset, ch.Epoch != ""))
		}
		if page.After == "" {
			break
		}
		after = "&after=" + page.After
	}
	if got := strings.Join(names, " "); got != "a/11 0 true a/21 1 true a/31 0 true" {
		t.Errorf("got %q", got)
	}

	last, after := "", ""
	for range 4 {
		r := w.get("/api/connections?limit=3" + after)
		for _, secret := range sessions {
			if strings.Contains(r.Body.String(), secret) {
				t.Errorf("%s shows a session", r.Body)
			}
		}
		var page connectionsPage
		w.ok(r, &page)
		for _, n := range page.Connections {
			if !ids[n.Connection] || n.Connection <= last || n.Transport != "poll" || n.State != "linked" || n.Subscriptions != 1 || n.Since == 0 {
				t.Errorf("got %+v after %q", n, last)
			}
			last = n.Connection
			delete(ids, n.Connection)
		}
		if page.After == "" {
			break
		}
		after = "&after=" + page.After
	}
	if len(ids) != 0 {
		t.Errorf("%v are missing", ids)
	}
	var one connectionsPage
	w.ok(w.get("/api/connections?channel=b"), &one)
	if len(one.Connections) != 1 {
		t.Errorf("got %+v", one)
	}
	w.ok(w.get("/api/connections?user=u1"), &one)
	if len(one.Connections) != 0 {
		t.Errorf("got %+v", one)
	}
}

func TestSendToOneAndToAll(t *testing.T) {
	w := start(t)
	first, session := w.connect("a")
	_, other := w.connect("a")
	var got sent
	w.ok(w.post("/api/send", `{"connection":"`+first+`","event":"reload","data":{"v": 2}}`), &got)
	if got.Receivers != 1 || !got.ReceiversExact || got.Nodes != 0 {
		t.Errorf("got %+v", got)
	}
	if answer := w.poll(session, 1); !strings.Contains(answer, `{"type":"event","event":"reload","data":{"v":2}}`) {
		t.Errorf("got %s", answer)
	}
	w.ok(w.post("/api/send", `{"all":true,"event":"bye","data":null}`), &got)
	if got.Receivers != 2 || !got.ReceiversExact || got.Nodes != 0 {
		t.Errorf("got %+v", got)
	}
	for secret, received := range map[string]int{session: 2, other: 1} {
		if answer := w.poll(secret, received); !strings.Contains(answer, `"event":"bye"`) {
			t.Errorf("got %s", answer)
		}
	}
}

func TestDisconnect(t *testing.T) {
	for _, tt := range []struct {
		name, more string
		code       protocol.Code
		retry      bool
	}{
		{name: "for good", code: protocol.CodeDisconnected},
		{name: "for good, said so", more: `,"retry":false`, code: protocol.CodeDisconnected},
		{name: "so that it comes back", more: `,"retry":true`, code: protocol.CodeSessionGone, retry: true},
		{name: "with a code", more: `,"code":"forbidden"`, code: protocol.CodeForbidden},
		{name: "with a code that says retry", more: `,"code":"overloaded","retry":true`, code: protocol.CodeOverloaded, retry: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t)
			id, session := w.connect("a")
			var got disconnected
			w.ok(w.post("/api/disconnect", `{"connection":"`+id+`"`+tt.more+`}`), &got)
			if !reflect.DeepEqual(got, disconnected{Connection: id, Code: tt.code, Retry: tt.retry, Connections: 1}) {
				t.Errorf("got %+v", got)
			}
			if answer := w.poll(session, 1); !strings.Contains(answer, `"`+string(tt.code)+`"`) && !strings.Contains(answer, `"session_gone"`) {
				t.Errorf("got %s", answer)
			}
			w.refusedWith(w.post("/api/disconnect", `{"connection":"`+id+`"}`), protocol.CodeNotFound)
			w.refusedWith(w.post("/api/send", `{"connection":"`+id+`","event":"e","data":1}`), protocol.CodeNotFound)
			var why whyAnswer
			w.ok(w.get("/api/why?channel=a&offset=1&connection="+id), &why)
			if why.State != "ended" || why.Records[len(why.Records)-1].Code != string(tt.code) {
				t.Errorf("got %+v", why)
			}
		})
	}
}

func TestWhy(t *testing.T) {
	w := start(t)
	id, session := w.connect("a")
	var why whyAnswer
	ask := func(offset int) string {
		w.ok(w.get(fmt.Sprintf("/api/why?connection=%s&channel=a&offset=%d", id, offset)), &why)
		return string(why.Answer)
	}
	if got := ask(1); got != "not_published" || why.Receives || why.State != "linked" || why.Records == nil {
		t.Errorf("got %+v", why)
	}
	w.ok(w.publish(`{"channel":"a","data":1}`), &published{})
	for got := ask(1); got != "waiting"; got = ask(1) {
		if got != "under_way" && got != "delivered" { // the last in between two looks
			t.Fatalf("got %+v", why)
		}
	}
	w.poll(session, 1)
	if got := ask(1); got != "written" || !why.Receives || why.Top != 1 || why.Epoch == "" || why.Message == "" {
		t.Errorf("got %+v", why)
	}
}

func TestAdminRefuses(t *testing.T) {
	w := start(t)
	long := strings.Repeat("x", 201)
	for _, tt := range []struct {
		path, body string
		want       protocol.Code
	}{
		{"/api/channels?limit=0", "", protocol.CodeBadRequest},
		{"/api/channels?limit=257", "", protocol.CodeBadRequest},
		{"/api/channels?limit=x", "", protocol.CodeBadRequest},
		{"/api/channels?prefix=", "", protocol.CodeBadRequest},
		{"/api/channels?prefix=" + long, "", protocol.CodeBadRequest},
		{"/api/channels?after=a&after=b", "", protocol.CodeBadRequest},
		{"/api/channels?channel=a", "", protocol.CodeUnknownField},
		{"/api/connections?limit=257", "", protocol.CodeBadRequest},
		{"/api/connections?channel=a%20b", "", protocol.CodeBadChannel},
		{"/api/connections?channel=", "", protocol.CodeBadChannel},
		{"/api/connections?user=", "", protocol.CodeBadRequest},
		{"/api/connections?after=" + long[:129], "", protocol.CodeBadRequest},
		{"/api/connections?session=a", "", protocol.CodeUnknownField},
		{"/api/why", "", protocol.CodeBadChannel},
		{"/api/why?connection=c&channel=a", "", protocol.CodeBadRequest},
		{"/api/why?connection=c&channel=a&offset=0", "", protocol.CodeBadRequest},
		{"/api/why?connection=c&channel=a&offset=-1", "", protocol.CodeBadRequest},
		{"/api/why?channel=a&offset=1", "", protocol.CodeBadRequest},
		{"/api/why?connection=c&channel=a&offset=1", "", protocol.CodeNotFound},
		{"/api/why?connection=c&channel=a&offset=1&epoch=e", "", protocol.CodeUnknownField},
		{"/api/send", `{"event":"e","data":1}`, protocol.CodeBadRequest},
		{"/api/send", `{"connection":"c","all":true,"event":"e","data":1}`, protocol.CodeBadRequest},
		{"/api/send", `{"all":false,"event":"e","data":1}`, protocol.CodeBadRequest},
		{"/api/send", `{"connection":"c","event":"e","data":1}`, protocol.CodeNotFound},
		{"/api/send", `{"connection":"` + long[:129] + `","event":"e","data":1}`, protocol.CodeBadRequest},
		{"/api/send", `{"all":true,"data":1}`, protocol.CodeBadRequest},
		{"/api/send", `{"all":true,"event":"` + long[:65] + `","data":1}`, protocol.CodeBadRequest},
		{"/api/send", `{"all":true,"event":"e"}`, protocol.CodeBadRequest},
		{"/api/send", `{"all":true,"event":"e","data":"` + strings.Repeat("x", protocol.MaxPayloadBytes-1) + `"}`, protocol.CodeTooLarge},
		{"/api/send", `{"all":true,"event":"e","data":1,"channel":"a"}`, protocol.CodeUnknownField},
		{"/api/send", `[]`, protocol.CodeBadRequest},
		{"/api/send", `{`, protocol.CodeBadJSON},
		{"/api/disconnect", `{}`, protocol.CodeBadRequest},
		{"/api/disconnect", `{"connection":"c"}`, protocol.CodeNotFound},
		{"/api/disconnect", `{"connection":1}`, protocol.CodeBadRequest},
		{"/api/disconnect", `{"connection":"c","code":"nonsense"}`, protocol.CodeBadRequest},
		{"/api/disconnect", `{"connection":"c","code":"bad_utf8"}`, protocol.CodeBadRequest},
		{"/api/disconnect", `{"connection":"c","code":"forbidden","retry":true}`, protocol.CodeBadRequest},
		{"/api/disconnect", `{"connection":"c","retry":"yes"}`, protocol.CodeBadRequest},
		{"/api/disconnect", `{"connection":"c","all":true}`, protocol.CodeUnknownField},
		{"/api/disconnect", `{"connection":"c","user":"u"}`, protocol.CodeBadRequest},
		{"/api/revoke", `{}`, protocol.CodeBadRequest},
		{"/api/revoke", `{"token":"t","user":"u"}`, protocol.CodeBadRequest},
		{"/api/revoke", `{"token":""}`, protocol.CodeBadRequest},
		{"/api/revoke", `{"tokn":"t"}`, protocol.CodeUnknownField},
		{"/api/revoke", `{"user":"u"}`, protocol.CodeUnsupported},
	} {
		t.Run(protocol.Cut(tt.path+" "+tt.body, 80), func(t *testing.T) {
			w := w.in(t)
			q := request{path: tt.path, body: tt.body}
			w.refusedWith(w.do(q), tt.want)
			q.noKey = true
			w.refusedWith(w.do(q), protocol.CodeUnauthorized)
		})
	}
	var all sent
	w.ok(w.post("/api/send", `{"all":true,"event":"`+long[:64]+`","data":"`+strings.Repeat("x", protocol.MaxPayloadBytes-2)+`"}`), &all)
	w.ok(w.get("/api/channels?limit=256&prefix="+long[:200]), &channelsPage{})
	w.ok(w.get("/api/connections?limit=256&user="+long[:128]), &connectionsPage{})
}

// Who is between two polls when it is sent away for good learns it from the next one, and does not come back.
func TestDisconnectBetweenTwoPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		for body, want := range map[string]protocol.Code{`"retry":false`: protocol.CodeDisconnected, `"retry":true`: protocol.CodeSessionGone} {
			connection, session := w.connect("a")
			w.ok(w.post("/api/disconnect", `{"connection":"`+connection+`",`+body+`}`), &disconnected{})
			synctest.Wait()
			for range 2 {
				w.refusedWith(w.do(request{path: "/bus/poll", noKey: true, body: `{"type":"poll","session":"` + session + `","received":1}`}), want)
			}
		}
	})
}
