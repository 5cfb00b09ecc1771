package broker_test

import (
	"bytes"
	"reflect"
	"testing"

	"tidings/broker"
	"tidings/protocol"
)

var stored = []*protocol.Message{
	{ID: "01J", Data: []byte(`1`)},
	{ID: "01J", Data: []byte(`{"n":1}`), Event: "arrived", SpreadMS: 5000, Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Exclude: protocol.Exclude{Connection: "c1", Tab: "t1"}},
	{ID: "01J", Data: bytes.Repeat([]byte("7"), protocol.MaxPayloadBytes), Extra: &protocol.Extra{
		Meta: []byte(`{"by":"desk"}`), Change: protocol.MaxInteger, Txn: 7, Changed: []byte(`["a"]`), Gone: true, Before: []byte(`{"a":1}`), Origin: []byte(`{"p":"k"}`),
	}},
}

func TestRecordKeepsEachPart(t *testing.T) {
	for _, want := range stored {
		var got protocol.Message
		if err := broker.ReadRecord(broker.AppendRecord(nil, want), &got); err != nil || !reflect.DeepEqual(&got, want) {
			t.Errorf("got %+v (extra %+v), %v\nwant %+v", &got, got.Extra, err, want)
		}
	}
}

// A part of a later version is skipped, and what was cut short or is of another form is refused.
func TestRecordOfAnotherVersion(t *testing.T) {
	record := broker.AppendRecord(nil, stored[1])
	var got protocol.Message
	if err := broker.ReadRecord(append(record, 200, 3, 'n', 'e', 'w'), &got); err != nil || !reflect.DeepEqual(&got, stored[1]) {
		t.Errorf("with a part that is not known: %+v, %v", &got, err)
	}
	for name, record := range map[string][]byte{"empty": {}, "another form": {9, 1, 1, 'x'}, "cut": record[:len(record)-1], "without data": {1, 1, 1, 'x'}} {
		if err := broker.ReadRecord(record, &protocol.Message{}); err == nil {
			t.Errorf("%s: read without an error", name)
		}
	}
}

func FuzzRecord(f *testing.F) {
	for _, m := range stored {
		f.Add(broker.AppendRecord(nil, m))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		var first, second protocol.Message
		if broker.ReadRecord(record, &first) != nil {
			return
		}
		again := broker.AppendRecord(nil, &first)
		if err := broker.ReadRecord(again, &second); err != nil {
			t.Fatalf("what was read and written again: %v", err)
		}
		if third := broker.AppendRecord(nil, &second); !bytes.Equal(third, again) {
			t.Errorf("written twice: %q and %q", again, third)
		}
	})
}
