package kuzzle

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

const subscribeTaxis = `{"requestId":"q1","controller":"realtime","action":"subscribe","index":"nyc","collection":"taxi","body":{"equals":{"licence":"B"}},"volatile":{"who":"me"},"autoResubscribe":true`

// message returns one of the channel of taxis, as the room sees it.
func message(room string, data string, extra *protocol.Extra, event string, out bool) *protocol.Encoded {
	m := &protocol.Message{Channel: "documents/nyc/taxi", Epoch: "e", Offset: 1, Tag: "t", ID: "m1", Data: []byte(data), Event: event, TimeMS: 1700000000000, Extra: extra}
	e := protocol.NewEncoded(protocol.AppendMessage(nil, m, protocol.View{Room: room, Out: out}), protocol.TypeMessage)
	e.Message = m
	return e
}

// hears returns what the client, which has answered all pings, hears of a message.
func (c *client) hears(e *protocol.Encoded) []object {
	c.Helper()
	c.pong()
	if shared := c.Shared(e); shared != nil {
		return c.read(shared)
	}
	said, wait := c.Say(nil, e)
	if wait > 0 {
		c.Fatalf("%+v waits %v", e.Message, wait)
	}
	return c.read(said)
}

func TestSubscribe(t *testing.T) {
	c := newClient(t)
	if got := c.send(subscribeTaxis + `,"scope":"in","users":"all"}`); got != nil {
		t.Fatalf("answered %v before the bus did", got)
	}
	f := c.native(protocol.TypeSubscribe)
	if f.Channel != "documents/nyc/taxi" || string(f.Filter) != `{"equals":{"licence":"B"}}` || f.Scope != "in" || f.Users != "all" {
		t.Errorf("the session is asked %+v", f)
	}
	got := c.tell(&protocol.ServerFrame{Type: protocol.TypeSubscribed, ID: f.ID, Channel: f.Channel, Room: "-"})
	if len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	id := got[0]["result"].(object)["roomId"].(string)
	like(t, "the answer", got[0], `{"requestId":"q1","status":200,"error":null,"controller":"realtime","action":"subscribe","index":"nyc","collection":"taxi",
		"volatile":{"who":"me"},"node":"knode-1","headers":{},"result":{"roomId":"`+id+`","channel":"`+id+`-112"},"room":"q1"}`)
}

// The same room with other options is another channel of the same native subscription, and each channel hears each
// notification once.
func TestChannelsOfOneRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		room, first := c.subscribe(subscribeTaxis + "}")
		got := c.send(subscribeTaxis + "}")
		if len(got) != 1 || got[0]["result"].(object)["channel"] != first || len(c.asked) != 0 {
			t.Fatalf("the same again is answered %v, and the session asked %v", got, c.asked)
		}
		if got := c.send(subscribeTaxis + `,"users":"in"}`); got != nil {
			t.Fatalf("answered %v before the bus did", got)
		}
		f := c.native(protocol.TypePresence)
		if f.Room != room || f.Users != "all" {
			t.Errorf("the session is asked %+v", f)
		}
		got = c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID})
		second := got[0]["result"].(object)["channel"]
		if first != room+"-411" || second != room+"-211" {
			t.Errorf("the channels are %s and %s", first, second)
		}
		heard := c.hears(message(room, `{"licence":"B"}`, nil, "", false))
		if len(heard) != 2 || heard[0]["room"] != first || heard[1]["room"] != second {
			t.Errorf("heard %v", heard)
		}
		c.send(`{"requestId":"q2","controller":"realtime","action":"unsubscribe","body":{"roomId":"` + room + `"}}`)
		f = c.native(protocol.TypeUnsubscribe)
		if heard := c.hears(message(room, `{"licence":"B"}`, nil, "", false)); heard != nil {
			t.Errorf("heard %v after it unsubscribed", heard)
		}
		got = c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID})
		like(t, "the answer", got[0]["result"], `{"roomId":"`+room+`"}`)
	})
}

// Nothing is said in a channel before the pong to the ping behind the answer to its subscribe: the SDK may not listen
// yet. A client that answers no pings hears it when the limit is over.
func TestFreshChannelsWait(t *testing.T) {
	one := uint64(1)
	for _, row := range []struct {
		name string
		say  func(room string) *protocol.Encoded
	}{
		{"a message", func(room string) *protocol.Encoded { return message(room, `{"licence":"B"}`, nil, "", false) }},
		{"who came", func(room string) *protocol.Encoded {
			return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeJoined, Room: room, Members: []protocol.Member{{Connection: "x"}}, Count: &one})
		}},
		{"who left", func(room string) *protocol.Encoded {
			return protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeLeft, Room: room, Members: []protocol.Member{{Connection: "x"}}, Count: &one})
		}},
	} {
		for _, answers := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, pings are answered %v", row.name, answers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newClient(t)
					room, _ := c.subscribe(subscribeTaxis + `,"users":"all"}`)
					e := row.say(room)
					time.Sleep(freshLimit - time.Second)
					if c.Shared(e) != nil {
						t.Error("it is said at once")
					}
					if said, wait := c.Say(nil, e); said != nil || wait != time.Second {
						t.Errorf("said %q, and waits %v; want nothing, and the rest of the limit", said, wait)
					}
					if !answers {
						time.Sleep(time.Second)
					} else if !c.pong() {
						t.Error("the pong does not let it go on")
					}
					said, wait := c.Say(nil, e)
					if got := c.read(said); len(got) != 1 || wait != 0 {
						t.Errorf("then heard %v, and waits %v", got, wait)
					}
				})
			})
		}
	}
}

func TestAMessageForOneChannelIsMadeOnce(t *testing.T) {
	c := newClient(t)
	room, _ := c.subscribe(subscribeTaxis + "}")
	e := message(room, `{"licence":"B"}`, nil, "", false)
	c.pong()
	if first, second := c.Shared(e), c.Shared(e); first == nil || &first[0] != &second[0] {
		t.Error("a message for one channel is made more than once")
	}
}

// Each pong counts for the pings up to its own. What is no answer to one of them counts for nothing.
func TestPongs(t *testing.T) {
	carries := func(n uint64) []byte { return appendPing(nil, n)[2:] }
	for _, row := range []struct {
		name    string
		pongs   [][]byte
		listens [2]bool // to the first channel and to the second
	}{
		{"none", nil, [2]bool{}},
		{"the first", [][]byte{carries(1)}, [2]bool{true, false}},
		{"only the last", [][]byte{carries(2)}, [2]bool{true, true}},
		{"both, in the wrong order", [][]byte{carries(2), carries(1)}, [2]bool{true, true}},
		{"one that nobody asked for", [][]byte{nil}, [2]bool{}},
		{"one of the future", [][]byte{carries(3), carries(1 << 63)}, [2]bool{}},
		{"of another length", [][]byte{carries(2)[1:], append(carries(2), 0), []byte("1")}, [2]bool{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t)
				first, _ := c.subscribe(subscribeTaxis + "}")
				second, _ := c.subscribe(subscribeTaxis + `,"scope":"in"}`)
				for _, carried := range row.pongs {
					c.Pong(carried)
				}
				for i, room := range []string{first, second + ".in"} {
					if listens := c.Shared(message(room, "{}", nil, "", false)) != nil; listens != row.listens[i] {
						t.Errorf("after the pongs %q the client is taken to listen to channel %d: %v, want %v", row.pongs, i+1, listens, row.listens[i])
					}
				}
			})
		})
	}
}

// Each that comes or goes is one notification with the count after it, and nobody hears of itself.
func TestUserNotifications(t *testing.T) {
	c := newClient(t)
	room, channel := c.subscribe(subscribeTaxis + `,"users":"all"}`)
	c.pong()
	count := uint64(4)
	got := c.tell(&protocol.ServerFrame{Type: protocol.TypeJoined, Channel: "documents/nyc/taxi", Room: room, Members: []protocol.Member{{Connection: "x"}, {Connection: "me"}, {Connection: "y"}}, Count: &count})
	if len(got) != 2 {
		t.Fatalf("heard %v", got)
	}
	user := func(way, action string, n int) string {
		return fmt.Sprintf(`{"type":"user","status":200,"user":%q,"result":{"count":%d},"node":"knode-1","timestamp":"…","volatile":null,"index":"nyc","collection":"taxi","controller":"realtime","action":%q,"protocol":"websocket","room":%q}`, way, n, action, channel)
	}
	like(t, "the first", got[0], user("in", "subscribe", 2))
	like(t, "the second", got[1], user("in", "subscribe", 4))
	count = 2
	got = c.tell(&protocol.ServerFrame{Type: protocol.TypeLeft, Channel: "documents/nyc/taxi", Room: room, Members: []protocol.Member{{Connection: "x"}, {Connection: "y"}}, Count: &count})
	like(t, "the first that left", got[0], user("out", "unsubscribe", 3))
	like(t, "the second that left", got[1], user("out", "unsubscribe", 2))
}

func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		c.user = "ann"
		c.send(`{"requestId":"q1","controller":"realtime","action":"publish","index":"nyc","collection":"taxi","_id":"x","body":{"_id":"y","a":1,"_kuzzle_info":{"author":"forged"}},"volatile":{"v":1}}`)
		f := c.native(protocol.TypePublish)
		want := fmt.Sprintf(`{"_id":"x","_info":{"author":"ann","createdAt":%d},"a":1}`, time.Now().UnixMilli())
		if string(f.Data) != want || string(f.Meta) != `{"v":1}` || string(f.Origin) != `{"protocol":"websocket","request":"q1"}` || f.Channel != "documents/nyc/taxi" {
			t.Errorf("got  %s with %s of %s in %s\nwant %s", f.Data, f.Meta, f.Origin, f.Channel, want)
		}
		got := c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID})
		like(t, "the answer", got[0]["result"], `{"published":true}`)
	})
}

func TestCount(t *testing.T) {
	c := newClient(t)
	room, _ := c.subscribe(subscribeTaxis + "}")
	c.send(`{"requestId":"q2","controller":"realtime","action":"count","body":{"roomId":"` + room + `"}}`)
	f := c.native(protocol.TypePresence)
	if f.Channel != "documents/nyc/taxi" || f.Room != room || f.Users != "" {
		t.Errorf("the session is asked %+v", f)
	}
	n := uint64(3)
	got := c.tell(&protocol.ServerFrame{Type: protocol.TypeReply, ID: f.ID, Count: &n})
	like(t, "the answer", got[0]["result"], `{"count":3}`)
}

// What Kuzzle has no words for ends the connection, with a number after which the SDK comes back.
func TestWhatCannotBeSaid(t *testing.T) {
	for name, say := range map[string]func(c *client, room string){
		"a gap": func(c *client, room string) {
			c.tell(&protocol.ServerFrame{Type: protocol.TypeGap, Channel: "documents/nyc/taxi", Room: room, Reason: "feed_lost", From: &protocol.Position{}})
		},
		"a subscription that ended": func(c *client, room string) {
			c.tell(&protocol.ServerFrame{Type: protocol.TypeUnsubscribed, Channel: "documents/nyc/taxi", Room: room, Code: protocol.CodeForbidden})
		},
		"a reset": func(c *client, room string) {
			c.hears(message(room, "{}", &protocol.Extra{Change: 1}, protocol.EventReset, false))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t)
			room, _ := c.subscribe(subscribeTaxis + "}")
			if say(c, room); c.ended == nil {
				t.Error("the connection goes on")
			}
		})
	}
	c := newClient(t)
	for _, code := range []protocol.Code{protocol.CodeInternal, protocol.CodeSlowConsumer, protocol.CodeDisconnected, protocol.CodeShuttingDown} {
		if _, number := c.Farewell(&protocol.ServerFrame{Code: code}); number != 1011 && number != 1001 {
			t.Errorf("%s closes with %d", code, number)
		}
	}
	if _, number := c.Farewell(nil); number == 1000 {
		t.Error("closes with 1000")
	}
}

// BenchmarkShared is what one more client of a room costs a message, beside what its frame costs once.
func BenchmarkShared(b *testing.B) {
	c := newClient(b)
	room, _ := c.subscribe(subscribeTaxis + "}")
	e := message(room, `{"licence":"B","position":{"lat":40.759,"lon":-73.985}}`, nil, "", false)
	c.pong()
	b.ReportAllocs()
	for b.Loop() {
		if c.Shared(e) == nil {
			b.Fatal("it is not shared")
		}
	}
}
