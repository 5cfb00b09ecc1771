package pakyow

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"tidings/protocol"
)

// texts are the messages that WebSocket frames hold.
func texts(t testing.TB, frames []byte) (all []string) {
	t.Helper()
	for len(frames) > 0 {
		n, head := int(frames[1]), 2
		if n == 126 {
			n, head = int(frames[2])<<8|int(frames[3]), 4
		}
		all = append(all, string(frames[head:head+n]))
		frames = frames[head+n:]
	}
	return all
}

// What is no request is answered with what is wrong, and with its id if it has one.
func TestBadRequests(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"no JSON", `hello`, `{"status":400,`},
		{"no JSON, with an id in it", `{"id":"a","action":`, `{"id":"a","status":400,`},
		{"a list", `[]`, `{"status":400,`},
		{"a frame of ours", `{"type":"ping","id":1}`, `{"status":400,`},
		{"no id", `{"action":"ping"}`, `{"status":400,"headers":{},"body":"\"id\" is missing"}`},
		{"no action", `{"id":"a"}`, `{"id":"a","status":400,"headers":{},"body":"\"action\" is missing"}`},
		{"an id that is a number", `{"id":1,"action":"ping"}`, `{"status":400,`},
		{"an id that is too long", `{"id":"` + strings.Repeat("x", maxIDBytes+1) + `","action":"ping"}`, `{"status":400,`},
		{"an action that is an object", `{"id":"a","action":{}}`, `{"id":"a","status":400,`},
		{"a member twice", `{"id":"a","id":"b","action":"ping"}`, `{"id":"a","status":400,`},
		{"too deep", `{"id":"a","action":"x","input":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, `{"id":"a","status":400,`},
		{"a route without a path", `{"id":"a","action":"call-route"}`, `{"id":"a","status":400,`},
		{"a route out of the root", `{"id":"a","action":"call-route","uri":"/a/../b"}`, `{"id":"a","status":400,`},
		{"an input that is a list", `{"id":"a","action":"call-route","uri":"/a","input":[]}`, `{"id":"a","status":400,`},
		{"a part of a view", `{"id":"a","action":"call-route","uri":"/a","container":"main"}`, `{"id":"a","status":501,`},
		{"a view", `{"id":"a","action":"fetch-view"}`, `{"id":"a","status":501,`},
		{"a call of the server's own", `{"id":"a","action":"document","input":{}}`, `{"id":"a","status":404,`},
		{"to sign in", `{"id":"a","action":"sign_in"}`, `{"id":"a","status":404,`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			heard := newTalk(New()).Hear([]byte(tt.in))
			got := texts(t, heard.Back)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) || len(heard.Frames) != 0 {
				t.Errorf("%s\ngot  %s, and the session is asked %v\nwant %s…", tt.in, got, heard.Frames, tt.want)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		name, in, method, data string
		answer                 protocol.ServerFrame
		want                   string
	}{
		{"call-route", `{"id":"a","action":"call-route","method":"get","uri":"/greet/bryan?loud=1","input":{"x":[1],"socket_connection_id":"secret"}}`, "route",
			`{"input":{"loud":"1","x":[1]},"method":"GET","path":"/greet/bryan"}`, protocol.ServerFrame{Data: []byte(`{"status":201,"body":"hello"}`)}, `{"id":"a","status":201,"headers":{},"body":"hello"}`},
		{"call_route, with a body of JSON", `{"id":"a","action":"call_route","uri":"/"}`, "route", `{"input":{},"method":"GET","path":"/"}`,
			protocol.ServerFrame{Data: []byte(`{"status":200,"body":{"a":1}}`)}, `{"id":"a","status":200,"headers":{},"body":"{\"a\":1}"}`},
		{"a handler that answers an object", `{"id":"a","action":"vote","input":{"for":"b","socket_connection_id":"secret"}}`, "vote", `{"input":{"for":"b"}}`,
			protocol.ServerFrame{Data: []byte(`{"votes":3,"id":"another"}`)}, `{"id":"a","votes":3}`},
		{"a handler that answers a number", `{"id":"a","action":"vote"}`, "vote", `{}`, protocol.ServerFrame{Data: []byte(`3`)}, `{"body":3,"id":"a"}`},
		{"a handler that answers null", `{"id":"a","action":"vote"}`, "vote", `{}`, protocol.ServerFrame{Data: []byte(`null`)}, `{"body":null,"id":"a"}`},
		{"no such handler", `{"id":"a","action":"nope"}`, "nope", `{}`, protocol.ServerFrame{Type: protocol.TypeError, Code: protocol.CodeNotFound, Message: "no", Hint: "None."}, `{"id":"a","status":404,"headers":{},"body":"no. None."}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			talk := newTalk(New())
			heard := talk.Hear([]byte(tt.in))
			if len(heard.Frames) != 1 || heard.Frames[0].Method != tt.method || string(heard.Frames[0].Data) != tt.data {
				t.Fatalf("%s\nthe session is asked %+v", tt.in, heard.Frames)
			}
			f := tt.answer
			if f.ID = heard.Frames[0].ID; f.Type == "" {
				f.Type = protocol.TypeReply
			}
			said, _ := talk.Say(nil, protocol.Encode(&f))
			got := texts(t, said)
			var g, w any
			if len(got) != 1 || json.Unmarshal([]byte(got[0]), &g) != nil || json.Unmarshal([]byte(tt.want), &w) != nil || !reflect.DeepEqual(g, w) {
				t.Errorf("answered %s\nwant     %s", got, tt.want)
			}
			if len(talk.waiting) != 0 {
				t.Error("a request still waits")
			}
		})
	}
	if got := texts(t, newTalk(New()).Hear([]byte(`{"id":"a","action":"ping","input":{}}`)).Back); len(got) != 1 || got[0] != `{"id":"a","status":200,"headers":{},"body":"pong"}` {
		t.Errorf("a ping is answered %s", got)
	}
}

func TestPushes(t *testing.T) {
	m := &protocol.Message{Channel: "chat", Epoch: "e", Offset: 1, ID: "m", Data: []byte(`{"a":1}`)}
	talk := newTalk(New())
	if got := texts(t, talk.Shared(m.Encoded())); len(got) != 1 || got[0] != `{"payload":{"a":1},"channel":"chat"}` {
		t.Errorf("a push is %s", got)
	}
	said, _ := talk.Say(nil, protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeEvent, Event: "private", Data: []byte(`2`)}))
	if got := texts(t, said); len(got) != 1 || got[0] != `{"payload":2,"channel":"private"}` {
		t.Errorf("a push to one socket is %s", got)
	}
	for _, f := range []string{protocol.TypeConnected, protocol.TypeSubscribed, protocol.TypeGap, protocol.TypePosition} {
		if said, _ := talk.Say(nil, protocol.Encode(&protocol.ServerFrame{Type: f, From: &protocol.Position{}})); said != nil {
			t.Errorf("%s is said as %s", f, said)
		}
	}
	if _, number := talk.Farewell(nil); number == 1000 {
		t.Error("closes with 1000")
	}
}

func TestGreet(t *testing.T) {
	for url, want := range map[string]string{"/?socket_connection_id=C~K~S": "C~K~S", "/?socket_connection_id=": "", "/?socket_connection_id=" + strings.Repeat("x", 300): ""} {
		g := New().Greet(nil, httptest.NewRequest("GET", url, nil))
		if len(g.Frames) != 1 || g.Frames[0].Type != protocol.TypeConnect || g.Frames[0].ConnectionID != want {
			t.Errorf("%s connects with %+v", url, g.Frames)
		}
	}
}

func TestFlood(t *testing.T) {
	talk := newTalk(New())
	for range maxWaiting {
		talk.Hear([]byte(`{"id":"a","action":"vote"}`))
	}
	if got := texts(t, talk.Hear([]byte(`{"id":"b","action":"vote"}`)).Back); len(got) != 1 || !strings.HasPrefix(got[0], `{"id":"b","status":503,`) {
		t.Errorf("one more is answered %s", got)
	}
}

func FuzzHear(f *testing.F) {
	for _, seed := range []string{`{"id":"a","action":"call-route","method":"get","uri":"/a?b=c","input":{"socket_connection_id":"x"}}`, `{"id":"a","action":"ping"}`, `{"id":1}`, `[`, `{"id":"a","action":"vote","input":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		talk := newTalk(New())
		heard := talk.Hear(message)
		if len(heard.Frames) == 0 == (len(heard.Back) == 0) {
			t.Fatalf("%q is neither answered nor passed on, or both", message)
		}
		for _, frame := range heard.Frames {
			if !json.Valid(frame.Data) {
				t.Fatalf("%q calls with %q", message, frame.Data)
			}
			if said, _ := talk.Say(nil, protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeReply, ID: frame.ID, Data: []byte("{}")})); len(said) == 0 {
				t.Fatalf("%q is not answered", message)
			}
		}
	})
}
