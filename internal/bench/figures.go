package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// figures are all rounds of one scenario.
type figures struct {
	Scenario string               `json:"scenario"`
	Tidings  map[string][]float64 `json:"tidings"`
	Raw      map[string][]float64 `json:"raw,omitempty"`
}

func newFigures(name string) *figures {
	return &figures{Scenario: name, Tidings: map[string][]float64{}, Raw: map[string][]float64{}}
}

// round runs the scenario once on each server, started anew.
func (f *figures) round(sc scenario, binary string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t := &target{form: sc.form, opening: sc.opening}
	if sc.raw != "" {
		t.raw = true
		if t.beside, err = t.measure(sc, f.Raw, "raw", self, "-raw", "ADDR", "-raw-kind", sc.raw); err != nil {
			return fmt.Errorf("raw: %w", err)
		}
		t.raw = false
	}
	_, err = t.measure(sc, f.Tidings, "tidings", binary, append([]string{"serve", "--dev", "--addr", "ADDR"}, sc.args...)...)
	return err
}

// measure runs the scenario on one server and appends its figures.
func (t *target) measure(sc scenario, into map[string][]float64, name, binary string, args ...string) (map[string]float64, error) {
	s, err := start(name, binary, args...)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	t.server = s
	got, err := sc.run(t)
	for k, v := range got {
		into[k] = append(into[k], v)
	}
	return got, err
}

// print writes one line per figure: median, range, and the ratio to the raw server's median.
func (f *figures) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", f.Scenario)
	for _, k := range slices.Sorted(maps.Keys(f.Tidings)) {
		fmt.Fprintf(w, "  %-26s tidings %s", k, spread(f.Tidings[k]))
		if raw := f.Raw[k]; len(raw) > 0 && median(raw) != 0 {
			fmt.Fprintf(w, "   raw %s   ratio %.2f", spread(raw), median(f.Tidings[k])/median(raw))
		}
		fmt.Fprintln(w)
	}
}

func spread(v []float64) string {
	return fmt.Sprintf("%.2f [%.2f..%.2f]", median(v), slices.Min(v), slices.Max(v))
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}
