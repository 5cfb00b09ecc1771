package main

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryAimNamesAScenario(t *testing.T) {
	for _, a := range aims {
		for _, name := range []string{a.scenario, a.beside} {
			if name != "" && !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name }) {
				t.Errorf("%q: there is no scenario %q", a.what, name)
			}
		}
	}
}

func TestVerdict(t *testing.T) {
	f := newFigures("fanout-1000-ws")
	f.Tidings[cpuEach], f.Raw[cpuEach] = []float64{8, 9, 100}, []float64{10, 10, 10}
	var b strings.Builder
	if missed := verdict(&b, []*figures{f}); missed != 0 || !strings.Contains(b.String(), "0.90  <=     1.15  met") {
		t.Errorf("got %d missed, %s", missed, b.String())
	}
}

// What must hold in every round is judged by the worst one, and a missed aim counts.
func TestVerdictOfTheWorstRound(t *testing.T) {
	f := newFigures("closed-1000-ws")
	f.Tidings[rateOf], f.Raw[rateOf] = []float64{600_000, 135_000, 700_000}, []float64{130_000, 135_000, 140_000}
	var b strings.Builder
	if missed := verdict(&b, []*figures{f}); missed != 2 || !strings.Contains(b.String(), "1.00  >=     3.00  missed") {
		t.Errorf("got %d missed, want 2: %s", missed, b.String())
	}
}

func TestSweepFigures(t *testing.T) {
	for _, c := range []struct {
		in         []float64
		rise, bump float64
	}{
		{[]float64{3, 3, 12, 12}, 4, 1}, // a step is no bump
		{[]float64{4, 12, 3, 2}, 3, 3},
		{[]float64{8, 4, 2}, 0.5, 0.5},
	} {
		if r, b := rise(c.in), bump(c.in); r != c.rise || b != c.bump {
			t.Errorf("%v: rise %v, bump %v; want %v and %v", c.in, r, b, c.rise, c.bump)
		}
	}
}

func TestHasAim(t *testing.T) {
	for scenario, want := range map[string]bool{"storm-5000-poll": true, "fanout-100-ws-uncollected": true, "idle-15000-ws": false, "storm-5000-ws": false} {
		if got := hasAim(scenario); got != want {
			t.Errorf("%s: got %v, want %v", scenario, got, want)
		}
	}
}
