package counts

import (
	"sync"
	"testing"
)

func TestMapCountsFromManySides(t *testing.T) {
	var m Map[string]
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				m.Add("a", 2)
			}
		})
	}
	all.Wait()
	m.Add("b", 1)
	got := m.Snapshot()
	if len(got) != 2 || got["a"] != 16_000 || got["b"] != 1 {
		t.Errorf("got %v, want a 16000 and b 1", got)
	}
	got["a"] = 0
	if again := m.Snapshot()["a"]; again != 16_000 {
		t.Errorf("a snapshot is no copy: a is %d", again)
	}
}

func TestMapHasABound(t *testing.T) {
	var m Map[int]
	for i := range 2 * MaxKeys {
		m.Add(i, 1)
		m.Add(0, 1)
	}
	got := m.Snapshot()
	if len(got) != MaxKeys || got[0] != 2*MaxKeys+1 {
		t.Errorf("got %d keys, the first counted %d; want %d and %d", len(got), got[0], MaxKeys, 2*MaxKeys+1)
	}
}
