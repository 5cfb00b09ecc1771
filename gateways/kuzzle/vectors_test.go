package kuzzle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"tidings/protocol"
)

// vector is one file of gateways/testdata/kuzzle: what a client hears, with every field. In its texts ROOM and CHANNEL
// are what the client subscribed to, and "…" is whatever it may be.
type vector struct {
	Seen      string          // in which source, or in which run; "ours" for what the original has not
	Subscribe json.RawMessage // what the client subscribes with before
	Room      json.RawMessage // a subscribe whose room is ROOM, and which is not sent
	User      string          // who the client is
	Request   json.RawMessage // what it sends
	Bus       []said          // what the bus says to it, or by itself
	Message   *heard          // … or the message that comes
	Error     *struct {       // … or the error that is made
		ID    string
		Props []string
	}
	Want []any
}

// said is a frame of the bus.
type said struct {
	Type, Message string
	Code          protocol.Code
	Data          json.RawMessage
	Members       []string
	Count         *uint64
}

// heard is a message of the bus, in the room.
type heard struct {
	Event                       string
	Data, Meta, Origin, Changed json.RawMessage
	Change                      uint64
	Gone, Out                   bool
}

func TestVectors(t *testing.T) {
	files, err := filepath.Glob("../testdata/kuzzle/*.json")
	if err != nil || len(files) < 80 {
		t.Fatalf("there are %d vectors: %v", len(files), err)
	}
	errors := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { playVector(t, text) })
			if strings.HasPrefix(filepath.Base(file), "error-") {
				errors++
			}
		})
	}
	if errors != len(kinds) {
		t.Errorf("%d errors have a vector, want each of %d", errors, len(kinds))
	}
}

// playVector plays one file, and compares all that the client hears with all that it should.
func playVector(t *testing.T, text []byte) {
	read := func() (v vector) {
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	c, v := newClient(t), read()
	if kind, _, ok := strings.Cut(v.Seen, ": "); !ok || kind != "source" && kind != "run" && kind != "ours" {
		t.Errorf("it was seen in %q, want a source, a run, or ours", v.Seen)
	}
	if v.User != "" {
		c.user = v.User
	}
	room := ""
	switch {
	case v.Subscribe != nil:
		var channel string
		room, channel = c.subscribe(string(v.Subscribe))
		text = []byte(strings.NewReplacer("CHANNEL", channel, "ROOM", room).Replace(string(text)))
	case v.Room != nil:
		room, _ = newClient(t).subscribe(string(v.Room))
		text = []byte(strings.ReplaceAll(string(text), "ROOM", room))
	}
	v = read()
	got := v.play(c, room)
	all, _ := json.Marshal(got)
	var list any
	json.Unmarshal(all, &list)
	if len(got) != len(v.Want) {
		t.Fatalf("got  %s\nwant %d of them", all, len(v.Want))
	}
	for i, one := range list.([]any) {
		want, _ := json.Marshal(v.Want[i])
		like(t, v.Seen, one, string(want))
	}
}

// play returns what the client hears.
func (v *vector) play(c *client, room string) (got []object) {
	switch {
	case v.Error != nil:
		var o object
		json.Unmarshal(failure(v.Error.ID, v.Error.Props...).append(nil), &o)
		return []object{o}
	case v.Message != nil:
		m := v.Message
		extra := &protocol.Extra{Meta: m.Meta, Origin: m.Origin, Change: m.Change, Changed: compact(m.Changed), Gone: m.Gone}
		if m.Changed == nil {
			extra.Changed = nil
		}
		if m.Meta == nil && m.Origin == nil && m.Change == 0 {
			extra = nil
		}
		return c.hears(message(room, string(compact(m.Data)), extra, m.Event, m.Out))
	case v.Request != nil:
		got = c.send(string(v.Request))
	}
	c.pong()
	for _, s := range v.Bus {
		f := &protocol.ServerFrame{Type: s.Type, Code: s.Code, Message: s.Message, Data: s.Data, Count: s.Count, Room: room, Channel: "documents/nyc/taxi"}
		for _, name := range s.Members {
			f.Members = append(f.Members, protocol.Member{Connection: name})
		}
		if len(c.asked) > 0 {
			f.ID, c.asked = c.asked[0].ID, c.asked[1:]
		}
		got = append(got, c.tell(f)...)
	}
	return got
}
