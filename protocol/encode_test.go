package protocol

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestAppendMessage(t *testing.T) {
	m := &Message{Channel: "a/b", Epoch: "e", Offset: 7, Prev: 6, Tag: "t7", ID: "m7", Data: []byte(`{"x":1}`), TimeMS: 1767225600000}
	event := &Message{Channel: "a", Offset: 7, Prev: 3, Tag: "t", ID: "m", Data: []byte(`null`), Event: `"e"`}
	volatile := &Message{Channel: "a", ID: "m", Data: []byte(`0`), Volatile: true}
	change := &Message{Channel: "a", Offset: 7, Prev: 6, Tag: "t", ID: "m", Data: []byte(`1`), Extra: &Extra{Change: 3, Before: []byte(`{"secret":1}`)}}
	for _, c := range []struct {
		name string
		m    *Message
		v    View
		want string
	}{
		{"follows", m, View{Prev: 6}, `{"type":"message","channel":"a/b","offset":7,"tag":"t7","id":"m7","time":1767225600000,"data":{"x":1}}`},
		{"in a room, after others", m, View{Room: `r"1`, Prev: 2}, `{"type":"message","channel":"a/b","room":"r\"1","offset":7,"prev":2,"tag":"t7","id":"m7","time":1767225600000,"data":{"x":1}}`},
		{"told nothing before", m, View{Room: "r"}, `{"type":"message","channel":"a/b","room":"r","offset":7,"prev":0,"tag":"t7","id":"m7","time":1767225600000,"data":{"x":1}}`},
		{"with an event", event, View{Prev: 6}, `{"type":"message","channel":"a","offset":7,"tag":"t","id":"m","time":0,"event":"\"e\"","data":null}`},
		{"out of what the room's filter matches", change, View{Room: "r", Prev: 6, Out: true}, `{"type":"message","channel":"a","room":"r","offset":7,"tag":"t","id":"m","time":0,"change":3,"scope":"out","data":1}`},
		{"a change that stays in", change, View{Room: "r", Prev: 6}, `{"type":"message","channel":"a","room":"r","offset":7,"tag":"t","id":"m","time":0,"change":3,"data":1}`},
		{"volatile", volatile, View{}, `{"type":"message","channel":"a","volatile":true,"id":"m","time":0,"data":0}`},
	} {
		if got := string(AppendMessage([]byte("x"), c.m, c.v)); got != "x"+c.want {
			t.Errorf("%s:\ngot  %s\nwant x%s", c.name, got, c.want)
		}
	}
	want := `{"type":"message","channel":"a","epoch":"","offset":7,"prev":3,"tag":"t","id":"m","time":0,"event":"\"e\"","data":null}`
	if got := string(AppendHistoryMessage(nil, event)); got != want {
		t.Errorf("history:\ngot  %s\nwant %s", got, want)
	}
}

func TestAppendServerFrame(t *testing.T) {
	for _, c := range []struct {
		f    ServerFrame
		want string
	}{
		{ServerFrame{Type: TypeReply, ID: 1}, `{"type":"reply","id":1}`},
		{ServerFrame{Type: TypeReply, ID: 1, Data: []byte(`null`)}, `{"type":"reply","id":1,"data":null}`},
		{ServerFrame{Type: TypeReply, ID: 1, Position: Position{"e", 0, ""}, Messages: []*Message{}}, `{"type":"reply","id":1,"epoch":"e","offset":0,"tag":"","messages":[],"complete":false}`},
		{ServerFrame{Type: TypeEvent, Event: "x"}, `{"type":"event","event":"x","data":null}`},
		{ServerFrame{Type: TypeJoined, Channel: "a"}, `{"type":"joined","channel":"a","members":[],"count":0}`},
		{ServerFrame{Type: TypeDisconnect, Code: CodeRotated, AfterMS: -1}, `{"type":"disconnect","code":"rotated","reason":"","retry":false}`},
		{ServerFrame{Type: TypePong}, `{"type":"pong"}`},
	} {
		if got := string(AppendServerFrame(nil, &c.f)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestConnectedSaysTheDefaults(t *testing.T) {
	for _, announce := range []*Announce{nil, {Version: 1, HeartbeatMS: 5, ParkMS: 6, Limits: AnnouncedLimits{1, 2, 3, 4, 5}}} {
		got, err := DecodeServerFrames(AppendServerFrame(nil, &ServerFrame{Type: TypeConnected, Session: "s", Connection: "c", Generation: 1, Announce: announce}))
		want := announce
		if want == nil {
			d := DefaultAnnounce()
			d.Transports = nil
			want = &d
		}
		if err != nil || !reflect.DeepEqual(got[0].Announce, want) {
			t.Errorf("got %+v, %v, want %+v", got[0].Announce, err, want)
		}
	}
}

func TestAnnounceComesBack(t *testing.T) {
	a := Announce{Version: 1, Transports: []string{Poll, WebSocket}, HeartbeatMS: 1000, ParkMS: 0, Limits: AnnouncedLimits{Message: 9, Subscriptions: 1}}
	wire := a.AppendJSON(nil)
	got, err := DecodeAnnounce(wire)
	if err != nil || !reflect.DeepEqual(*got, a) {
		t.Fatalf("%s: got %+v, %v", wire, got, err)
	}
	for in, want := range map[string]Code{`{}`: "", `{"version":1,"more":{}}`: "", `[]`: CodeBadRequest, `{"heartbeat":"x"}`: CodeBadRequest, `{"transports":[1]}`: CodeBadRequest, `{"limits":[]}`: CodeBadRequest, `{"limits":{"frames":-1}}`: CodeBadRequest, `{`: CodeBadJSON} {
		if _, err := DecodeAnnounce([]byte(in)); codeOf(err) != want {
			t.Errorf("%s: got %v, want %q", in, err, want)
		}
	}
}

func TestMessageKnowsItsPlaceAndSize(t *testing.T) {
	m := &Message{Channel: "abc", Epoch: "e1", Offset: 7, Tag: "t7", ID: "m7", Event: "x", Data: []byte(`12345`)}
	if p := m.Position(); p != (Position{"e1", 7, "t7"}) {
		t.Errorf("got %+v", p)
	}
	if got := m.Size(); got != 15+messageOverhead {
		t.Errorf("got %d, want %d", got, 15+messageOverhead)
	}
}

func TestAppendError(t *testing.T) {
	got := string(AppendError(nil, &Error{CodeOverloaded, "too much", `Wait "a bit".`}))
	if want := `{"error":{"code":"overloaded","message":"too much","hint":"Wait \"a bit\".","retry":true}}`; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestEncodedForms(t *testing.T) {
	for _, c := range []struct {
		n      int
		header []byte
	}{
		{1, []byte{0x81, 1}}, {125, []byte{0x81, 125}}, {126, []byte{0x81, 126, 0, 126}}, {65535, []byte{0x81, 126, 0xff, 0xff}},
		{65536, []byte{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
	} {
		body := []byte(strings.Repeat("x", c.n))
		e := NewEncoded(body, TypePong)
		if got := e.WebSocket(); !bytes.Equal(got, append(c.header, body...)) {
			t.Errorf("%d bytes: header % x, want % x", c.n, got[:min(10, len(got))], c.header)
		}
		if got := string(e.SSE()); got != "data: "+string(body)+"\n\n" {
			t.Errorf("%d bytes: SSE starts %.20q", c.n, got)
		}
		if e.Size() != c.n || e.Counted {
			t.Errorf("size %d, counted %v", e.Size(), e.Counted)
		}
	}
}

// However many ask at once, they share the bytes.
func TestEncodedOnce(t *testing.T) {
	m := &Message{Channel: "a", Offset: 1, Tag: "t", ID: "i", Data: []byte(`1`)}
	var wait sync.WaitGroup
	seen := make([][2]string, 8)
	for i := range seen {
		wait.Go(func() {
			e := m.Encoded()
			seen[i] = [2]string{fmt.Sprintf("%p %p", e, &e.WebSocket()[0]), fmt.Sprintf("%p", &e.SSE()[0])}
		})
	}
	wait.Wait()
	for _, s := range seen {
		if s != seen[0] {
			t.Fatalf("got %v and %v", s, seen[0])
		}
	}
	if e := m.Encoded(); e.Message != m || !e.Counted {
		t.Fatalf("got %+v", e)
	}
}

// The space for a message is made once, and little of it is left over: history keeps it.
func TestTheSpaceForAMessage(t *testing.T) {
	for _, m := range []*Message{
		{Channel: "a", Offset: 1, Tag: "aB3dE7g", ID: "H2nCS9Q4a9Aehr-1", Data: []byte("1"), TimeMS: 1764415000000},
		{Channel: "visitor-management/arrival/u42", Offset: 1 << 40, Tag: "aB3dE7g", ID: "H2nCS9Q4a9Aehr-1099511627776", Data: []byte(`{"text":"` + strings.Repeat("x", 5000) + `"}`), TimeMS: 1764415000000},
		{Channel: "a", ID: "H2nCS9Q4a9Aehr-1", Event: "created", Volatile: true, Data: []byte("null"), TimeMS: 1764415000000},
	} {
		var text []byte
		allocations := testing.AllocsPerRun(100, func() { text = AppendMessage(nil, m, View{Prev: m.Offset - 1}) })
		if left := cap(text) - len(text); allocations != 1 || left > 64+len(text)/8 {
			t.Errorf("%.150s: %.0f allocations, want 1; %d of %d bytes are left over", text, allocations, left, cap(text))
		}
	}
}
