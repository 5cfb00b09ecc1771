package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tidings/sim/check"
)

// table is the result of a run, in Markdown.
func (s *stage) table() string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	var b strings.Builder
	row := func(what string, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", what, fmt.Sprintf(format, args...))
	}
	b.WriteString("\n| | |\n|---|---|\n")
	row("clients", "%d: %d of Go, %d of JavaScript in %d processes", s.clients, len(s.goes), s.clients-len(s.goes), len(s.pages))
	row("ran", "%v, with %d phases of faults; %s; the memory began %s", s.log.stopped.Round(time.Second), len(s.plan), counted(s.nodes, "node"), counted(len(s.log.lives), "time"))
	row("publishes", "%d acknowledged; %d tries over HTTP; given up by clients: %d", len(s.log.acks), s.log.tries, sum(s.log.no))
	heard := map[string]int{}
	for _, e := range s.log.ears {
		kind, _, _ := strings.Cut(e.Name, " ")
		for _, ev := range e.Events {
			if ev.Kind == check.Message {
				heard[kind]++
			}
		}
	}
	row("messages heard", "%d in Go, %d in JavaScript", heard["go"], heard["js"])
	row("connects", "%s", counts(s.log.links))
	row("without a connection", "%s", s.log.absences())
	explained, unexplained := s.gaps()
	row("gaps", "%d explained, %d not", sum(explained), len(unexplained))
	b.WriteString("\n| fault | times |\n|---|---|\n")
	times := map[string]int{}
	for _, p := range s.plan {
		for _, f := range p.faults {
			times[f.name]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(times)) {
		row(name, "%d", times[name])
	}
	for _, part := range []struct {
		title string
		rows  map[string]int
	}{{"gaps, and what explains them", explained}, {"publishes that clients gave up", s.log.no}} {
		if len(part.rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n| %s | times |\n|---|---|\n", part.title)
		for _, name := range slices.Sorted(maps.Keys(part.rows)) {
			row(name, "%d", part.rows[name])
		}
	}
	b.WriteString("\n")
	return b.String()
}

// absences returns how long clients were without a connection. The caller has the lock.
func (j *journal) absences() string {
	if len(j.aways) == 0 {
		return "never"
	}
	slices.SortFunc(j.aways, func(a, b away) int { return cmp.Compare(a.length, b.length) })
	at := func(percent int) time.Duration {
		return j.aways[(len(j.aways)-1)*percent/100].length.Round(time.Millisecond)
	}
	longest := j.aways[len(j.aways)-1]
	return fmt.Sprintf("%s; half of them up to %v, 99 %% up to %v, the longest %v (%s, from %v)", counted(len(j.aways), "time"), at(50), at(99), at(100), longest.name, longest.from.Round(time.Millisecond))
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprint(n, " ", noun)
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func counts(of map[string]int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, fmt.Sprintf("%d %s", of[name], name))
	}
	return strings.Join(all, ", ")
}
