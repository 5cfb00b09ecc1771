package transports

import (
	"testing"
	"time"
)

func TestMemoryIsGivenBackOnceItIsQuiet(t *testing.T) {
	const MB = 1 << 20
	var u usage
	freed := 0
	s := &settler{read: func() usage { return u }, free: func() { freed++ }}
	for i, step := range []struct {
		links                  int
		allocated, live, taken uint64 // MB
		freed                  int
	}{
		{0, 5, 4, 6, 0}, {10, 5, 4, 6, 0}, {999, 5, 4, 6, 0}, {999, 5, 4, 6, 0}, // little to give back
		{3000, 60, 20, 40, 0}, {5000, 105, 20, 60, 0}, {5000, 105, 20, 60, 0}, {5000, 105, 20, 60, 1}, // a storm, then quiet
		{5000, 105, 16, 17, 1}, {5500, 105, 16, 17, 1}, {5500, 105, 16, 17, 1}, // given back
		{5500, 107, 16, 30, 1}, {5500, 109, 16, 30, 1}, {5500, 111, 16, 30, 1}, // never quiet
		{5500, 111, 16, 30, 1}, {5500, 112, 16, 30, 2}, {5500, 112, 16, 30, 2}, {5500, 112, 16, 30, 3}, // a collection that frees nothing is not repeated at once
		{5500, 112, 100, 140, 3}, {5500, 112, 100, 140, 3}, {5500, 112, 100, 140, 3}, // less than half of what is live
		{100, 112, 100, 101, 4}, {100, 112, 50, 51, 4}, {100, 112, 50, 51, 4}, // most have left
	} {
		u = usage{step.links, step.allocated * MB, step.live * MB, step.taken * MB}
		if s.due(time.Time{}); freed != step.freed {
			t.Fatalf("look %d: freed %d times, want %d", i, freed, step.freed)
		}
	}
}

func TestReadUsage(t *testing.T) {
	before := readUsage()
	waste = make([]byte, 4<<20)
	after := readUsage()
	if before.allocated == 0 || before.taken == 0 || after.allocated < before.allocated+4<<20 || after.taken < 4<<20 {
		t.Errorf("%+v, after 4 MiB %+v", before, after)
	}
}

var waste []byte
