package kuzzle

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"tidings/protocol"
	"tidings/transports"
)

// client is a client of the gateway whose session is the test: it sees the native frames, and answers them.
type client struct {
	testing.TB
	*talk
	asked []protocol.ClientFrame // by the talk, and not yet taken by the test
	ended *protocol.Error
	pings [][]byte // what the pings that came carry
}

func newClient(t testing.TB) *client {
	t.Helper()
	l := New(Config{Strategies: []string{"local"}})
	l.node = "knode-1"
	c := &client{TB: t, talk: newTalk(l)}
	c.Open(c)
	c.tell(&protocol.ServerFrame{Type: protocol.TypeConnected, Connection: "me"})
	return c
}

// Send and Fail implement transports.Line.
func (c *client) Send(frames []protocol.ClientFrame) { c.asked = append(c.asked, frames...) }
func (c *client) Fail(why *protocol.Error)           { c.ended = why }

var _ transports.Line = (*client)(nil)

// send sends a message of the client, and returns what comes back at once.
func (c *client) send(message string) []object {
	c.Helper()
	heard := c.Hear([]byte(message))
	c.asked = append(c.asked, heard.Frames...)
	return c.read(heard.Back)
}

// native returns the one frame that the talk asked the session with.
func (c *client) native(frameType string) protocol.ClientFrame {
	c.Helper()
	if len(c.asked) == 0 || c.asked[0].Type != frameType {
		c.Fatalf("the session was asked %v, want a %s first", c.asked, frameType)
	}
	f := c.asked[0]
	c.asked = c.asked[1:]
	return f
}

// tell has the session say a frame, and returns what the client hears of it.
func (c *client) tell(f *protocol.ServerFrame) []object {
	c.Helper()
	said, wait := c.Say(nil, protocol.Encode(f))
	if wait != 0 {
		c.Fatalf("%+v waits %v", f, wait)
	}
	return c.read(said)
}

// subscribe subscribes, and returns the channel's name.
func (c *client) subscribe(request string) (roomID, channel string) {
	c.Helper()
	c.send(request)
	f := c.native(protocol.TypeSubscribe)
	got := c.tell(&protocol.ServerFrame{Type: protocol.TypeSubscribed, ID: f.ID, Channel: f.Channel, Room: "-"})
	if len(got) != 1 || got[0]["error"] != nil {
		c.Fatalf("subscribe was answered %v", got)
	}
	result := got[0]["result"].(object)
	return result["roomId"].(string), result["channel"].(string)
}

type object = map[string]any

// pong has the client's pongs heard for the pings that came, and returns whether the talk goes on at one.
func (c *client) pong() (goOn bool) {
	for _, carried := range c.pings {
		goOn = c.Pong(carried) || goOn
	}
	c.pings = nil
	return goOn
}

// read takes WebSocket text frames apart, and keeps what pings carry.
func (c *client) read(frames []byte) (all []object) {
	c.Helper()
	for len(frames) > 0 {
		n, head := int(frames[1]), 2
		if n == 126 {
			n, head = int(frames[2])<<8|int(frames[3]), 4
		}
		if frames[0] == 0x89 {
			c.pings = append(c.pings, frames[head:head+n])
			frames = frames[head+n:]
			continue
		}
		var o object
		if err := json.Unmarshal(frames[head:head+n], &o); err != nil {
			c.Fatalf("%s is not JSON: %v", frames[head:head+n], err)
		}
		all = append(all, o)
		frames = frames[head+n:]
	}
	return all
}

// token returns one with these claims. Nobody checks its signature here.
func token(claims string) string {
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".s"
}

// like compares what was got with JSON, in which each number of "…" stands for anything.
func like(t testing.TB, what string, got any, want string) {
	t.Helper()
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if fault := differs("", got, w); fault != "" {
		b, _ := json.Marshal(got)
		t.Errorf("%s\ngot  %s\nwant %s\n%s", what, b, want, fault)
	}
}

func differs(at string, got, want any) string {
	if want == "…" {
		return ""
	}
	g, ok1 := got.(object)
	w, ok2 := want.(object)
	if ok1 && ok2 {
		for name := range w {
			if _, ok := g[name]; !ok {
				return at + "." + name + " is missing"
			}
			if fault := differs(at+"."+name, g[name], w[name]); fault != "" {
				return fault
			}
		}
		for name := range g {
			if _, ok := w[name]; !ok {
				return at + "." + name + " is one too many"
			}
		}
		return ""
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%s is %v, want %v", strings.TrimPrefix(at, "."), got, want)
	}
	return ""
}
