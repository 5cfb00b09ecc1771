package refusals

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

func TestRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Ring
		if got := r.List(); len(got) != 0 {
			t.Fatalf("a new ring has %v", got)
		}
		r.Add(Refusal{Where: "client", Code: protocol.CodeForbidden, Reason: "no", Channel: "a", User: "u1"})
		time.Sleep(time.Second)
		r.Add(Refusal{Where: "client", Code: protocol.CodeForbidden, Reason: "no", Channel: "b", User: "u1"})
		time.Sleep(time.Second)
		r.Add(Refusal{Where: "client", Code: protocol.CodeForbidden, Reason: "no", Channel: "a", User: "u2"})
		got := r.List()
		if len(got) != 2 || got[0].Channel != "a" || got[0].Count != 2 || got[0].User != "u2" || got[0].Last.Sub(got[0].First) != 2*time.Second || got[1].Count != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// A flood of different refusals, of long texts, costs a bounded space, and the last ones are there.
func TestRingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Ring
		for i := range 3 * Most {
			r.Add(Refusal{Where: "poll", Code: protocol.CodeForbidden, Reason: fmt.Sprint(i, strings.Repeat("x", 10_000))})
			time.Sleep(time.Millisecond)
		}
		got := r.List()
		if len(got) != Most {
			t.Fatalf("%d are kept, want %d", len(got), Most)
		}
		if want := fmt.Sprint(3*Most - 1); !strings.HasPrefix(got[0].Reason, want+"x") || len(got[0].Reason) > maxText+8 {
			t.Errorf("the last one is %.20q of %d bytes, want %s", got[0].Reason, len(got[0].Reason), want)
		}
		if want := fmt.Sprint(2*Most, "x"); !strings.HasPrefix(got[Most-1].Reason, want) {
			t.Errorf("the first one is %.20q, want %s", got[Most-1].Reason, want)
		}
	})
}
