package primus

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tidings/gateways/feathers"
	"tidings/protocol"
)

// fakeLine keeps why the connection was ended.
type fakeLine struct{ failed *protocol.Error }

func (l *fakeLine) Send([]protocol.ClientFrame) {}
func (l *fakeLine) Fail(fault *protocol.Error)  { l.failed = fault }

func open(t testing.TB) (*spark, *fakeLine) {
	services, err := feathers.NewServices([]string{"messages main/messages"})
	if err != nil {
		t.Fatal(err)
	}
	line := &fakeLine{}
	s := &spark{language: New(Config{Services: services})}
	s.Open(line)
	s.Say(nil, protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeConnected, Connection: "spark-1", Announce: &protocol.Announce{}}))
	return s, line
}

// texts returns the payloads of WebSocket frames of at most 64 KiB.
func texts(t testing.TB, b []byte) (list []string) {
	t.Helper()
	for len(b) > 0 {
		n, head := int(b[1]), 2
		if n == 126 {
			n, head = int(b[2])<<8|int(b[3]), 4
		}
		if b[0] != 0x81 || b[1] == 127 || head+n > len(b) {
			t.Fatalf("no text frame: %x", b)
		}
		list = append(list, string(b[head:head+n]))
		b = b[head+n:]
	}
	return list
}

func TestWhatAClientSends(t *testing.T) {
	for _, row := range []struct{ name, message, frame, back string }{
		{"its id", `"primus::id::"`, "", `"primus::id::spark-1"`},
		{"a pong", `"primus::pong::1"`, "", ""},
		{"data", `{"a": 1}`, `call data {"a":1}`, ""},
		{"a number", ` 7 `, `call data 7`, ""},
		{"another word of Primus", `"primus::other::1"`, `call data "primus::other::1"`, ""},
		{"an event", `{"type":0,"data":["greet","Ann",2],"id":1}`, `call greet ["Ann",2]`, ""},
		{"an event without arguments", `{"type":0,"data":["greet"]}`, `call greet []`, ""},
		{"an event whose name is Primus' own", `{"type":0,"data":["error"],"id":1}`, "", ""},
		{"an event whose name is ours", `{"type":0,"data":["document",{}],"id":1}`, "", `{"id":1,"type":1,"data":[{"name":"NotFound","message":"Event 'document' is taken by nobody","code":404,"className":"not-found"}]}`},
		{"an event without a name", `{"type":0,"data":[],"id":1}`, "", ""},
		{"an event whose name is no text", `{"type":0,"data":[{}],"id":1}`, "", ""},
		{"an id of another type", `{"type":0,"data":["greet"],"id":"1"}`, `call data {"type":0,"data":["greet"],"id":"1"}`, ""},
		{"a type of another kind", `{"type":"0","data":["greet"],"id":1}`, `call data {"type":"0","data":["greet"],"id":1}`, ""},
		{"an acknowledgement", `{"type":1,"data":[],"id":1}`, "", ""},
		{"a service's get", `{"type":0,"data":["get","messages","m1",{}],"id":1}`, `call document {"action":"get","collection":"main/messages","id":"m1"}`, ""},
		{"a service that is not here", `{"type":0,"data":["get","users",1,{}],"id":1}`, `call feathers {"arguments":[1,{}],"method":"get","path":"users"}`, ""},
		{"a path that is no text", `{"type":0,"data":["get",null,1,{}],"id":1}`, "", `{"id":1,"type":1,"data":[{"name":"NotFound","message":"Invalid service path","code":404,"className":"not-found"}]}`},
		{"too many arguments", `{"type":0,"data":["get","messages",1,{},{},7],"id":4}`, "", `{"id":4,"type":1,"data":[{"name":"BadRequest","message":"Too many arguments for 'get' method","code":400,"className":"bad-request"}]}`},
		{"a refusal without a callback", `{"type":0,"data":["get",null,1,{}]}`, "", ""},
		{"a sign-in", `{"type":0,"data":["create","authentication",{"strategy":"jwt","accessToken":"t"},{}],"id":1}`, `refresh  t`, ""},
	} {
		s, _ := open(t)
		heard := s.Hear([]byte(row.message))
		var frames []string
		for _, f := range heard.Frames {
			frames = append(frames, strings.TrimSpace(f.Type+" "+f.Method+" "+string(f.Data)+f.Token))
		}
		if got := strings.Join(frames, "; "); got != row.frame {
			t.Errorf("%s: %s asks for %q, want %q", row.name, row.message, got, row.frame)
		}
		if got := strings.Join(texts(t, heard.Back), "; "); got != row.back || heard.Malformed != nil {
			t.Errorf("%s: %s is answered %s, %v; want %s", row.name, row.message, got, heard.Malformed, row.back)
		}
	}
}

func TestB137_WhatCannotBeRead(t *testing.T) {
	for name, message := range map[string]string{
		"nothing": "", "white space": " ", "half an object": `{"type":0,`, "two values": `{} {}`, "a word": "hello", "an unquoted ping": "primus::pong::1",
		"no UTF-8": "\"\xff\"", "depth": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), "a million keys": `{` + strings.Repeat(`"a":1,`, 10_000) + `"b":1}`,
	} {
		s, line := open(t)
		if heard := s.Hear([]byte(message)); heard.Malformed == nil || heard.Frames != nil || heard.Back != nil || line.failed != nil {
			t.Errorf("%s: came to %+v", name, heard)
		}
	}
}

func TestRequestsThatAreNeverAnsweredAreBounded(t *testing.T) {
	s, line := open(t)
	for range 256 {
		s.Hear([]byte(`{"type":0,"data":["greet"],"id":1}`))
	}
	if line.failed != nil {
		t.Fatalf("ended too early: %v", line.failed)
	}
	if s.Hear([]byte(`{"type":0,"data":["greet"],"id":1}`)); line.failed == nil || line.failed.Code != protocol.CodeRateLimited {
		t.Errorf("ended by %v", line.failed)
	}
}

func TestWhatAClientHears(t *testing.T) {
	s, line := open(t)
	message := func(m *protocol.Message) string {
		return strings.Join(texts(t, s.Shared(m.Encoded())), "; ")
	}
	doc := []byte(`{"_id":"m1","_version":3,"_info":{"author":"ann","createdAt":1795939200000,"updatedAt":1795939260000},"text":"hi"}`)
	for _, row := range []struct {
		name string
		m    *protocol.Message
		want string
	}{
		{"a message without an event", &protocol.Message{Channel: "visitor-arrival", Data: []byte(`{"a":1}`)}, `{"type":0,"data":["visitor-arrival",{"a":1}]}`},
		{"an event", &protocol.Message{Channel: "a", Event: "messages typing", Data: []byte(`"x"`)}, `{"type":0,"data":["messages typing","x"]}`},
		{"line separators", &protocol.Message{Channel: "a", Event: "e", Data: []byte("\"\u2028\u2029\"")}, `{"type":0,"data":["e","\u2028\u2029"]}`},
		{"a change, by a route", &protocol.Message{Channel: "user/1", Event: "main/messages created", Data: doc, Extra: &protocol.Extra{Change: 1}},
			`{"type":0,"data":["messages created",{"id":"m1","text":"hi","createdAt":"2026-11-29T08:00:00.000Z","updatedAt":"2026-11-29T08:01:00.000Z"}]}`},
		{"the same change, by another route", &protocol.Message{Channel: "role/x", Event: "main/messages created", Data: doc, Extra: &protocol.Extra{Change: 1}}, ""},
		{"a change, in its collection", &protocol.Message{Channel: "documents/main/other", Event: "patched", Data: []byte(`{"_id":"x"}`), Extra: &protocol.Extra{Change: 2}}, `{"type":0,"data":["main/other patched",{"id":"x"}]}`},
		{"a removal", &protocol.Message{Channel: "user/1", Event: "main/messages removed", Data: []byte(`{"_id":"m1"}`), Extra: &protocol.Extra{Change: 3, Gone: true}}, `{"type":0,"data":["messages removed",{"id":"m1"}]}`},
		{"a record that left a route", &protocol.Message{Channel: "user/1", Event: "main/messages patched", Data: []byte(`{"_id":"m1"}`), Extra: &protocol.Extra{Change: 4, Gone: true}}, ""},
		{"a reset", &protocol.Message{Channel: "documents/main/messages", Event: protocol.EventReset, Data: []byte(`{}`), Extra: &protocol.Extra{Change: 5}}, ""},
	} {
		if got := message(row.m); got != row.want {
			t.Errorf("%s: heard %s, want %s", row.name, got, row.want)
		}
	}
	event, _ := s.Say(nil, protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeEvent, Event: "news", Data: []byte(`[1]`)}))
	if got := texts(t, event); len(got) != 1 || got[0] != `{"type":0,"data":["news",[1]]}` {
		t.Errorf("a custom event is %q", got)
	}
	if s.Say(nil, protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeGap, Channel: "a"})); line.failed == nil || !line.failed.Code.Row().Retry {
		t.Errorf("a gap ends with %v", line.failed)
	}
}

func TestFarewells(t *testing.T) {
	for _, row := range protocol.Codes() {
		s, _ := open(t)
		back, number := s.Farewell(&protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: row.Code, Retry: row.Retry})
		final := len(back) > 0
		if final == row.Retry || number == 1000 {
			t.Errorf("%s: told not to come back %v, closed with %d", row.Code, final, number)
		}
		if final && texts(t, back)[0] != `"primus::server::close"` {
			t.Errorf("%s: told %q", row.Code, back)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	s, _ := open(t)
	start := time.Unix(1000, 0)
	if due := s.Due(start, start.Add(-time.Second)); due.Back != nil || due.End != nil || due.Next.Sub(start) != 30*time.Second {
		t.Errorf("at first: %+v", due)
	}
	at := start.Add(30 * time.Second)
	if due := s.Due(at, start); due.End != nil || texts(t, due.Back)[0] != `"primus::ping::1030000"` {
		t.Errorf("then: %+v", due)
	}
	if due := s.Due(at.Add(30*time.Second), at.Add(time.Second)); due.End != nil || due.Back == nil {
		t.Errorf("answered: %+v", due)
	}
	if due := s.Due(at.Add(60*time.Second), at.Add(29*time.Second)); due.End == nil || !due.End.Code.Row().Retry {
		t.Errorf("not answered: %+v", due)
	}
}

func FuzzHear(f *testing.F) {
	for _, seed := range []string{
		`"primus::id::"`, `{"type":0,"data":["find","messages",{"$limit":2,"$sort":{"a":-1},"$or":[{"a":{"$gt":1}},{"b":null}]}],"id":1}`,
		`{"type":0,"data":["create","messages",{"id":1,"a":{}},{}],"id":2}`, `{"type":0,"data":["patch","messages","x",{"a":1},{"$select":["a"]}],"id":3}`,
		`{"type":0,"data":["create","authentication",{"strategy":"jwt","accessToken":"e.eyJzdWIiOiJ1In0.x"},{}],"id":4}`, `{"type":0,"data":["create","authentication",{"strategy":"local","email":"a","password":"b"},{}],"id":5}`, `{"type":0,"data":["remove","authentication",null,{}],"id":6}`, `{"type":1,"id":1,"data":[]}`, `[1]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		s, _ := open(t)
		heard := s.Hear([]byte(message))
		for i, frame := range heard.Frames {
			if frame.Data != nil && !json.Valid(frame.Data) {
				t.Errorf("%q asks with %q, which is no JSON", message, frame.Data)
			}
			for _, answer := range []*protocol.ServerFrame{
				{Type: protocol.TypeError, Code: protocol.CodeNotFound, Message: "x"},
				{Type: protocol.TypeReply, Data: []byte(`{"documents":[{"_id":"a","x":1}],"document":{"_id":"b"},"total":1}`)},
			} {
				other, _ := open(t)
				answer.ID = other.Hear([]byte(message)).Frames[i].ID
				said, _ := other.Say(nil, protocol.Encode(answer))
				for _, text := range texts(t, said) {
					if !json.Valid([]byte(text)) {
						t.Errorf("%q is answered %q, which is no JSON", message, text)
					}
				}
			}
		}
		for _, text := range texts(t, heard.Back) {
			if !json.Valid([]byte(text)) {
				t.Errorf("%q is answered %q, which is no JSON", message, text)
			}
		}
	})
}
