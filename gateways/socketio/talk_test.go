package socketio

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tidings/gateways/feathers"
	"tidings/protocol"
	"tidings/transports"
)

// fakeLine keeps why the connection was ended.
type fakeLine struct{ failed *protocol.Error }

func (l *fakeLine) Send([]protocol.ClientFrame) {}
func (l *fakeLine) Fail(fault *protocol.Error)  { l.failed = fault }

// open returns a client that has said nothing yet.
func open(t testing.TB) (*talk, *fakeLine) {
	services, err := feathers.NewServices([]string{"messages main/messages"})
	if err != nil {
		t.Fatal(err)
	}
	line := &fakeLine{}
	c := &talk{language: New(Config{Services: services})}
	c.Open(line)
	return c, line
}

// enter returns a client in the namespace "/".
func enter(t testing.TB) (*talk, *fakeLine) {
	c, line := open(t)
	c.Hear([]byte("40"))
	said, _ := c.Say(nil, protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeConnected, Connection: "c-1", Announce: &protocol.Announce{}}))
	if got := strings.Join(texts(t, said), "; "); got != `40{"sid":"c-1"}` {
		t.Fatalf("entered with %s", got)
	}
	return c, line
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

// asked puts what a message came to as text.
func asked(heard *transports.Heard) string {
	var frames []string
	for _, f := range heard.Frames {
		frames = append(frames, strings.TrimSpace(f.Type+" "+f.Method+" "+string(f.Data)+f.Token))
	}
	return strings.Join(frames, "; ")
}

func TestWhatAClientSends(t *testing.T) {
	for _, row := range []struct{ name, message, frame, back string }{
		{"a pong", "3", "", ""},
		{"a pong with something in it", "3probe", "", ""},
		{"a packet of Engine.IO that is nothing to a server", "6", "", ""},
		{"an event", `42["greet","Ann",2]`, `call greet ["Ann",2]`, ""},
		{"an event that is to be acknowledged", `4217["greet", "Ann"]`, `call greet ["Ann"]`, ""},
		{"an event without arguments", `420["greet"]`, `call greet []`, ""},
		{"an event whose name is a number", `42[7,true]`, `call 7 [true]`, ""},
		{"an event of the namespace by its name", `42/,1["greet"]`, `call greet []`, ""},
		{"an event whose name is ours", `429["document",{}]`, "", `439[{"name":"NotFound","message":"Event 'document' is taken by nobody","code":404,"className":"not-found"}]`},
		{"an acknowledgement", `431[]`, "", ""},
		{"leaving", "41", "disconnect", ""},
		{"a service's get", `421["get","messages","m1",{}]`, `call document {"action":"get","collection":"main/messages","id":"m1"}`, ""},
		{"a service that is not here", `421["get","users",1,{}]`, `call feathers {"arguments":[1,{}],"method":"get","path":"users"}`, ""},
		{"a path that is no text", `421["get",null,1,{}]`, "", `431[{"name":"NotFound","message":"Invalid service path","code":404,"className":"not-found"}]`},
		{"a refusal without a callback", `42["get",null,1,{}]`, "", ""},
		{"a sign-in", `421["create","authentication",{"strategy":"jwt","accessToken":"t"},{}]`, `refresh  t`, ""},
		{"another namespace", `40/admin,{"token":"t"}`, "", `44/admin,{"message":"Invalid namespace"}`},
	} {
		c, line := enter(t)
		heard := c.Hear([]byte(row.message))
		if got := asked(&heard); got != row.frame {
			t.Errorf("%s: %s asks for %q, want %q", row.name, row.message, got, row.frame)
		}
		if got := strings.Join(texts(t, heard.Back), "; "); got != row.back || heard.Malformed != nil || line.failed != nil {
			t.Errorf("%s: %s is answered %s, %v, %v; want %s", row.name, row.message, got, heard.Malformed, line.failed, row.back)
		}
	}
}

func TestConnecting(t *testing.T) {
	long := strings.Repeat("x", protocol.MaxTokenBytes+1)
	for _, row := range []struct{ name, message, frame, farewell string }{
		{"without anything", "40", "connect", ""},
		{"with an empty object", "40{}", "connect", ""},
		{"with a token", `40{"token":"t"}`, "connect  t", ""},
		{"with other things", `40{"room":[1]}`, "connect", ""},
		{"with a token that is no text", `40{"token":5}`, "", `44{"message":"auth.token is no token","data":{"code":"unauthorized","hint":"It is a text of at most 8192 bytes."}}`},
		{"with a token that is too long", `40{"token":"` + long + `"}`, "", `44{"message":"auth.token is no token","data":{"code":"unauthorized","hint":"It is a text of at most 8192 bytes."}}`},
		{"with an array", `40[]`, "", ""},
		{"an event before it", `42["greet"]`, "", ""},
	} {
		c, line := open(t)
		heard := c.Hear([]byte(row.message))
		if got := asked(&heard); got != row.frame || line.failed == nil != (row.frame != "") {
			t.Errorf("%s: asks for %q and ends with %v, want %q", row.name, got, line.failed, row.frame)
		}
		if f := line.failed; f != nil {
			back, _ := c.Farewell(&protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: f.Code, Reason: f.Reason, Hint: f.Hint, Retry: f.Code.Row().Retry})
			if got := strings.Join(texts(t, back), "; "); got != row.farewell {
				t.Errorf("%s: told %s, want %s", row.name, got, row.farewell)
			}
		}
	}
	c, line := enter(t)
	if heard := c.Hear([]byte("40")); heard.Frames != nil || line.failed == nil {
		t.Errorf("a second time: %+v, %v", heard, line.failed)
	}
}

func TestB140_WhatCannotBeRead(t *testing.T) {
	for name, message := range map[string]string{
		"nothing": "", "a word": "hello", "JSON": `{"a":1}`, "a ping of a client": "2", "an unknown packet of Engine.IO": "9", "no packet of Socket.IO": "4",
		"an unknown packet of Socket.IO": "47[]", "half an event": `42["a"`, "two values": `42["a"] 1`, "an event that is an object": "42{}", "an event without a name": "42[]",
		"a name that is an object": `42[{}]`, "a name of Socket.IO's own": `42["disconnect"]`, "an id that is too long": "42" + strings.Repeat("1", 17) + `["a"]`, "no UTF-8": "42[\"\xff\"]",
		"depth": "42" + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), "ten thousand keys": `42["a",{` + strings.Repeat(`"a":1,`, 10_000) + `"b":1}]`,
		"an id without an event": "4212", "attachments that are no number": `45x-["a"]`, "no attachments": `450-["a"]`, "attachments without an end": `451["a"]`,
	} {
		c, line := enter(t)
		if heard := c.Hear([]byte(message)); heard.Malformed == nil || heard.Frames != nil || heard.Back != nil || line.failed == nil {
			t.Errorf("%s: came to %+v, %v", name, heard, line.failed)
		}
	}
}

func TestBinaryIsRefusedInItsForm(t *testing.T) {
	for _, row := range []struct{ name, message, farewell string }{
		{"an event", `451-["a",{"_placeholder":true,"num":0}]`, "41"},
		{"an event that is to be acknowledged", `451-7["a",{"_placeholder":true,"num":0}]`, `437[{"name":"NotImplemented","message":"a binary argument is not offered by this server","code":501,"className":"not-implemented","data":{"see":"docs/gateways.md"}}]; 41`},
		{"an attachment", "bAQID", "41"},
	} {
		c, line := enter(t)
		c.Hear([]byte(row.message))
		if line.failed != errBinary || c.language.Unsupported()["binary"] != 1 {
			t.Errorf("%s: ended with %v, counted %v", row.name, line.failed, c.language.Unsupported())
		}
		back, number := c.Farewell(&protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: errBinary.Code})
		if got := strings.Join(texts(t, back), "; "); got != row.farewell || number != 1003 {
			t.Errorf("%s: told %s, closed with %d, want %s and 1003", row.name, got, number, row.farewell)
		}
	}
}

func TestPacketsOutOfTheirState(t *testing.T) {
	for name, message := range map[string]string{"an event of another namespace": `42/admin,["a"]`, "leaving another namespace": "41/admin,", "a refusal": `44{"message":"x"}`} {
		c, line := enter(t)
		if heard := c.Hear([]byte(message)); heard.Frames != nil || heard.Back != nil || line.failed != errState {
			t.Errorf("%s: came to %+v, %v", name, heard, line.failed)
		}
	}
	c, line := enter(t)
	c.Hear([]byte("41"))
	if heard := c.Hear([]byte(`42["a"]`)); heard.Frames != nil || line.failed != errState {
		t.Errorf("an event after leaving: %+v, %v", heard, line.failed)
	}
}

func TestWhatAClientHears(t *testing.T) {
	c, line := enter(t)
	message := func(m *protocol.Message) string {
		return strings.Join(texts(t, c.Shared(m.Encoded())), "; ")
	}
	for _, row := range []struct {
		name string
		m    *protocol.Message
		want string
	}{
		{"a message without an event", &protocol.Message{Channel: "visitor-arrival", Data: []byte(`{"a":1}`)}, `42["visitor-arrival",{"a":1}]`},
		{"an event", &protocol.Message{Channel: "a", Event: "messages typing", Data: []byte(`"x"`)}, `42["messages typing","x"]`},
		{"a change, by a route", &protocol.Message{Channel: "user/1", Event: "main/messages created", Data: []byte(`{"_id":"m1","text":"hi"}`), Extra: &protocol.Extra{Change: 1}}, `42["messages created",{"id":"m1","text":"hi"}]`},
		{"the same change, by another route", &protocol.Message{Channel: "role/x", Event: "main/messages created", Data: []byte(`{"_id":"m1","text":"hi"}`), Extra: &protocol.Extra{Change: 1}}, ""},
		{"a reset", &protocol.Message{Channel: "documents/main/messages", Event: protocol.EventReset, Data: []byte(`{}`), Extra: &protocol.Extra{Change: 5}}, ""},
	} {
		if got := message(row.m); got != row.want {
			t.Errorf("%s: heard %s, want %s", row.name, got, row.want)
		}
	}
	event, _ := c.Say(nil, protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeEvent, Event: "news", Data: []byte(`[1]`)}))
	if got := texts(t, event); len(got) != 1 || got[0] != `42["news",[1]]` {
		t.Errorf("a custom event is %q", got)
	}
	if c.Say(nil, protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeGap, Channel: "a"})); line.failed == nil || !line.failed.Code.Row().Retry {
		t.Errorf("a gap ends with %v", line.failed)
	}
}

func TestFarewells(t *testing.T) {
	for _, row := range protocol.Codes() {
		last := &protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: row.Code, Reason: "why", Retry: row.Retry}
		inside, _ := enter(t)
		back, number := inside.Farewell(last)
		if got := strings.Join(texts(t, back), "; "); got != map[bool]string{false: "41"}[row.Retry] || number == 1000 {
			t.Errorf("%s: told %q, closed with %d", row.Code, got, number)
		}
		outside, _ := open(t)
		outside.Hear([]byte("40"))
		back, _ = outside.Farewell(last)
		want := ""
		if !row.Retry || row.Code == protocol.CodeTokenExpired {
			want = `44{"message":"why","data":{"code":"` + string(row.Code) + `"}}`
		}
		if got := strings.Join(texts(t, back), "; "); got != want {
			t.Errorf("%s: refused with %q, want %q", row.Code, got, want)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	c, _ := open(t)
	start := time.Unix(1000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	for _, row := range []struct {
		name             string
		now, heard, next int // seconds from the start
		pings, ends      bool
	}{
		{"at first", 0, -1, 25, false, false},
		{"too early", 20, -1, 25, false, false},
		{"a ping", 25, -1, 45, true, false},
		{"it was answered, and it is too early for another", 45, 26, 50, false, false},
		{"another ping", 50, 26, 70, true, false},
		{"looked at too early", 60, 26, 70, false, false},
		{"no answer", 70, 26, 0, false, true},
	} {
		due := c.Due(at(row.now), at(row.heard))
		if due.Back != nil != row.pings || due.End != nil != row.ends || !row.ends && due.Next != at(row.next) {
			t.Errorf("%s: %+v", row.name, due)
		}
		if row.pings && texts(t, due.Back)[0] != "2" {
			t.Errorf("%s: said %q", row.name, due.Back)
		}
	}
}

func FuzzHear(f *testing.F) {
	for _, seed := range []string{
		"40", `40{"token":"t"}`, "41", `42["find","messages",{"$limit":2,"$sort":{"a":-1}}]`, `4212["create","messages",{"id":1,"a":{}},{}]`, `42/a,1["x"]`, "431[]", `44{"message":"x"}`,
		`451-["a",{"_placeholder":true,"num":0}]`, "3", "bAQID", `421["create","authentication",{"strategy":"jwt","accessToken":"e.eyJzdWIiOiJ1In0.x"},{}]`,
	} {
		f.Add(seed)
	}
	packets := func(t *testing.T, message string, said []byte) {
		for _, text := range texts(t, said) {
			if len(text) < 2 || text[0] != '4' || !json.Valid([]byte(strings.TrimLeft(text[2:], "0123456789"))) && text[1] != '4' {
				t.Errorf("%q is answered %q, which is no packet", message, text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, message string) {
		c, _ := enter(t)
		heard := c.Hear([]byte(message))
		packets(t, message, heard.Back)
		for i, frame := range heard.Frames {
			if frame.Data != nil && !json.Valid(frame.Data) {
				t.Errorf("%q asks with %q, which is no JSON", message, frame.Data)
			}
			for _, answer := range []*protocol.ServerFrame{
				{Type: protocol.TypeError, Code: protocol.CodeNotFound, Message: "x"},
				{Type: protocol.TypeReply, Data: []byte(`{"documents":[{"_id":"a","x":1}],"document":{"_id":"b"},"total":1}`)},
			} {
				other, _ := enter(t)
				answer.ID = other.Hear([]byte(message)).Frames[i].ID
				said, _ := other.Say(nil, protocol.Encode(answer))
				packets(t, message, said)
			}
		}
		fresh, line := open(t)
		if heard := fresh.Hear([]byte(message)); len(heard.Frames) > 0 && (heard.Frames[0].Type != protocol.TypeConnect || line.failed != nil) {
			t.Errorf("%q opens a session with %+v, %v", message, heard.Frames[0], line.failed)
		}
	})
}
