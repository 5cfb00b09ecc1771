package transports

import (
	"bytes"
	"fmt"
	"testing"

	"tidings/protocol"
)

// A batch makes the bytes of several frames once for all receivers, whatever it carried before.
func TestBatchRender(t *testing.T) {
	var frames []*protocol.Encoded
	for i := range 4 {
		e := protocol.NewEncoded(fmt.Appendf(nil, `{"n":%d}`, i), protocol.TypeMessage)
		e.Message = &protocol.Message{}
		frames = append(frames, e)
	}
	b := batches.New().(*batch)
	ws, sse := webSocketForm{}, sseForm{}
	plain := plainForm{plain: newPlain(&query{channels: []protocol.Channel{"a"}})}
	for i, c := range []struct {
		form  form
		head  string
		from  int
		to    int
		again bool // the bytes of the step before
	}{
		{form: ws, from: 0, to: 3},
		{form: ws, from: 0, to: 3, again: true},
		{form: ws, from: 0, to: 1},
		{form: ws, from: 0, to: 3},
		{form: ws, from: 1, to: 4},
		{form: ws, from: 1, to: 3},
		{form: sse, from: 1, to: 3},
		{form: sse, from: 1, to: 3, again: true},
		{form: sse, head: "head", from: 1, to: 3},
		{form: sse, from: 1, to: 3},
		{form: sse, head: "alone"},
		{form: sse},
		{form: plain, from: 1, to: 3},
		{form: plain, from: 1, to: 3},
		{form: sse, from: 1, to: 3},
	} {
		before := b.out
		b.empty()
		if c.head != "" {
			b.head = []byte(c.head)
		}
		b.frames = append(b.frames, frames[c.from:c.to]...)
		b.render(c.form)
		want := []byte(c.head)
		for _, e := range frames[c.from:c.to] {
			want = c.form.add(want, e)
		}
		if !bytes.Equal(b.out, want) {
			t.Fatalf("step %d: got %q, want %q", i, b.out, want)
		}
		if c.again && &b.out[0] != &before[0] {
			t.Errorf("step %d: the bytes were made again", i)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		b.empty()
		b.frames = append(b.frames, frames...)
		b.render(ws)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
