package core

import (
	"fmt"
	"slices"
	"testing"

	"tidings/protocol"
)

func TestWindowRemembersTheLastIDs(t *testing.T) {
	const most = 5
	w := NewWindow(most)
	var plain []string
	for i := range 1000 {
		id := fmt.Sprint(i * i % 17)
		if want := slices.Contains(plain, id); w.Seen(id) != want {
			t.Fatalf("step %d: id %s seen is not %t; the last are %v", i, id, want, plain)
		} else if !want {
			plain = append(plain, id)
			plain = plain[max(len(plain)-most, 0):]
		}
	}
	if len(w.set) != most || len(w.ring) != most {
		t.Errorf("%d ids in the set and %d in the ring, want %d", len(w.set), len(w.ring), most)
	}
}

func TestWindowAtItsLimit(t *testing.T) {
	w := NewWindow(protocol.RecentIDs)
	for i := range protocol.RecentIDs {
		w.Seen(fmt.Sprint(i))
	}
	if !w.Seen("0") {
		t.Errorf("the first of %d ids was forgotten", protocol.RecentIDs)
	}
	w.Seen("one more")
	if w.Seen("0") { // and is remembered again
		t.Errorf("the first of %d ids is still remembered", protocol.RecentIDs+1)
	}
}
