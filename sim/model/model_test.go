package model

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestScratch(t *testing.T) {
	n := 300
	if s := os.Getenv("SEEDS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	for _, p := range []Profile{Calm, Storm} {
		var st Stats
		bad := 0
		for seed := range n {
			r := Run(NewPlan(uint64(seed), p), Options{})
			st.Delivered += r.Stats.Delivered
			st.Gaps += r.Stats.Gaps
			st.Events += r.Stats.Events
			st.Numbered += r.Stats.Numbered
			st.Acked += r.Stats.Acked
			st.Resumed += r.Stats.Resumed
			st.Slow += r.Stats.Slow
			if r.Failed() {
				bad++
				if bad < 15 {
					t.Logf("seed %d %s: %v %v", seed, p, r.Violations, r.Wire)
				}
			}
		}
		t.Logf("%s: %d bad of %d, %+v", p, bad, n, st)
	}
	if s := os.Getenv("SEED"); s != "" {
		x, _ := strconv.Atoi(s)
		r := Run(NewPlan(uint64(x), Profile(os.Getenv("PROFILE"))), Options{Verbose: true})
		t.Log("\n" + NewPlan(uint64(x), Profile(os.Getenv("PROFILE"))).String() + strings.Join(r.Log, "\n"))
	}
}
