package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"tidings/protocol"
)

var bonn = map[string]any{"equals": map[string]any{"city": "Bonn"}}

// named confirms a subscribe under a room.
func named(f protocol.ClientFrame, room string, offset uint64) string {
	return strings.Replace(subscribed(f, at(offset), f.Since != nil), `"subscribed",`, fmt.Sprintf(`"subscribed","room":%q,`, room), 1)
}

// inRoom is message number offset of channel "a", told after prev, as a room gets it.
func inRoom(room string, offset, prev uint64, more string) string {
	return strings.Replace(message(offset), `"message",`, fmt.Sprintf(`"message","room":%q,"prev":%d,%s`, room, prev, more), 1)
}

func TestFiltersAreSubscriptionsOfTheirOwn(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		_, all := s.subscribe(c, "a")
		sub, some := s.subscribe(c, "a", Filter(bonn))
		_, left := s.subscribe(c, "a", Filter(bonn), Out)
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		for _, want := range []struct{ scope, room string }{{"", "r"}, {"out", "r.out"}} {
			f := l.want(protocol.TypeSubscribe)
			if string(f.Filter) != `{"equals":{"city":"Bonn"}}` || f.Scope != want.scope {
				t.Errorf("subscribed with filter %s and scope %q, want that of Bonn and %q", f.Filter, f.Scope, want.scope)
			}
			l.say(named(f, want.room, 0))
		}
		l.say(message(1), message(2), inRoom("r", 2, 0, ""), message(3), inRoom("r.out", 3, 0, `"change":1,"scope":"out",`))
		all.want(t, "subscribed 0 false", "1", "2", "3")
		some.want(t, "subscribed 0 false", "2")
		left.want(t, "subscribed 0 false", "3")

		sub.Close()
		if f := l.want(protocol.TypeUnsubscribe); f.Channel != "a" || f.Room != "r" {
			t.Errorf("unsubscribed from %s, room %q, want a, r", f.Channel, f.Room)
		}
		l.cut()
		next, _ := s.connected("s2", false)
		next.recovered(3) // the unfiltered one
		f := next.want(protocol.TypeSubscribe)
		if string(f.Filter) != `{"equals":{"city":"Bonn"}}` || f.Scope != "out" || f.Since == nil || *f.Since != at(3) {
			t.Errorf("in a new session subscribed with %+v, want filter, scope and the position 3", f)
		}
		next.say(named(f, "r.out", 3), inRoom("r.out", 9, 3, `"change":2,"scope":"out",`))
		left.want(t, "subscribed 3 true", "9")
		some.want(t)
	})
}

// The same filter, however it is written, is one subscription on the wire.
func TestSameFilterIsOneSubscription(t *testing.T) {
	bubble(t, protocol.WebSocket, func(t *testing.T, s *server) {
		c := s.client()
		_, one := s.subscribe(c, "a", Filter(json.RawMessage(`{"range":{"n":{"gte":1.50,"lt":2}}}`)))
		_, two := s.subscribe(c, "a", Filter(json.RawMessage("{ \"range\": {\"n\": {\"lt\":2, \"gte\":1.50}} }\n")))
		l, _ := s.connected("s1", false)
		f := l.want(protocol.TypeSubscribe)
		if string(f.Filter) != `{"range":{"n":{"gte":1.50,"lt":2}}}` {
			t.Errorf("subscribed with %s", f.Filter)
		}
		l.say(named(f, "r", 0), inRoom("r", 1, 0, ""))
		one.want(t, "subscribed 0 false", "1")
		two.want(t, "subscribed 0 false", "1")
		if len(l.in) != 0 {
			t.Errorf("the client sent %d frames more, want none", len(l.in))
		}
	})
}

func TestScopeOfAMessage(t *testing.T) {
	for _, tc := range []struct{ name, more, want string }{
		{"none", "", ""},
		{"a change", `"change":1,`, ""},
		{"taken out", `"change":1,"scope":"out",`, protocol.ScopeOut},
	} {
		t.Run(tc.name, func(t *testing.T) {
			frames, err := protocol.DecodeServerFrames([]byte(inRoom("r", 1, 0, tc.more)))
			if err != nil {
				t.Fatal(err)
			}
			if got := messageOf(frames[0].Msg, "E").Scope; got != tc.want {
				t.Errorf("scope %q, want %q", got, tc.want)
			}
		})
	}
}

func TestBadFilterIsRefusedBeforeItIsSent(t *testing.T) {
	c, err := New(Config{URL: "http://bus.test/bus"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, filter := range map[string]any{
		"nothing": nil, "a text": "equals", "a list": []int{1}, "null": json.RawMessage("null"), "half an object": json.RawMessage(`{"equals":`),
		"two objects": json.RawMessage(`{} {}`), "no JSON": math.NaN(), "a function": func() {},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Subscribe("a", func(Message) {}, Filter(filter))
			var fault *protocol.Error
			if !errors.As(err, &fault) || fault.Code != protocol.CodeBadFilter || fault.Hint == "" {
				t.Errorf("Subscribe: %v, want bad_filter with a hint", err)
			}
		})
	}
	if st := c.Status(); st.State != Idle {
		t.Errorf("status %+v, want idle: nothing was asked", st)
	}
}
