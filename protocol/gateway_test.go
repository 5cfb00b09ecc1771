package protocol

import (
	"strconv"
	"testing"
)

func TestAFrameIsMadeOnceForEachKind(t *testing.T) {
	e := Encode(&ServerFrame{Type: TypePong})
	made := map[string]int{}
	ask := func(kind string) string {
		return string(e.As(kind, func(*Encoded) []byte { made[kind]++; return []byte("as " + kind) }))
	}
	for range 3 {
		for i := range maxOtherForms {
			if kind := strconv.Itoa(i); ask(kind) != "as "+kind {
				t.Errorf("kind %s is %q", kind, ask(kind))
			}
		}
		if ask("one more") != "as one more" {
			t.Error("a kind too many is not made")
		}
	}
	for i := range maxOtherForms {
		if n := made[strconv.Itoa(i)]; n != 1 {
			t.Errorf("kind %d was made %d times", i, n)
		}
	}
	if made["one more"] != 3 {
		t.Errorf("a kind too many was made %d times", made["one more"])
	}
	if b := e.As("0", nil); string(b) != "as 0" {
		t.Errorf("later kind 0 is %q", b)
	}
	if b := Encode(&ServerFrame{Type: TypePong}).As("silence", func(*Encoded) []byte { return nil }); b == nil || len(b) != 0 {
		t.Errorf("what says nothing is %v", b)
	}
}

func TestSeen(t *testing.T) {
	data := []byte(`{"scope":"out"}`)
	plain := &Message{Channel: "a", Offset: 7, Prev: 6, Tag: "t", ID: "m", Data: data}
	gone := &Message{Channel: "a", Offset: 7, Prev: 6, Tag: "t", ID: "m", Data: data, Extra: &Extra{Gone: true, Change: 3}}
	for _, row := range []struct {
		name string
		m    *Message
		v    View
	}{
		{"unfiltered", plain, View{}},
		{"after others", plain, View{Prev: 2}},
		{"in a room", plain, View{Room: "r-_.in", Prev: 6}},
		{"out of a room", plain, View{Room: "r-_", Prev: 2, Out: true}},
		{"out, for one without a filter", plain, View{Out: true}},
		{"in a room, of what is gone", gone, View{Room: "r"}},
	} {
		e := NewEncoded(AppendMessage(nil, row.m, row.v), TypeMessage)
		e.Message = row.m
		if got := e.Seen(); got.Room != row.v.Room || got.Out != row.v.Out {
			t.Errorf("%s: got %+v, want %+v, of %s", row.name, got, row.v, e.JSON)
		}
	}
	if got := gone.Encoded().Seen(); got.Room != "" || !got.Out {
		t.Errorf("the message's own frame: %+v", got)
	}
}

func TestGatewaysHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for g := NoGateway; g < gateways; g++ {
		if name := g.String(); seen[name] || (name == "") != (g == NoGateway) {
			t.Errorf("gateway %d is called %q", g, name)
		}
		seen[g.String()] = true
	}
}
