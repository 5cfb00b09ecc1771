package core

import (
	"testing"

	"tidings/protocol"
)

type deafLink struct{}

func (deafLink) Wake()                 {}
func (deafLink) End(*protocol.Encoded) {}

func TestOutboxFindsAMessage(t *testing.T) {
	o := NewOutbox(true)
	gen, _ := o.Attach(deafLink{}, 0, nil, nil)
	push := func(ch protocol.Channel, offset uint64) {
		m := &protocol.Message{Channel: ch, Epoch: "e", Offset: offset, Prev: offset - 1, Tag: "t", ID: "i", Data: []byte("1")}
		o.Push(m.Encoded())
	}
	want := func(ch protocol.Channel, offset uint64, stage Stage) {
		t.Helper()
		if got := o.Find(ch, offset); got != stage {
			t.Errorf("%s/%d is %s, want %s", ch, offset, got, stage)
		}
	}
	push("a", 7)
	push("b", 7)
	want("a", 7, Waiting)
	want("a", 8, Absent)
	want("c", 7, Absent)
	o.Take(gen, nil, 1, 1<<20)
	want("a", 7, Written)
	want("b", 7, Waiting)
	o.Ack(1)
	want("a", 7, Absent)
	o.End(nil)
	want("b", 7, Absent)
}
