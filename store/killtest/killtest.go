// Package killtest kills processes that write to a store and publish its changes (kill -9), and checks that what they
// answered is there and is published, each change once, and nothing else.
//
//	killtest.go   the tests: at a step, at a random moment, and of the relay alone
//	victim.go     the process that is killed
//	town.go       the broker that outlives it, and what must hold
package killtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"tidings/store"
)

// Open opens the store at a place, such as a file or a URL. The store calls step between the steps of a commit.
type Open func(place string, step func(string) error) (store.Store, error)

// relaySteps are those of every relay.
var relaySteps = []string{"read", "publishing", "published", "marking", "marked"}

// AtSteps kills processes that write and publish, each at a step of the store or of the relay, and opens the store anew
// after each. All have the same place, so that each goes on with what the last one has left.
func AtSteps(t *testing.T, open Open, place string, steps ...string) {
	o := newTown(open, place)
	for _, step := range append(steps, relaySteps...) {
		for _, nth := range []int{1, 2 + rand.IntN(10)} {
			t.Run(fmt.Sprintf("kill -9 of who writes and publishes, at %q %d", step, nth), func(t *testing.T) {
				v := start(t, task{place, write | publish, step, nth})
				o.hear(t, v)
				v.died(t)
				o.check(t)
			})
		}
	}
	o.sum(t)
}

// OfTheRelay kills processes that publish, each at a step, while this one writes.
func OfTheRelay(t *testing.T, open Open, place string) {
	o := newTown(open, place)
	for _, step := range relaySteps {
		for _, nth := range []int{1, 2 + rand.IntN(10)} {
			t.Run(fmt.Sprintf("kill -9 of who publishes, at %q %d", step, nth), func(t *testing.T) {
				s, err := open(place, never)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				v := start(t, task{place, publish, step, nth})
				writing, stop := o.write(t, s)
				o.hear(t, v)
				stop()
				<-writing
				v.died(t)
				o.check(t)
			})
		}
	}
	o.sum(t)
}

// killsVariable makes AtRandom longer: the number of processes that it kills. TIDINGS_STORE_KILLS=100 is the long form.
const killsVariable = "TIDINGS_STORE_KILLS"

// AtRandom kills processes that write and publish, each from outside and wherever it is, at a random one of 1,000
// writes.
func AtRandom(t *testing.T, open Open, place string) {
	kills := 4
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	o := newTown(open, place)
	for n := range kills {
		at := 1 + rand.IntN(1000)
		t.Run(fmt.Sprintf("kill -9 number %d of who writes and publishes, after %d writes of 1,000", n+1, at), func(t *testing.T) {
			v := start(t, task{place, write | publish, "never", 1})
			before := o.answers
			o.answered = func() {
				if o.answers-before == at {
					v.cmd.Process.Kill()
				}
			}
			o.hear(t, v)
			o.answered = nil
			v.died(t)
			o.check(t)
		})
	}
	o.sum(t)
}

func never(string) error { return nil }
