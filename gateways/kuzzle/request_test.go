package kuzzle

import (
	"fmt"
	"strings"
	"testing"

	"tidings/protocol"
)

// A message that is no request is answered with what is wrong with it, and with the request's id wherever one can be
// found: the SDK's promise would never end otherwise.
func TestB143_BadRequests(t *testing.T) {
	long := strings.Repeat("x", maxIDBytes+1)
	many := `{"requestId":"q","controller":"realtime","action":"publish","body":{`
	for i := range 6000 {
		many += fmt.Sprintf(`"k%d":0,`, i)
	}
	for _, tt := range []struct{ name, in, id, code, room string }{
		{name: "no JSON", in: `hello`, id: unreadable},
		{name: "no JSON, with an id in it", in: `{"requestId":"q","controller":"realtime",`, id: unreadable, room: "q"},
		{name: "no JSON, with an id with escapes", in: `{"controller":,"requestId" : "a\"b"}`, id: unreadable, room: `a"b`},
		{name: "no JSON, with a longer id than may be", in: `{"requestId":"` + long + `",`, id: unreadable},
		{name: "a text", in: `"hello"`, id: invalidType},
		{name: "a list", in: `[{"requestId":"q"}]`, id: invalidType, room: "q"},
		{name: "null", in: `null`, id: invalidType},
		{name: "not UTF-8 in it", in: "{\"requestId\":\"q\",\"controller\":\"\xff\"}", id: unreadable, room: "q"},
		{name: "a member twice", in: `{"requestId":"q","action":"now","action":"info"}`, id: unreadable, room: "q"},
		{name: "too deep", in: `{"requestId":"q","body":{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`, id: unreadable, room: "q"},
		{name: "thousands of keys", in: many + `"k":0}}`, id: unreadable, room: "q"},
		{name: "an id that is a number", in: `{"requestId":17,"controller":"server","action":"now"}`, id: invalidType},
		{name: "an id that is too long", in: `{"requestId":"` + long + `","controller":"server","action":"now"}`, id: invalidArgument},
		{name: "a controller that is a number", in: `{"requestId":"q","controller":1,"action":"now"}`, id: invalidType, room: "q"},
		{name: "an action that is an object", in: `{"requestId":"q","controller":"server","action":{}}`, id: invalidType, room: "q"},
		{name: "an index that is a number", in: `{"requestId":"q","controller":"server","action":"now","index":1}`, id: invalidType, room: "q"},
		{name: "a token that is a number", in: `{"requestId":"q","controller":"server","action":"now","jwt":1}`, id: invalidType, room: "q"},
		{name: "volatile data that are a text", in: `{"requestId":"q","controller":"server","action":"now","volatile":"x"}`, id: invalidType, room: "q"},
		{name: "volatile data that are a list", in: `{"requestId":"q","controller":"server","action":"now","volatile":[]}`, id: invalidType, room: "q"},
		{name: "volatile data above 4 KiB", in: `{"requestId":"q","controller":"server","action":"now","volatile":{"a":"` + strings.Repeat("x", protocol.MaxMetaBytes) + `"}}`, id: invalidArgument, room: "q"},
		{name: "a body that is a text", in: `{"requestId":"q","controller":"server","action":"now","body":"x"}`, id: invalidType, room: "q"},
		{name: "no controller", in: `{"requestId":"q","action":"now"}`, id: missingArgument, room: "q"},
		{name: "no action", in: `{"requestId":"q","controller":"server"}`, id: missingArgument, room: "q"},
		{name: "a controller that nobody has", in: `{"requestId":"q","controller":"nope","action":"now"}`, id: noController, room: "q"},
		{name: "an action that nobody has", in: `{"requestId":"q","controller":"realtime","action":"nope"}`, id: noAction, room: "q"},
		{name: "a controller that the original has", in: `{"requestId":"q","controller":"security","action":"createUser"}`, id: notSupported, room: "q"},
		{name: "an action that the original has", in: `{"requestId":"q","controller":"realtime","action":"join"}`, id: notSupported, room: "q"},
		{name: "an SDK of Kuzzle 1", in: `{"requestId":"q","controller":"server","action":"now","volatile":{"sdkVersion":"5.1.0"}}`, id: oldSDK, room: "q"},
		{name: "an SDK before 7", in: `{"requestId":"q","controller":"server","action":"now","volatile":{"sdkName":"js@6.2.4"}}`, id: oldSDK, room: "q"},
		{name: "subscribe without an index", in: `{"requestId":"q","controller":"realtime","action":"subscribe"}`, id: missingArgument, room: "q"},
		{name: "subscribe without a collection", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"i"}`, id: missingArgument, room: "q"},
		{name: "subscribe without a body", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"i","collection":"c"}`, id: bodyRequired, room: "q"},
		{name: "subscribe with a body that is null", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"i","collection":"c","body":null}`, id: bodyRequired, room: "q"},
		{name: "subscribe with a scope that there is not", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"i","collection":"c","body":{},"scope":"up"}`, id: invalidScope, room: "q"},
		{name: "subscribe with a scope that is a number", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"i","collection":"c","body":{},"scope":1}`, id: invalidType, room: "q"},
		{name: "subscribe with users that there are not", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"i","collection":"c","body":{},"users":"some"}`, id: invalidUsers, room: "q"},
		{name: "subscribe with a filter that is none", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"i","collection":"c","body":{"nope":{}}}`, id: koncordeError, room: "q"},
		{name: "subscribe with too many conditions", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"i","collection":"c","body":{"in":{"a":["` + strings.Repeat(`x","`, 100) + `y"]}}}`, id: koncordeError, room: "q"},
		{name: "an index with a slash", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"a/b","collection":"c","body":{}}`, id: invalidArgument, room: "q"},
		{name: "an index of the server's", in: `{"requestId":"q","controller":"realtime","action":"subscribe","index":"%kuzzle","collection":"c","body":{}}`, id: invalidArgument, room: "q"},
		{name: "publish without a body", in: `{"requestId":"q","controller":"realtime","action":"publish","index":"i","collection":"c"}`, id: bodyRequired, room: "q"},
		{name: "publish of a list", in: `{"requestId":"q","controller":"realtime","action":"publish","index":"i","collection":"c","body":[]}`, id: invalidType, room: "q"},
		{name: "publish of more than 64 KiB", in: `{"requestId":"q","controller":"realtime","action":"publish","index":"i","collection":"c","body":{"a":"` + strings.Repeat("x", protocol.MaxPayloadBytes) + `"}}`, id: tooLarge, room: "q"},
		{name: "unsubscribe without a body", in: `{"requestId":"q","controller":"realtime","action":"unsubscribe"}`, id: bodyRequired, room: "q"},
		{name: "unsubscribe without a room", in: `{"requestId":"q","controller":"realtime","action":"unsubscribe","body":{}}`, id: missingArgument, room: "q"},
		{name: "unsubscribe from a number", in: `{"requestId":"q","controller":"realtime","action":"unsubscribe","body":{"roomId":1}}`, id: invalidType, room: "q"},
		{name: "unsubscribe from nothing", in: `{"requestId":"q","controller":"realtime","action":"unsubscribe","body":{"roomId":""}}`, id: emptyArgument, room: "q"},
		{name: "unsubscribe from what it has not", in: `{"requestId":"q","controller":"realtime","action":"unsubscribe","body":{"roomId":"r"}}`, id: notSubscribed, room: "q"},
		{name: "a frame of Primus", in: `"primus::ping::1700000000000"`, id: invalidType},
		{name: "a frame of ours", in: `{"type":"subscribe","id":1,"channel":"a"}`, id: missingArgument, room: "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			got := c.send(tt.in)
			if len(got) != 1 {
				t.Fatalf("%.200s\ngot %d answers, want one", tt.in, len(got))
			}
			room := got[0]["room"]
			if tt.room == "…" {
				room = tt.room
			} else if room == nil {
				room = ""
			}
			wrong, _ := got[0]["error"].(object)
			if wrong["id"] != tt.id || room != tt.room || got[0]["status"] != wrong["status"] || wrong["status"] != float64(kinds[tt.id].status) || wrong["code"] != float64(kinds[tt.id].code) || wrong["message"] == "" {
				t.Errorf("%.200s\ngot  %v in room %v\nwant %s in room %q", tt.in, got[0], room, tt.id, tt.room)
			}
			if len(c.asked) != 0 || len(c.rooms) != 0 {
				t.Errorf("the session was asked %v, and there are %d rooms", c.asked, len(c.rooms))
			}
		})
	}
}

func TestPings(t *testing.T) {
	c := newClient(t)
	for _, ping := range []string{`{"p":1}`, ` { "p" : 1 } `} {
		if got := c.send(ping); len(got) != 1 || got[0]["p"] != 2.0 {
			t.Errorf("%s is answered %v", ping, got)
		}
	}
	if got := c.send(""); got != nil {
		t.Errorf("an empty message is answered %v", got)
	}
}

// A client that sends without waiting is held to a number of requests. Its pings wait behind none of them.
func TestFlood(t *testing.T) {
	c := newClient(t)
	for range maxWaiting {
		if got := c.send(`{"controller":"realtime","action":"publish","index":"i","collection":"c","body":{}}`); got != nil {
			t.Fatalf("got %v", got)
		}
	}
	got := c.send(`{"requestId":"q","controller":"realtime","action":"publish","index":"i","collection":"c","body":{}}`)
	if len(got) != 1 || got[0]["error"].(object)["id"] != overloaded || got[0]["room"] != "q" {
		t.Errorf("one more is answered %v", got)
	}
	if got := c.send(`{"p":1}`); len(got) != 1 || got[0]["p"] != 2.0 {
		t.Errorf("a ping then is answered %v", got)
	}
	if len(c.asked) != maxWaiting {
		t.Errorf("the session was asked %d times", len(c.asked))
	}
}

func FuzzHear(f *testing.F) {
	for _, seed := range []string{
		`{"p":1}`, `{"requestId":"q","controller":"realtime","action":"subscribe","index":"i","collection":"c","body":{"equals":{"_kuzzle_info.author":"a"}},"users":"all"}`,
		`{"requestId":"q","controller":"realtime","action":"publish","index":"i","collection":"c","body":{"a":1},"_id":"x","volatile":{"v":1}}`,
		`{"requestId":"q","controller":"auth","action":"checkToken","body":{"token":"a.b.c"}}`, `{"requestId":"q","controller":"auth","action":"logout","jwt":"x"}`,
		`{"requestId":"q","controller":"realtime","action":"count","body":{"roomId":"r"}}`, `{"requestId":"\ud800"}`, `[]`, `{`,
		`{"controller":"document","action":"mCreate","index":"i","collection":"c","body":{"documents":[{"_id":"a","body":{}}]}}`,
		`{"controller":"document","action":"search","index":"i","collection":"c","body":{"query":{"bool":{"must":{"term":{"a":{"value":1}}},"must_not":[{"match_all":{}}]}},"sort":[{"a":"desc"}]},"scroll":"1m"}`,
		`{"controller":"document","action":"updateByQuery","index":"i","collection":"c","body":{"query":{"terms":{"a":[1]}},"changes":{}}}`,
		`{"controller":"bulk","action":"import","index":"i","collection":"c","body":{"bulkData":[{"update":{"_id":"a"}},{"doc":{}},{"delete":{"_id":"b"}}]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		c := newClient(t)
		c.send(string(message))
		for len(c.asked) > 0 { // a session that refuses everything: each request is answered, or says no more
			ask := c.asked[0]
			c.asked = c.asked[1:]
			if _, err := protocol.ParseChannel(string(ask.Channel)); ask.Channel != "" && err != nil {
				t.Fatalf("%q asks for the channel %q", message, ask.Channel)
			}
			c.tell(&protocol.ServerFrame{Type: protocol.TypeError, ID: ask.ID, Code: protocol.CodeForbidden, Message: "no", Hint: "no"})
		}
		if len(c.waiting) != 0 || len(c.held) != 0 || len(c.rooms) != 0 {
			t.Fatalf("%q leaves %d requests, %d held and %d rooms", message, len(c.waiting), len(c.held), len(c.rooms))
		}
	})
}
