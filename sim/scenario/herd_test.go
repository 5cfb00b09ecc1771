package scenario

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tidings/sim/check"
)

// F59: a node is gone for ten seconds, and all of its pages come back at once. They come spread out, soon, and recover
// what they missed.
func TestF59_AThousandPagesComeBackAtOnce(t *testing.T) {
	const pages = herd
	const killed, started = 15 * time.Second, 25 * time.Second
	runAll(t, []Scenario{{
		Name: fmt.Sprintf("%d pages", pages),
		Over: []string{WebSocket},
		Play: func(w *World) {
			for i := range pages {
				w.Client(fmt.Sprint("page ", i), w.Transport).Subscribe(arrivals)
			}
			w.sleep(5 * time.Second)
			w.Publish(arrivals, Every(5*time.Second), For(50*time.Second))
			w.At(killed, w.Kill)
			w.At(started, w.Start)
			w.Run(70 * time.Second)
		},
		Want: []Check{GotAll("page 0"), GotAll(fmt.Sprint("page ", pages/2)), GotAll(fmt.Sprint("page ", pages-1)), AllAcked(), {"they come spread out, and soon", func(w *World) string {
			var back []time.Duration
			for _, d := range w.dashes {
				for _, l := range d.recorded() {
					i := slices.IndexFunc(l.Events, func(e check.Event) bool { return e.Kind == check.Subscribed && e.At >= started })
					if i < 0 {
						return d.name + " did not come back"
					}
					back = append(back, l.Events[i].At-started)
				}
			}
			slices.Sort(back)
			if p99 := back[len(back)*99/100]; p99 > 15*time.Second {
				return fmt.Sprintf("99 in 100 are back after %v", p99)
			}
			for i := range back {
				j, _ := slices.BinarySearch(back, back[i]+time.Second)
				if j-i > len(back)/2 {
					return fmt.Sprintf("%d of %d come within one second, from %v on", j-i, len(back), back[i])
				}
			}
			return ""
		}}},
	}})
}
