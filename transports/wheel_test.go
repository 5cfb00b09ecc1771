package transports

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// ringing notes when it was called, and wants to be called again at the times given.
type ringing struct {
	alarm alarm
	next  []time.Duration // from the start
	start time.Time
	rang  []time.Duration
}

func (r *ringing) due(now time.Time) time.Time {
	r.rang = append(r.rang, time.Since(r.start))
	if len(r.next) == 0 {
		return time.Time{}
	}
	at := r.start.Add(r.next[0])
	r.next = r.next[1:]
	return at
}

func newRinging(next ...time.Duration) *ringing {
	r := &ringing{next: next, start: time.Now()}
	r.alarm.owner = r
	return r
}

func TestWheelRingsSoonAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWheel(25 * time.Second)
		defer w.close()
		var all []*ringing
		var want []time.Duration
		for range 1000 {
			r, at := newRinging(), rand.N(5*time.Minute)
			w.set(&r.alarm, r.start.Add(at))
			all, want = append(all, r), append(want, at)
		}
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		for i, r := range all {
			last := r.rang[len(r.rang)-1]
			if far := want[i] > (wheelSlots-1)*w.tick; !far && (len(r.rang) != 1 || last < want[i]) || last > want[i]+2*w.tick && !far {
				t.Errorf("wanted at %v, rang at %v", want[i], r.rang)
			}
		}
	})
}

func TestWheelRingsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWheel(25 * time.Second)
		defer w.close()
		r := newRinging(time.Second, time.Second, 10*time.Second)
		w.set(&r.alarm, time.Now()) // as soon as can be
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(r.rang) != 4 || r.rang[0] > w.tick || r.rang[1] > time.Second+2*w.tick || r.rang[2] > time.Second+3*w.tick || r.rang[3] > 10*time.Second+2*w.tick {
			t.Errorf("rang at %v", r.rang)
		}
	})
}

func TestWheelSetAndRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWheel(25 * time.Second)
		defer w.close()
		moved, removed, other := newRinging(), newRinging(), newRinging()
		for _, r := range []*ringing{moved, removed, other} {
			w.set(&r.alarm, r.start.Add(20*time.Second))
		}
		w.set(&moved.alarm, moved.start.Add(5*time.Second))
		w.remove(&removed.alarm)
		w.set(&removed.alarm, removed.start.Add(time.Second)) // gone is gone
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(moved.rang) != 1 || moved.rang[0] > 6*time.Second || len(removed.rang) != 0 || len(other.rang) != 1 {
			t.Errorf("rang at %v, %v, %v", moved.rang, removed.rang, other.rang)
		}
	})
}
