package protocol

import (
	"reflect"
	"strings"
	"testing"
)

// whole has every field, with a word of its own in each that no client may see.
func whole() *Extra {
	return &Extra{
		Meta: []byte(`{"by":"desk"}`), Change: 41, Txn: 40, Changed: []byte(`["a"]`), Gone: true,
		Before: []byte(`{"secret":"before"}`), Origin: []byte(`{"secret":"origin"}`),
	}
}

func TestExtraOnTheWire(t *testing.T) {
	m := &Message{Channel: "a", Epoch: "e", Offset: 7, Prev: 6, Tag: "t7", ID: "m7", TimeMS: 1, Data: []byte(`1`)}
	without := `{"type":"message","channel":"a","offset":7,"tag":"t7","id":"m7","time":1,"data":1}`
	if got := string(AppendMessage(nil, m, m.View())); got != without {
		t.Errorf("a message with nothing beside its data\ngot  %s\nwant %s", got, without)
	}
	m.Extra = whole()
	with := `{"type":"message","channel":"a","offset":7,"tag":"t7","id":"m7","time":1,"meta":{"by":"desk"},"change":41,"txn":40,"changed":["a"],"scope":"out","data":1}`
	if got := string(AppendMessage(nil, m, m.View())); got != with {
		t.Errorf("a message with everything\ngot  %s\nwant %s", got, with)
	}
	for where, wire := range map[string][]byte{
		"message":    AppendMessage(nil, m, m.View()),
		"its frame":  m.Encoded().JSON,
		"in history": AppendHistoryMessage(nil, m),
		"reply":      AppendServerFrame(nil, &ServerFrame{Type: TypeReply, ID: 1, Messages: []*Message{m}}),
	} {
		if strings.Contains(string(wire), "secret") {
			t.Errorf("%s: %s: what came before, or the origin, is on a client's wire", where, wire)
		}
	}
	m.Extra = &Extra{Change: 41, Txn: 41}
	if got := string(AppendMessage(nil, m, m.View())); strings.Contains(got, "txn") {
		t.Errorf("%s: txn is there, though it is change", got)
	}
}

func TestExtraCountsInASize(t *testing.T) {
	m, x := Message{Data: []byte(`1`)}, whole()
	before := m.Size()
	m.Extra = x
	want := before + len(x.Meta) + len(x.Changed) + len(x.Before) + len(x.Origin) + extraOverhead
	if got := m.Size(); got != want {
		t.Errorf("size %d with an extra, want %d", got, want)
	}
}

func TestExtraClone(t *testing.T) {
	x := whole()
	c := x.Clone()
	for _, b := range [][]byte{x.Meta, x.Changed, x.Before, x.Origin} {
		clear(b)
	}
	if !reflect.DeepEqual(c, whole()) {
		t.Errorf("the clone changed with what it was cloned of: %+v", c)
	}
	var none *Extra
	if none.Clone() != nil || MetaOnly(nil) != nil {
		t.Error("a clone or meta of nothing is something")
	}
}

func TestExtraCheck(t *testing.T) {
	long := func(n int) []byte { return []byte(strings.Repeat("x", n)) }
	for name, c := range map[string]struct {
		x    *Extra
		want Code
	}{
		"nothing":                     {nil, ""},
		"everything":                  {whole(), ""},
		"the longest":                 {&Extra{Meta: long(MaxMetaBytes), Change: MaxInteger, Txn: MaxInteger, Changed: long(MaxChangedBytes), Before: long(MaxBeforeBytes), Origin: long(MaxOriginBytes)}, ""},
		"meta one byte too long":      {&Extra{Meta: long(MaxMetaBytes + 1)}, CodeTooLarge},
		"changed one byte too long":   {&Extra{Change: 1, Changed: long(MaxChangedBytes + 1)}, CodeTooLarge},
		"before one byte too long":    {&Extra{Change: 1, Before: long(MaxBeforeBytes + 1)}, CodeTooLarge},
		"origin one byte too long":    {&Extra{Origin: long(MaxOriginBytes + 1)}, CodeTooLarge},
		"a number above 2^53-1":       {&Extra{Change: MaxInteger + 1}, CodeBadRequest},
		"a txn above 2^53-1":          {&Extra{Change: 1, Txn: MaxInteger + 1}, CodeBadRequest},
		"a txn without a change":      {&Extra{Txn: 1}, CodeBadRequest},
		"paths without a change":      {&Extra{Changed: []byte(`[]`)}, CodeBadRequest},
		"gone without a change":       {&Extra{Gone: true}, CodeBadRequest},
		"a before without its change": {&Extra{Before: []byte(`1`)}, CodeBadRequest},
	} {
		if got := codeOf(c.x.Check()); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestReadMeta(t *testing.T) {
	for in, want := range map[string]string{` {"a": 1} `: `{"a":1}`, `{}`: `{}`, `[]`: "", `"x"`: "", `null`: "", ``: ""} {
		got, err := ReadMeta([]byte(in))
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
}

// To those whom a document left it is as if it had been removed, and nothing says what it is now.
func TestAMessageAsADocumentLeft(t *testing.T) {
	m := &Message{
		Channel: "a", Epoch: "e", Offset: 7, Prev: 6, Tag: "t", ID: "m", TimeMS: 5, Event: "updated", Data: []byte(`{"tenant":"t2"}`),
		Extra: &Extra{Change: 3, Txn: 9, Meta: []byte(`{"by":"t2"}`), Changed: []byte(`["tenant"]`), Before: []byte(`{"tenant":"t1"}`), Origin: []byte(`{}`)},
	}
	left := m.Left()
	got := string(AppendMessage(nil, left, left.View()))
	want := `{"type":"message","channel":"a","offset":7,"tag":"t","id":"m","time":5,"event":"updated","change":3,"txn":9,"scope":"out","data":{"tenant":"t1"}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if x := left.Extra; x.Before != nil || x.Origin != nil || x.Changed != nil || x.Meta != nil {
		t.Errorf("it holds more than it shows: %+v", x)
	}
	if bare := (&Message{Channel: "a", Data: []byte(`{"tenant":"t2"}`)}).Left(); string(bare.Data) != "null" {
		t.Errorf("without a content before it shows %s", bare.Data)
	}
}
