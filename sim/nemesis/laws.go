package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/protocol"
	"tidings/sim/check"
)

// law is something that must hold of a run, and what broke it.
type law struct {
	name   string
	broken []string
}

// laws judges the run.
func (s *stage) laws() []law {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	by := map[string][]string{}
	for _, v := range s.log.violations() {
		by[v.Check] = append(by[v.Check], v.String())
	}
	_, unexplained := s.gaps()
	return []law{
		{"nobody was closed", s.log.closed},
		{"in order (I1)", by["I1"]},
		{"nothing lost without a gap (I2)", by["I2"]},
		{"nothing twice (I3)", by["I3"]},
		{"what was acknowledged is there, once (I4)", by["I4"]},
		{"everybody has heard everything in the end (I5)", by["I5"]},
		{"no gap where history had everything (I6)", by["I6"]},
		{"a fault explains each gap", unexplained},
		{"the run was one: messages, acknowledgements and all transports", s.log.vain()},
	}
}

// vain returns what a run that proves anything must have and this one lacks.
func (j *journal) vain() (missing []string) {
	if len(j.acks) == 0 {
		missing = append(missing, "no publish was acknowledged")
	}
	for _, transport := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		if j.links[transport] == 0 {
			missing = append(missing, "no client connected over "+transport)
		}
	}
	for key, e := range j.ears {
		if len(e.Events) < 2 {
			missing = append(missing, fmt.Sprintf("%s heard nothing of %s", key[0], key[1]))
		}
	}
	if j.plant != "" && !j.planted {
		missing = append(missing, "nothing was planted")
	}
	return missing
}

// violations compares what everybody heard with what was numbered. The busy channel keeps less than the others and is
// judged by itself.
func (j *journal) violations() (all []check.Violation) {
	for _, busy := range []bool{false, true} {
		h := check.History{Tops: j.tops, Window: check.Window{Messages: 4000, Bytes: 64 << 20, Age: time.Hour, Keys: 5 * time.Minute}}
		if busy {
			h.Window.Messages, h.Window.Bytes = busyMessages, 4<<20
		}
		for channel, places := range j.kept {
			if (channel == busyChannel) != busy {
				continue
			}
			for _, notes := range places {
				for _, n := range notes {
					n.Life = j.life(n.At)
					h.Numbered = append(h.Numbered, *n)
				}
			}
		}
		slices.SortFunc(h.Numbered, func(a, b check.Numbered) int {
			if a.Life != b.Life {
				return a.Life - b.Life
			}
			return int(a.Position.Offset) - int(b.Position.Offset)
		})
		for _, a := range j.acks {
			if (a.Channel == busyChannel) == busy {
				h.Acks = append(h.Acks, a)
			}
		}
		for key, e := range j.ears {
			if (key[1] == busyChannel) == busy {
				e.Final, e.Live = true, j.state[key[0]] == "connected"
				h.Listeners = append(h.Listeners, &e.Listener)
			}
		}
		all = append(all, h.Check()...)
	}
	return all
}

// gaps counts the gaps by reason and by the fault that explains them, and lists those that none does.
func (s *stage) gaps() (explained map[string]int, unexplained []string) {
	explained = map[string]int{}
	for _, e := range s.log.ears {
		for _, gap := range e.Gaps() {
			reason := protocol.GapReason(gap.Reason)
			why := ""
			for _, p := range s.plan {
				if f := p.explains(gap.At, reason, e.Channel); f != nil {
					why = f.name
				}
			}
			if why == "" {
				unexplained = append(unexplained, fmt.Sprintf("%s was told a gap of %s at %v: %s, from %s to %s; %s",
					e.Name, e.Channel, gap.At.Round(time.Millisecond), reason, gap.Last, gap.Position, s.around(gap.At)))
				continue
			}
			explained[fmt.Sprintf("%s, by %s", reason, why)]++
		}
	}
	return explained, unexplained
}

// around names the fault before a time.
func (s *stage) around(at time.Duration) string {
	before := "no fault before"
	for _, p := range s.plan {
		if p.from <= at {
			before = fmt.Sprintf("the last fault was %v, from %v to %v", p, p.from.Round(time.Millisecond), p.healed.Round(time.Millisecond))
		}
	}
	return before
}

// tap prints a line per law, as Test Anything Protocol, with the first of what broke it.
func tap(laws []law) string {
	var b strings.Builder
	failed := 0
	for i, l := range laws {
		if len(l.broken) == 0 {
			fmt.Fprintf(&b, "ok %d - %s\n", i+1, l.name)
			continue
		}
		failed++
		fmt.Fprintf(&b, "not ok %d - %s: %d times\n", i+1, l.name, len(l.broken))
		for _, text := range l.broken[:min(10, len(l.broken))] {
			fmt.Fprintf(&b, "  %s\n", text)
		}
	}
	fmt.Fprintf(&b, "# pass %d\n# fail %d\n", len(laws)-failed, failed)
	return b.String()
}
