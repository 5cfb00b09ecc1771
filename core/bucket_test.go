package core

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	for _, c := range []struct {
		name string
		rate Rate
		n    int
		at   []time.Duration
		want []bool
	}{
		{"the burst and one more", Rate{1, 3}, 1, []time.Duration{0, 0, 0, 0}, []bool{true, true, true, false}},
		{"a second later there is one more", Rate{1, 1}, 1, []time.Duration{0, time.Second - 1, time.Second, time.Second}, []bool{true, false, true, false}},
		{"what is refused is not taken", Rate{1, 1}, 1, []time.Duration{0, 0, 0, 0, time.Second}, []bool{true, false, false, false, true}},
		{"it is never more than full", Rate{10, 2}, 1, []time.Duration{time.Hour, time.Hour, time.Hour}, []bool{true, true, false}},
		{"less than one a second", Rate{0.3, 1}, 1, []time.Duration{0, 3 * time.Second, 4 * time.Second}, []bool{true, false, true}},
		{"a rate that does not divide", Rate{7, 7}, 1, []time.Duration{0, 0, 0, 0, 0, 0, 0, 0}, []bool{true, true, true, true, true, true, true, false}},
		{"many at once", Rate{256 << 10, 1 << 20}, 1 << 20, []time.Duration{0, time.Second, 4 * time.Second}, []bool{true, false, true}},
		{"more than there can be", Rate{1, 3}, 4, []time.Duration{0, time.Hour}, []bool{false, false}},
	} {
		var b Bucket
		for i, at := range c.at {
			if got := b.Take(c.n, c.rate, at); got != c.want[i] {
				t.Errorf("%s: take %d at %v: %v", c.name, i+1, at, got)
			}
		}
	}
	var b Bucket
	if b.Take(1, Rate{1, 1}, time.Second); b.Full(2*time.Second-1) || !b.Full(2*time.Second) {
		t.Error("it is not full when it should be")
	}
}

func TestBucketInDebt(t *testing.T) {
	r := Rate{PerSecond: 10, Burst: 20}
	var b Bucket
	for _, step := range []struct {
		at, debt time.Duration
		n        int
	}{
		{at: 0, n: 20, debt: 0},
		{at: 0, n: 30, debt: 3 * time.Second},
		{at: time.Second, n: 0, debt: 2 * time.Second},
		{at: 3 * time.Second, n: 0, debt: 0},
		{at: 3 * time.Second, n: 1, debt: 100 * time.Millisecond},
		{at: time.Minute, n: 20, debt: 0},
	} {
		if got := b.Charge(step.n, r, step.at); got != step.debt {
			t.Errorf("at %v, %d more: got a debt of %v, want %v", step.at, step.n, got, step.debt)
		}
	}
}
