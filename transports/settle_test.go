package transports

import (
	"testing"
	"time"
)

func TestMemoryIsGivenBackOnceAfterAStorm(t *testing.T) {
	open, freed := int64(0), 0
	s := &settler{open: func() int64 { return open }, free: func() { freed++ }}
	for i, step := range []struct {
		open  int64
		freed int
	}{
		{10, 0}, {10, 0}, {10, 0}, // few
		{2000, 0}, {5000, 0}, {5010, 0}, {5010, 1}, {5010, 1}, {5020, 1}, {5500, 1}, {5500, 1}, {5500, 1},
		{3000, 1}, {100, 1}, {100, 1}, {100, 2}, {100, 2},
	} {
		open = step.open
		if s.due(time.Time{}); freed != step.freed {
			t.Fatalf("look %d, %d connections: freed %d times, want %d", i, open, freed, step.freed)
		}
	}
}
