package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/client"
	"tidings/sim/check"
)

// Scenario is a story that a user would tell, and what must hold then. Whatever it is, sim/check judges what every
// callback saw.
type Scenario struct {
	Name  string
	Over  []string // runs over each; all three transports where it is nil
	Setup func(*World)
	Play  func(*World)
	Want  []Check
}

// Check is one thing that must hold. It gives what is wrong, or "".
type Check struct {
	name string
	run  func(*World) string
}

func runAll(t *testing.T, all []Scenario) {
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			over := s.Over
			if over == nil {
				over = []string{WebSocket, SSE, Poll}
			}
			for _, transport := range over {
				t.Run(transport, func(t *testing.T) {
					t.Parallel()
					play(t, 1, transport, s.Setup, s.Play, func(w *World) { w.judge(s.Want) })
				})
			}
		})
	}
}

func (w *World) judge(want []Check) {
	for i, v := range w.bad {
		if i == 20 {
			w.t.Errorf("and %d more", len(w.bad)-i)
			break
		}
		w.t.Error(v)
	}
	for _, c := range want {
		if bad := c.run(w); bad != "" {
			w.t.Errorf("%s: %s", c.name, bad)
		}
	}
	if w.last.deadLetters > 0 {
		w.t.Errorf("%d dead letters", w.last.deadLetters)
	}
}

// broken is a check of one page that sim/check makes.
func broken(name, page, id string) Check {
	return Check{name, func(w *World) string {
		for _, v := range w.bad {
			if v.Check == id && strings.HasPrefix(v.Text, page+" on ") {
				return v.String()
			}
		}
		return ""
	}}
}

// InOrder is I1, NoneTwice I3.
func InOrder(page string) Check   { return broken("InOrder", page, "I1") }
func NoneTwice(page string) Check { return broken("NoneTwice", page, "I3") }

// GotAll wants every message that was acknowledged after a page subscribed, and no gap.
func GotAll(page string) Check {
	return Check{"GotAll", func(w *World) string {
		for _, l := range w.dash(page).recorded() {
			if len(l.Events) == 0 {
				return page + " heard nothing at all"
			}
			if gaps := l.Gaps(); len(gaps) > 0 {
				return fmt.Sprintf("%s was told of %d gaps on %s: %+v", page, len(gaps), l.Channel, gaps[0])
			}
			got := l.Got()
			if len(got) == 0 {
				return page + " got no message on " + l.Channel
			}
			first := l.Events[0].Position
			missing := 0
			for at, data := range w.acked(l.Channel) {
				if at.Epoch == first.Epoch && at.Offset > first.Offset && !slices.Contains(got, data) {
					missing++
				}
			}
			if missing > 0 {
				return fmt.Sprintf("%s got %d messages on %s; %d are missing", page, len(got), l.Channel, missing)
			}
		}
		return ""
	}}
}

// Gaps wants exactly n gaps on each subscription of a page.
func Gaps(page string, n int) Check {
	return Check{"Gaps", func(w *World) string {
		for _, l := range w.dash(page).recorded() {
			if got := l.Gaps(); len(got) != n {
				return fmt.Sprintf("%s was told of %d gaps on %s, want %d: %+v", page, len(got), l.Channel, n, got)
			}
		}
		return ""
	}}
}

// OneConnection wants that the server never held more connections with a transport than there are pages, that in the
// end each page has one, and that nothing else is parked.
func OneConnection(page string) Check {
	return Check{"OneConnection", func(w *World) string {
		for _, s := range w.samples {
			if s.linked > s.clients && s.at < w.last.at { // from then on some are saying goodbye
				return fmt.Sprintf("%d connections of %d pages at %v", s.linked, s.clients, s.at)
			}
		}
		if w.last.linked != w.last.clients || w.last.parked != 0 {
			return fmt.Sprintf("in the end %d connections and %d parked, of %d pages", w.last.linked, w.last.parked, w.last.clients)
		}
		w.dash(page)
		return ""
	}}
}

// SameSession wants that a page kept one connection of the server through everything.
func SameSession(page string) Check {
	return Check{"SameSession", func(w *World) string {
		d := w.dash(page)
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.names) != 1 {
			return fmt.Sprintf("%s had %d connections, want 1", page, len(d.names))
		}
		return ""
	}}
}

// Steady wants that a page was connected once and never lost it.
func Steady(page string) Check {
	return Check{"Steady", func(w *World) string {
		d := w.dash(page)
		d.mu.Lock()
		defer d.mu.Unlock()
		n := 0
		for _, s := range d.statuses {
			if s.State == client.Connected {
				n++
			}
		}
		if n != 1 {
			return fmt.Sprintf("%s connected %d times", page, n)
		}
		return ""
	}}
}

// WasCut wants that a page lost its connection at all: else the scenario shows nothing.
func WasCut(page string) Check {
	return Check{"WasCut", func(w *World) string {
		if Steady(page).run(w) == "" {
			return page + " never was"
		}
		return ""
	}}
}

// EndsOver wants a page on a transport in the end.
func EndsOver(page, transport string) Check {
	return Check{"EndsOver", func(w *World) string {
		d := w.dash(page)
		d.mu.Lock()
		defer d.mu.Unlock()
		last := ""
		for _, s := range d.statuses {
			if s.State == client.Connected {
				last = s.Transport
			}
		}
		if last != transport {
			return fmt.Sprintf("%s is on %s, want %s", page, last, transport)
		}
		return ""
	}}
}

// ConnectedWithin wants a page's first connection so soon.
func ConnectedWithin(page string, most time.Duration) Check {
	return Check{"ConnectedWithin", func(w *World) string {
		for _, l := range w.dash(page).recorded() {
			if len(l.Events) == 0 || l.Events[0].At > most {
				return fmt.Sprintf("%s was not subscribed within %v", page, most)
			}
		}
		return ""
	}}
}

// FreshWithin wants every message so soon after the broker numbered it.
func FreshWithin(page string, most time.Duration) Check {
	return Check{"FreshWithin", func(w *World) string {
		at := map[string]time.Duration{}
		for _, n := range w.book.Numbered {
			at[n.Channel+n.Position.String()] = n.At
		}
		for _, l := range w.dash(page).recorded() {
			for _, e := range l.Events {
				if late := e.At - at[l.Channel+e.Position.String()]; e.Kind == check.Message && late > most {
					return fmt.Sprintf("%s got %s %v late, want at most %v", page, e.Position, late, most)
				}
			}
		}
		return ""
	}}
}

// DialsAtMost wants that a page did not knock more often.
func DialsAtMost(page string, most int) Check {
	return Check{"DialsAtMost", func(w *World) string {
		if n := w.dash(page).tries(); n > most {
			return fmt.Sprintf("%s dialled %d times, want at most %d", page, n, most)
		}
		return ""
	}}
}

// DialsAtLeast wants that a page had to dial so often: else the scenario shows nothing.
func DialsAtLeast(page string, least int) Check {
	return Check{"DialsAtLeast", func(w *World) string {
		if n := w.dash(page).tries(); n < least {
			return fmt.Sprintf("%s dialled %d times, want at least %d", page, n, least)
		}
		return ""
	}}
}

// AllAcked wants that every publish was answered in the end, and had one effect.
func AllAcked() Check {
	return Check{"AllAcked", func(w *World) string {
		for _, b := range w.backends {
			b.mu.Lock()
			sent, acked := b.sent, b.acked
			b.mu.Unlock()
			if sent != acked || sent == 0 {
				return fmt.Sprintf("%s: %d publishes, %d acknowledged", b.name, sent, acked)
			}
		}
		lives := map[int]bool{}
		for _, n := range w.book.Numbered {
			lives[n.Life] = true
		}
		ops := map[string]bool{}
		for _, a := range w.book.Acks {
			ops[a.Op] = true
		}
		closed := slices.ContainsFunc(w.dashes, func(d *Dash) bool { return d.closed && d.said > d.answered })
		if len(lives) == 1 && !closed && len(ops) != len(w.book.Numbered) {
			return fmt.Sprintf("%d messages of %d publishes", len(w.book.Numbered), len(ops))
		}
		return ""
	}}
}

// That is a check of one scenario alone.
func That(name string, run func(*World) string) Check { return Check{name, run} }

// Answered wants that n publishes of a page were acknowledged, each with one effect.
func Answered(page string, n int) Check {
	return Check{"Answered", func(w *World) string {
		d := w.dash(page)
		d.mu.Lock()
		defer d.mu.Unlock()
		effects := 0
		for _, m := range w.book.Numbered {
			if strings.HasPrefix(m.Data, `"`+page+" says ") {
				effects++
			}
		}
		if d.answered != n || effects != n {
			return fmt.Sprintf("%d of %d publishes were acknowledged, with %d effects", d.answered, n, effects)
		}
		return ""
	}}
}

// LostAnswers wants that the proxy lost so many: else the scenario shows nothing.
func LostAnswers(n int) Check {
	return Check{"LostAnswers", func(w *World) string {
		if got := w.proxies[0].lostAnswers; got != n {
			return fmt.Sprintf("%d answers were lost, want %d", got, n)
		}
		return ""
	}}
}
