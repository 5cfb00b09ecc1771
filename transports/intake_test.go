package transports

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestFramingCounts(t *testing.T) {
	var all []byte
	n := 0
	for _, size := range []int{0, 0, 1, 125, 126, 127, 65535, 65536, 70_000, 0, 3} {
		all = append(all, frame(fin|opText, strings.Repeat("x", size))...)
		n++
	}
	all = append(all, fin|opPing, 2, 'a', 'b') // not masked
	n++
	all = append(all, frame(fin|opClose, "")...)
	n++
	for range 200 {
		var f framing
		got := 0
		for rest := all; len(rest) > 0; {
			k := min(1+rand.IntN(300), len(rest))
			got += f.count(rest[:k])
			rest = rest[k:]
		}
		if got != n || f.skip != 0 || f.part != atOpcode {
			t.Fatalf("counted %d frames, want %d; ended at %+v", got, n, f)
		}
	}
}

func TestIntake(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	ping := frame(fin|opPing, "")
	for _, row := range []struct {
		name  string
		each  []byte
		every time.Duration
		limit int // so many pass at least, and twice as many do not; 0: all pass
	}{
		{"2,000 at once", ping, 0, framesBurst},
		{"1,000 a second for ever", ping, time.Millisecond, 0},
		{"2,000 a second", ping, time.Millisecond / 2, 2*framesBurst - 2},
		{"1 MiB at once", frame(fin|opText, strings.Repeat("x", 64<<10)), 0, 15},
		{"200 KiB a second for ever", frame(fin|opText, strings.Repeat("x", 20<<10)), 100 * time.Millisecond, 0},
	} {
		var in intake
		passed := 0
		for at := now; passed < 10_000 && in.take(row.each, at); at = at.Add(row.every) {
			passed++
		}
		if row.limit == 0 && passed != 10_000 || row.limit > 0 && (passed < row.limit || passed > 2*row.limit) {
			t.Errorf("%s: %d passed", row.name, passed)
		}
	}
}

func FuzzFraming(f *testing.F) {
	f.Add(frame(fin|opText, "abc"), 2)
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		var whole, parts framing
		n := whole.count(b)
		at = min(max(at, 0), len(b))
		if m := parts.count(b[:at]) + parts.count(b[at:]); m != n || whole != parts || n > len(b) {
			t.Errorf("%d frames in one piece, %d in two", n, m)
		}
	})
}

func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"https://example.com", "http://[::1]:80", "null", "https://a@b", "https://example.com:443.evil"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		canonical, ok := canonicalOrigin(s)
		if !ok {
			return
		}
		if again, ok := canonicalOrigin(canonical); !ok || again != canonical {
			t.Errorf("%q gives %q, which gives %q, %v", s, canonical, again, ok)
		}
		if strings.ContainsAny(canonical, "*@?# ") {
			t.Errorf("%q gives %q", s, canonical)
		}
	})
}
