package sim

import (
	"strings"
	"testing"
)

func TestCommand(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		last string
	}{
		{args: "-seeds 20 -mutants -1", last: "sim: 20 seeds, 0 violations, 0 false gaps"},
		{args: "-mutant 15", last: "sim: 0 seeds, 0 violations, 0 false gaps, 1/1 mutants caught"},
		{args: "-seed 3 -profile calm", last: "nothing broken"},
		{args: "-seed 3 -profile calm -mutant 15", code: 1, last: "I4 lost write"},
		{args: "-mutant 99", code: 2, last: "give numbers from 1 to 27"},
	} {
		t.Run(c.args, func(t *testing.T) {
			var out strings.Builder
			code := Main(strings.Fields(c.args), &out)
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if last := lines[len(lines)-1]; code != c.code || !strings.Contains(last, c.last) {
				t.Errorf("exit code %d, want %d; last line %q, want %q", code, c.code, last, c.last)
			}
		})
	}
}
