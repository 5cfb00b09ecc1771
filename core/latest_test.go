package core

import (
	"testing"

	"tidings/protocol"
)

func connectFrame(generation, attempt uint64) *protocol.ClientFrame {
	return &protocol.ClientFrame{Type: protocol.TypeConnect, Generation: generation, Attempt: attempt}
}

func pollFrame(generation, attempt uint64) *protocol.ClientFrame {
	return &protocol.ClientFrame{Type: protocol.TypePoll, Generation: generation, Attempt: attempt}
}

func TestLatestKnowsLateRequests(t *testing.T) {
	// A session was opened (generation 1), polled three times (which takes the outbox to 4), resumed by the client's
	// second attempt (generation 5), and polled twice.
	var l Latest
	l.Took(connectFrame(0, 0), 1)
	for n := range uint64(3) {
		l.Took(pollFrame(1, n+1), 0)
	}
	l.Took(connectFrame(1, 2), 5)
	l.Took(pollFrame(5, 1), 0)
	l.Took(pollFrame(5, 2), 0)
	if got := l.Generation(); got != 5 {
		t.Fatalf("generation %d, want 5, that of the latest connect", got)
	}
	for name, c := range map[string]struct {
		frame *protocol.ClientFrame
		late  bool
	}{
		"a copy of the poll that was answered":     {pollFrame(5, 1), true},
		"a copy of the newest poll":                {pollFrame(5, 2), false},
		"the next poll":                            {pollFrame(5, 3), false},
		"a poll of the link before, however high":  {pollFrame(1, 9), true},
		"a poll that does not count":               {pollFrame(5, 0), false},
		"a poll without a generation":              {pollFrame(0, 1), false},
		"a poll of a client that counts neither":   {pollFrame(0, 0), false},
		"the attempt before the one that resumed":  {connectFrame(1, 1), true},
		"a copy of the one that resumed":           {connectFrame(1, 2), true},
		"the next attempt":                         {connectFrame(1, 3), false},
		"the next attempt, which knows the newest": {connectFrame(5, 3), false},
		"an older attempt that knows the newest":   {connectFrame(5, 1), false},
		"a connect that does not count":            {connectFrame(1, 0), false},
	} {
		if got := l.Late(c.frame); got != c.late {
			t.Errorf("%s (%+v): late %v, want %v", name, *c.frame, got, c.late)
		}
	}
}

func TestLatestCopies(t *testing.T) {
	var l Latest
	l.Took(connectFrame(1, 2), 5)
	l.Took(pollFrame(5, 2), 0)
	for name, c := range map[string]struct {
		frame  *protocol.ClientFrame
		copies bool
	}{
		"the newest poll again":                  {pollFrame(5, 2), true},
		"the next poll":                          {pollFrame(5, 3), false},
		"the poll before":                        {pollFrame(5, 1), false},
		"the same attempt on the link before":    {pollFrame(1, 2), false},
		"a poll of a client that counts neither": {pollFrame(0, 0), false},
		"a connect of that attempt":              {connectFrame(5, 2), false},
	} {
		if got := l.Copies(c.frame); got != c.copies {
			t.Errorf("%s (%+v): copies %v, want %v", name, *c.frame, got, c.copies)
		}
	}
}

func TestLatestPollsThatOvertakeEachOther(t *testing.T) {
	var l Latest
	l.Took(connectFrame(0, 0), 1)
	l.Took(pollFrame(1, 3), 0)
	l.Took(pollFrame(1, 0), 0) // of a client that does not count
	if !l.Late(pollFrame(1, 2)) {
		t.Error("poll 2 after poll 3: not late, want late")
	}
}
