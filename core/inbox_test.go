package core

import "testing"

func TestInboxTurns(t *testing.T) {
	var in Inbox
	for i, step := range []struct {
		seq  uint64
		want Turn
	}{
		{2, Early}, {1, Apply}, {1, Repeat}, {3, Early}, {2, Apply}, {2, Repeat}, {1, Repeat}, {4, Early}, {3, Apply}, {4, Apply}, {0, Repeat},
	} {
		got := in.Turn(step.seq)
		if got != step.want {
			t.Fatalf("step %d: body %d gets %d, want %d", i, step.seq, got, step.want)
		}
		if got == Apply {
			if in.Turn(step.seq) != Apply {
				t.Fatalf("step %d: asking twice applied body %d", i, step.seq)
			}
			in.Done()
		}
	}
}
