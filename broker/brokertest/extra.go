package brokertest

import (
	"bytes"
	"fmt"

	"tidings/broker"
	"tidings/protocol"
)

// extraSamples are what messages have beside their data: nothing, a client's, and changes of documents.
func extraSamples() []*protocol.Extra {
	return []*protocol.Extra{
		nil,
		{Meta: []byte(`{"from":"desk","n":1.50e+003}`)},
		{Meta: append(append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), protocol.MaxMetaBytes-8)...), `"}`...)},
		{Change: 1},
		{Change: protocol.MaxInteger, Txn: protocol.MaxInteger - 1, Changed: []byte(`["a","b.c"]`), Before: []byte(`{"a":1,"b":{"c":"\u0000"}}`)},
		{Change: 8, Gone: true, Origin: []byte(`{"protocol":"kuzzle","request":"r1"}`)},
		{Origin: bytes.Repeat([]byte("7"), protocol.MaxOriginBytes)},
	}
}

// extras checks that each field survives the publish, the live stream, history, another node, and a duplicate.
func extras(w *world) {
	sink := w.subscribe(w.Broker, channel)
	others := []broker.Broker{}
	if w.Peer != nil {
		peer := w.Peer()
		defer peer.Close()
		others = append(others, peer)
	}
	for i, want := range extraSamples() {
		p := keyed("desk", fmt.Sprint("k", i))
		p.Extra = want.Clone()
		before := w.top()
		first := w.publish(p)
		if p.Extra != nil {
			p.Extra.Origin = []byte(`{"another":"gateway"}`) // a repetition may come another way
		}
		again := w.publish(p)
		if !again.Duplicate || again.Position != first.Position {
			w.Fatalf("extra %d repeated with its key: %+v, want a duplicate of %+v", i, again, first)
		}
		w.wantExtra("the sink", w.hears(sink, i+1)[i].Extra, want)
		w.wantExtra("the newest of history", w.last(1).Messages[0].Extra, want)
		for _, b := range append(others, w.Broker) {
			page, err := b.History(w.ctx, channel, before, 10)
			if err != nil || len(page.Messages) != 1 {
				w.Fatalf("history after %v: %d messages, %v, want the one that was published", before, len(page.Messages), err)
			}
			w.wantExtra("history", page.Messages[0].Extra, want)
		}
	}
	p := broker.Publish{Channel: channel, Data: []byte(`1`), Volatile: true, Extra: extraSamples()[1]}
	w.publish(p)
	n := len(extraSamples()) + 1
	w.wantExtra("the sink, of a volatile message", w.hears(sink, n)[n-1].Extra, extraSamples()[1])
}

func (w *world) wantExtra(where string, got, want *protocol.Extra) {
	w.Helper()
	if got == nil || want == nil {
		if got != nil || want != nil {
			w.Fatalf("%s: extra %+v, want %+v", where, got, want)
		}
		return
	}
	for _, f := range []struct {
		name      string
		got, want any
	}{
		{"meta", string(got.Meta), string(want.Meta)}, {"change", got.Change, want.Change}, {"txn", got.Txn, want.Txn}, {"changed", string(got.Changed), string(want.Changed)},
		{"gone", got.Gone, want.Gone}, {"before", string(got.Before), string(want.Before)}, {"origin", string(got.Origin), string(want.Origin)},
	} {
		if f.got != f.want {
			w.Fatalf("%s: %s is %v, want %v", where, f.name, f.got, f.want)
		}
	}
}
