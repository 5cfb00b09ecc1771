package core

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tidings/protocol"
)

var epochTime = time.UnixMilli(1_795_000_000_000)

func sized(offset uint64, size int, age time.Duration) *protocol.Message {
	m := &protocol.Message{Channel: "c", Offset: offset, Prev: offset - 1, TimeMS: epochTime.Add(-age).UnixMilli()}
	m.Data = make([]byte, size-m.Size())
	return m
}

func kept(h *history) (all []uint64) {
	for i := range h.n {
		all = append(all, h.at(i).Offset)
	}
	return all
}

func TestHistoryBounds(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit history
		add   []*protocol.Message
		want  []uint64
	}{
		{name: "at the number", limit: history{maxMessages: 3, maxBytes: 1e6, maxAge: time.Hour}, add: same(3, 300), want: []uint64{1, 2, 3}},
		{name: "one more", limit: history{maxMessages: 3, maxBytes: 1e6, maxAge: time.Hour}, add: same(4, 300), want: []uint64{2, 3, 4}},
		{name: "no messages", limit: history{maxMessages: 0, maxBytes: 1e6, maxAge: time.Hour}, add: same(4, 300)},
		{name: "at the bytes", limit: history{maxMessages: 9, maxBytes: 900, maxAge: time.Hour}, add: same(3, 300), want: []uint64{1, 2, 3}},
		{name: "a byte more", limit: history{maxMessages: 9, maxBytes: 899, maxAge: time.Hour}, add: same(3, 300), want: []uint64{2, 3}},
		{name: "one message too big", limit: history{maxMessages: 9, maxBytes: 299, maxAge: time.Hour}, add: same(3, 300)},
		{
			name: "at the age", limit: history{maxMessages: 9, maxBytes: 1e6, maxAge: time.Minute},
			add: []*protocol.Message{sized(1, 300, time.Minute), sized(2, 300, 0)}, want: []uint64{1, 2},
		}, {
			name: "a millisecond older", limit: history{maxMessages: 9, maxBytes: 1e6, maxAge: time.Minute},
			add: []*protocol.Message{sized(1, 300, time.Minute+time.Millisecond), sized(2, 300, 0)}, want: []uint64{2},
		}, {
			name: "all too old", limit: history{maxMessages: 9, maxBytes: 1e6, maxAge: time.Minute},
			add: []*protocol.Message{sized(1, 300, time.Hour), sized(2, 300, time.Hour)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := c.limit
			for _, m := range c.add {
				h.append(time.UnixMilli(m.TimeMS), m)
			}
			h.trim(epochTime)
			if got := kept(&h); !slices.Equal(got, c.want) {
				t.Errorf("keeps %v, want %v", got, c.want)
			}
			if len(c.want) == 0 && (h.ring != nil || h.bytes != 0) {
				t.Errorf("an empty history has a ring of %d and %d bytes", len(h.ring), h.bytes)
			}
		})
	}
}

func same(n uint64, size int) (all []*protocol.Message) {
	for i := uint64(1); i <= n; i++ {
		all = append(all, sized(i, size, 0))
	}
	return all
}

// The ring is compared with a plain slice, with holes in the offsets.
func TestHistoryIsASliceThatForgets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	h := history{maxMessages: 37, maxBytes: 8_000, maxAge: time.Minute}
	var plain []*protocol.Message
	now, offset, bytes := epochTime, uint64(0), 0
	for range 5000 {
		now = now.Add(time.Duration(rng.IntN(5000)) * time.Millisecond)
		offset += 1 + rng.Uint64N(3)
		m := sized(offset, 200+rng.IntN(300), 0)
		m.TimeMS = now.UnixMilli()
		h.append(now, m)
		plain, bytes = append(plain, m), bytes+m.Size()
		for len(plain) > 37 || bytes > 8_000 || now.UnixMilli()-plain[0].TimeMS > 60_000 {
			bytes -= plain[0].Size()
			plain = plain[1:]
		}
		if h.n != len(plain) || h.bytes != bytes {
			t.Fatalf("%d messages and %d bytes, want %d and %d", h.n, h.bytes, len(plain), bytes)
		}
		from := offset - min(offset, rng.Uint64N(100))
		want := plain
		for len(want) > 0 && want[0].Offset < from {
			want = want[1:]
		}
		limit := rng.IntN(50)
		if got := h.page(h.find(from), limit, 1e9); !slices.Equal(got, want[:min(limit, len(want))]) {
			t.Fatalf("page of %d from %d has %d messages, want %d", limit, from, len(got), min(limit, len(want)))
		}
	}
}

func TestHistoryPagesByBytes(t *testing.T) {
	h := history{maxMessages: 10, maxBytes: 1e6, maxAge: time.Hour}
	for _, m := range same(5, 300) {
		h.append(epochTime, m)
	}
	for bytes, want := range map[int]int{1: 1, 300: 1, 599: 1, 600: 2, 1500: 5} {
		if got := len(h.page(0, 100, bytes)); got != want {
			t.Errorf("a page of %d bytes has %d messages of 300, want %d", bytes, got, want)
		}
		if got := h.n - h.last(100, bytes); got != want {
			t.Errorf("the last %d bytes are %d messages of 300, want %d", bytes, got, want)
		}
	}
}
