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
	f.Tidings["cpu_us_per_delivery"], f.Raw["cpu_us_per_delivery"] = []float64{8, 9, 100}, []float64{10, 10, 10}
	var b strings.Builder
	if verdict(&b, []*figures{f}); !strings.Contains(b.String(), "0.90  <=     1.15  met") {
		t.Errorf("got %s", b.String())
	}
}
