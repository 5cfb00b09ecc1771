package core

import "time"

// Rate is how much a Bucket gives: PerSecond in the long run, which must be above 0, and Burst at once.
type Rate struct{ PerSecond, Burst float64 }

// Bucket is a token bucket in one word: the time at which it will be full again, on whatever clock who takes from it
// has. The zero Bucket is full.
type Bucket struct{ full time.Duration }

// Take takes n, if there is so much, else nothing.
func (b *Bucket) Take(n int, r Rate, now time.Duration) bool {
	full := max(b.full, now) + worth(float64(n), r)
	if full-now > worth(r.Burst, r) {
		return false
	}
	b.full = full
	return true
}

// Charge takes n, also if there is not so much, and returns how long it is until the debt is paid; 0 if there is none.
func (b *Bucket) Charge(n int, r Rate, now time.Duration) (debt time.Duration) {
	b.full = max(b.full, now) + worth(float64(n), r)
	return max(b.full-now-worth(r.Burst, r), 0)
}

// Full reports whether nothing is missing, so that the bucket may be forgotten.
func (b *Bucket) Full(now time.Duration) bool { return b.full <= now }

// worth is how long it takes until n is there again.
func worth(n float64, r Rate) time.Duration {
	return time.Duration(n / r.PerSecond * float64(time.Second))
}
