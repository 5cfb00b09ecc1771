package ground

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func TestAlarmsRingInOrderAndCanBeTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex // guards got
		var got []string
		s := &Alarms{Send: func(_ *actor.PID, m any) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprint(m, " ", time.Since(start)))
		}}
		a, b, c, d := &Alarm{Message: "a"}, &Alarm{Message: "b"}, &Alarm{Message: "c"}, &Alarm{Message: "d"}
		s.Set(a, 3*time.Second)
		s.Set(b, time.Second)
		s.Set(c, 2*time.Second)
		s.Set(d, 4*time.Second)
		s.Set(b, 5*time.Second) // again, later
		s.Cancel(c)
		s.Cancel(c)
		time.Sleep(7 * time.Second / 2)
		s.Set(a, time.Second)
		time.Sleep(10 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		want := []string{"a 3s", "d 4s", "a 4.5s", "b 5s"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		s.Set(a, time.Second)
		s.Stop()
		s.Cancel(a)
		s.Set(b, time.Second)
		mu.Unlock()
		time.Sleep(10 * time.Second)
		mu.Lock()
		if len(got) != len(want) {
			t.Errorf("after stop: %q", got)
		}
	})
}
