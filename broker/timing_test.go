package broker

import (
	"slices"
	"testing"
	"time"
)

func TestTiming(t *testing.T) {
	var got Timing
	for _, took := range []time.Duration{0, time.Millisecond, time.Millisecond + 1, 3 * time.Second, time.Minute} {
		got.Add(took)
	}
	want := Timing{Count: 5, Sum: time.Minute + 3*time.Second + 2*time.Millisecond + 1, Within: [...]uint64{2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4}}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !slices.IsSorted(TimingBounds[:]) {
		t.Errorf("bounds %v are not in order", TimingBounds)
	}
}
