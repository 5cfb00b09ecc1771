package core

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidings/protocol"
)

// streamOf is a stream of epoch "e" with messages 1 to n, tagged as at does it, of which it keeps the last few.
func streamOf(t *testing.T, n, keeps int) *Stream {
	t.Helper()
	cfg := DefaultStreamConfig()
	cfg.MaxMessages = keeps
	s := NewStream("c", "e", cfg)
	for i := 1; i <= n; i++ {
		add(t, s, Entry{})
	}
	return s
}

func add(t *testing.T, s *Stream, e Entry) *protocol.Message {
	t.Helper()
	if e.Tag == "" {
		e.Tag = at(s.Top().Offset + 1).Tag
	}
	if e.ID == "" {
		e.ID = fmt.Sprint("id", s.Top().Offset+1)
	}
	m, dup, err := s.Append(epochTime, e)
	if dup || err != nil {
		t.Fatalf("append: duplicate %t, error %v", dup, err)
	}
	return m
}

func TestStreamNumbers(t *testing.T) {
	s := streamOf(t, 0, 10)
	if got := s.Top(); got != at(0) {
		t.Errorf("top of an empty stream is %v, want %v", got, at(0))
	}
	for n := uint64(1); n <= 3; n++ {
		m := add(t, s, Entry{Data: []byte(`1`), Event: "arrived"})
		if m.Position() != at(n) || m.Prev != n-1 || s.Top() != at(n) || m.TimeMS != epochTime.UnixMilli() || m.Channel != "c" || m.Event != "arrived" {
			t.Errorf("message %d is %+v", n, m)
		}
	}
	v := add(t, s, Entry{Volatile: true})
	if !v.Position().IsZero() || v.Offset != 0 || v.Tag != "" || s.Top() != at(3) {
		t.Errorf("a volatile message is at %v and the top at %v, want none and %v", v.Position(), s.Top(), at(3))
	}
}

func TestStreamAfter(t *testing.T) {
	const zero = "" // no epoch
	for _, c := range []struct {
		name      string
		n, keeps  int
		after     protocol.Position
		want      string // offsets
		wantLost  protocol.GapReason
		wantLimit int
	}{
		{name: "a zero position asks for the top", n: 5, keeps: 9, after: protocol.Position{Epoch: zero}},
		{name: "the top", n: 5, keeps: 9, after: at(5)},
		{name: "one behind", n: 5, keeps: 9, after: at(4), want: "5"},
		{name: "the first", n: 5, keeps: 9, after: at(1), want: "2 3 4 5"},
		{name: "before the first", n: 5, keeps: 9, after: at(0), want: "1 2 3 4 5"},
		{name: "before the first, just there", n: 5, keeps: 5, after: at(0), want: "1 2 3 4 5"},
		{name: "before the first, just gone", n: 5, keeps: 4, after: at(0), wantLost: protocol.GapHistoryExpired},
		{name: "the oldest that is kept", n: 5, keeps: 3, after: at(3), want: "4 5"},
		{name: "the one before it", n: 5, keeps: 3, after: at(2), wantLost: protocol.GapHistoryExpired},
		{name: "at most a few", n: 5, keeps: 9, after: at(1), wantLimit: 2, want: "2 3"},
		{name: "another epoch", n: 5, keeps: 9, after: in("f", 3), wantLost: protocol.GapEpochChanged},
		{name: "another epoch, the same top", n: 5, keeps: 9, after: in("f", 5), wantLost: protocol.GapEpochChanged},
		{name: "ahead", n: 5, keeps: 9, after: at(6), wantLost: protocol.GapPositionUnknown},
		{name: "another tag", n: 5, keeps: 9, after: foreign(3), wantLost: protocol.GapPositionUnknown},
		{name: "another tag at the top", n: 5, keeps: 9, after: foreign(5), wantLost: protocol.GapPositionUnknown},
		{name: "no tag", n: 5, keeps: 9, after: protocol.Position{Epoch: "e", Offset: 3}, wantLost: protocol.GapPositionUnknown},
		{name: "a tag at offset 0", n: 5, keeps: 9, after: foreign(0), wantLost: protocol.GapHistoryExpired},
		{name: "an empty channel's start", n: 0, keeps: 9, after: at(0)},
		{name: "ahead of an empty channel", n: 0, keeps: 9, after: at(1), wantLost: protocol.GapPositionUnknown},
		{name: "no history, the top", n: 5, keeps: 0, after: at(5)},
		{name: "no history, another tag at the top", n: 5, keeps: 0, after: foreign(5), wantLost: protocol.GapPositionUnknown},
		{name: "no history, one behind", n: 5, keeps: 0, after: at(4), wantLost: protocol.GapHistoryExpired},
		{name: "no history, before the first", n: 5, keeps: 0, after: at(0), wantLost: protocol.GapHistoryExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := streamOf(t, c.n, c.keeps)
			if c.wantLimit == 0 {
				c.wantLimit = 100
			}
			p := s.After(epochTime, c.after, c.wantLimit)
			if got := offsets(p.Messages); got != c.want || p.Lost != c.wantLost || p.Top != at(uint64(c.n)) {
				t.Errorf("after %v: %q, lost %q, top %v; want %q, lost %q, top %v", c.after, got, p.Lost, p.Top, c.want, c.wantLost, at(uint64(c.n)))
			}
		})
	}
}

func TestStreamRemembersItsTopWhenAllIsTooOld(t *testing.T) {
	s := streamOf(t, 5, 9)
	later := epochTime.Add(10*time.Minute + time.Millisecond)
	if p := s.After(later, at(5), 10); p.Lost != "" || p.Top != at(5) {
		t.Errorf("after the top: lost %q, top %v, want nothing lost", p.Lost, p.Top)
	}
	for _, since := range []protocol.Position{at(4), at(0)} {
		if p := s.After(later, since, 10); p.Lost != protocol.GapHistoryExpired {
			t.Errorf("after %v: lost %q, want %q", since, p.Lost, protocol.GapHistoryExpired)
		}
	}
	if p := s.Last(later, 10); len(p.Messages) != 0 || p.Top != at(5) {
		t.Errorf("last: %s, top %v, want none and %v", offsets(p.Messages), p.Top, at(5))
	}
	if !s.Idle(later) {
		t.Error("not idle with nothing left")
	}
	if m := add(t, s, Entry{}); m.Position() != at(6) || m.Prev != 5 {
		t.Errorf("the next message is %v after %d, want %v after 5", m.Position(), m.Prev, at(6))
	}
}

func TestStreamLast(t *testing.T) {
	s := streamOf(t, 5, 4)
	for limit, want := range map[int]string{0: "", 1: "5", 3: "3 4 5", 4: "2 3 4 5", 100: "2 3 4 5"} {
		if p := s.Last(epochTime, limit); offsets(p.Messages) != want || p.Top != at(5) {
			t.Errorf("last %d: %s, top %v, want %s", limit, offsets(p.Messages), p.Top, want)
		}
	}
	big := []byte(`"` + strings.Repeat("x", protocol.MaxPayloadBytes-2) + `"`)
	for range 5 {
		add(t, s, Entry{Data: big})
	}
	if p := s.Last(epochTime, 100); offsets(p.Messages) != "8 9 10" {
		t.Errorf("of messages of 64 KiB the last are %s, want those that fit %d bytes", offsets(p.Messages), protocol.RecoveryPageBytes)
	}
}

func TestStreamAnswersARepeatedKey(t *testing.T) {
	s := streamOf(t, 2, 9)
	keyed := Entry{ID: "k", Data: []byte(`1`), Event: "arrived", Key: "k1", Principal: "desk"}
	first := add(t, s, keyed)
	add(t, s, Entry{})
	keyed.Tag = "another draw"
	again, dup, err := s.Append(epochTime.Add(time.Minute), keyed)
	if err != nil || !dup || again.Position() != first.Position() || again.ID != "k" || again.TimeMS != first.TimeMS || s.Top() != at(4) {
		t.Errorf("repeated: %v, id %s, duplicate %t, error %v, top %v", again.Position(), again.ID, dup, err, s.Top())
	}
	for name, change := range map[string]func(*Entry){
		"data": func(e *Entry) { e.Data = []byte(`2`) }, "event": func(e *Entry) { e.Event = "" }, "volatile": func(e *Entry) { e.Volatile = true },
	} {
		other := keyed
		change(&other)
		if _, _, err := s.Append(epochTime, other); !errors.Is(err, &protocol.Error{Code: protocol.CodeIdempotencyConflict}) {
			t.Errorf("with other %s: error %v, want a conflict", name, err)
		}
	}
	late, dup, err := s.Append(epochTime.Add(5*time.Minute), keyed)
	if err != nil || dup || late.Offset != 5 {
		t.Errorf("after 5 minutes: %v, duplicate %t, error %v, want a new message", late.Position(), dup, err)
	}
	if s.Idle(epochTime.Add(9 * time.Minute)) {
		t.Error("idle with messages and a key")
	}
}

func TestStreamKeyOfAVolatileMessage(t *testing.T) {
	s := streamOf(t, 1, 9)
	e := Entry{ID: "k", Data: []byte(`1`), Volatile: true, Key: "k1"}
	add(t, s, e)
	again, dup, err := s.Append(epochTime, e)
	if err != nil || !dup || !again.Volatile || again.ID != "k" || !again.Position().IsZero() {
		t.Errorf("repeated: %+v, duplicate %t, error %v", again, dup, err)
	}
}

func TestStreamCloneIsOfItsOwn(t *testing.T) {
	s := streamOf(t, 3, 4)
	add(t, s, Entry{Key: "k1"})
	before := s.Clone()
	add(t, s, Entry{Key: "k2"})
	add(t, before, Entry{Tag: "x"}) // another past
	if got := offsets(before.After(epochTime, at(4), 9).Messages); got != "e5x" {
		t.Errorf("the clone has %q after 4, want its own message", got)
	}
	if got := offsets(s.After(epochTime, at(2), 9).Messages); got != "3 4 5" {
		t.Errorf("the stream has %q after 2, want 3 4 5", got)
	}
	if _, dup, _ := before.Append(epochTime, Entry{Key: "k1"}); !dup {
		t.Error("the clone forgot a key of before")
	}
	if _, dup, _ := before.Append(epochTime, Entry{Key: "k2"}); dup {
		t.Error("the clone knows a key of later")
	}
	if p := s.After(epochTime, foreign(5), 9); p.Lost != protocol.GapPositionUnknown {
		t.Errorf("the stream takes the other past's position: %+v", p)
	}
}

func TestStreamConfigIsChecked(t *testing.T) {
	for _, ok := range []StreamConfig{{}, DefaultStreamConfig(), {MaxMessages: 1, MaxBytes: 1, MaxAge: 1}} {
		if err := ok.Validate(); err != nil {
			t.Errorf("%+v: %v", ok, err)
		}
	}
	for field, c := range map[string]StreamConfig{
		"MaxMessages": {MaxMessages: -1}, "MaxBytes": {MaxMessages: 1, MaxAge: 1}, "MaxAge": {MaxMessages: 1, MaxBytes: 1},
		"IdempotencyTTL": {IdempotencyTTL: -1}, "MaxIdempotencyKeys": {MaxIdempotencyKeys: -1},
	} {
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), field+" ") {
			t.Errorf("%+v: error %v, want one that names %s", c, err, field)
		}
	}
}

func BenchmarkStreamAppend(b *testing.B) {
	s := NewStream("c", "e", DefaultStreamConfig())
	data := []byte(`{"visitor":"u42","desk":"reception-3","badge":123456,"state":"checked-in"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Append(epochTime, Entry{ID: "01JD", Tag: "AAAAAA", Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}
