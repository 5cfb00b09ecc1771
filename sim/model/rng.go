package model

import "time"

// rng is splitmix64: small, fast, and the same on every Go version. Every actor of a run has its own, made from the
// seed and its name, so that leaving one fault out of a plan changes little else.
type rng struct{ state uint64 }

func newRNG(seed uint64, parts ...uint64) *rng {
	r := &rng{seed*0x9e3779b97f4a7c15 + 0x1234567}
	for _, p := range parts {
		r.state ^= (p + 1) * 0xbf58476d1ce4e5b9
		r.next()
	}
	return r
}

func (r *rng) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (r *rng) below(n int) int { return int(r.next() % uint64(n)) }

// between returns a time from lo to hi.
func (r *rng) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(r.next()%uint64(hi-lo+1))
}

// chance is true p times of 100.
func (r *rng) chance(p int) bool { return r.below(100) < p }

// around returns d, a fifth more or less.
func (r *rng) around(d time.Duration) time.Duration { return r.between(d*4/5, d*6/5) }
