package actors

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"tidings/access"
)

// recorder is an invoker that keeps what it is told and fails at "panic".
type recorder struct {
	mu      sync.Mutex
	got     []string
	mailbox *mailbox
}

func (r *recorder) InvokeSystemMessage(m any) { r.InvokeUserMessage(m) }
func (r *recorder) InvokeUserMessage(m any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m == "panic" {
		panic(m)
	}
	r.got = append(r.got, fmt.Sprint(m))
}

func (r *recorder) EscalateFailure(_, message any) {
	r.mailbox.PostSystemMessage(&actor.SuspendMailbox{})
	r.got = append(r.got, fmt.Sprint("failed at ", message))
}

func TestMailboxKeepsOrderAndHoldsItsMessagesAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMailbox().(*mailbox)
		r := &recorder{mailbox: m}
		m.PostUserMessage("before it is registered")
		m.RegisterHandlers(r, actor.NewDefaultDispatcher(3))
		m.PostUserMessage("1")
		m.PostUserMessage("panic")
		m.PostUserMessage("2")
		synctest.Wait()
		m.PostUserMessage("3")
		m.PostSystemMessage("system")
		synctest.Wait()
		want := []string{"before it is registered", "1", "failed at panic", "system"}
		if !slices.Equal(r.got, want) || m.UserMessageCount() != 2 {
			t.Errorf("while suspended: got %q, %d wait", r.got, m.UserMessageCount())
		}
		m.PostSystemMessage(&actor.ResumeMailbox{})
		synctest.Wait()
		if want = append(want, "2", "3"); !slices.Equal(r.got, want) {
			t.Errorf("got %q, want %q", r.got, want)
		}
	})
}

func TestMailboxUnderManySendersLosesNothingAndShrinks(t *testing.T) {
	m := newMailbox().(*mailbox)
	r := &recorder{mailbox: m}
	m.RegisterHandlers(r, actor.NewDefaultDispatcher(300))
	var wg sync.WaitGroup
	for s := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				m.PostUserMessage(s*10000 + i)
			}
		})
	}
	wg.Wait()
	for m.UserMessageCount() > 0 {
		time.Sleep(time.Millisecond)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	last := map[int]int{}
	for _, text := range r.got {
		var n int
		fmt.Sscan(text, &n)
		if n%10000 != last[n/10000] {
			t.Fatalf("sender %d: %d, want %d", n/10000, n%10000, last[n/10000])
		}
		last[n/10000]++
	}
	if len(r.got) != 16000 {
		t.Errorf("got %d of 16000", len(r.got))
	}
	if m.mu.Lock(); cap(m.user) > keptSlots {
		t.Errorf("an empty mailbox keeps %d slots", cap(m.user))
	}
	m.mu.Unlock()
}

func TestPoolBoundsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(3)
		var running, most, done atomic.Int32
		for range 20 {
			p.run(func() {
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(time.Second)
				running.Add(-1)
				done.Add(1)
			})
		}
		if p.depth() != 17 {
			t.Errorf("%d wait", p.depth())
		}
		p.wait()
		if most.Load() != 3 || done.Load() != 20 {
			t.Errorf("at most %d ran, %d in all", most.Load(), done.Load())
		}
	})
}

func TestAlarmsRingInOrderAndCanBeTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex // guards got
		var got []string
		s := &alarms{send: func(_ *actor.PID, m any) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprint(m, " ", time.Since(start)))
		}}
		a, b, c, d := &alarm{message: "a"}, &alarm{message: "b"}, &alarm{message: "c"}, &alarm{message: "d"}
		s.set(a, 3*time.Second)
		s.set(b, time.Second)
		s.set(c, 2*time.Second)
		s.set(d, 4*time.Second)
		s.set(b, 5*time.Second) // again, later
		s.cancel(c)
		s.cancel(c)
		time.Sleep(7 * time.Second / 2)
		s.set(a, time.Second)
		time.Sleep(10 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		want := []string{"a 3s", "d 4s", "a 4.5s", "b 5s"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		s.set(a, time.Second)
		s.stop()
		s.cancel(a)
		s.set(b, time.Second)
		mu.Unlock()
		time.Sleep(10 * time.Second)
		mu.Lock()
		if len(got) != len(want) {
			t.Errorf("after stop: %q", got)
		}
	})
}

func TestParkingBoundsEachUser(t *testing.T) {
	p := newParking(5, 2)
	named := func(id, user string) *Connection {
		c := &Connection{id: id}
		c.identity.Store(&access.Identity{User: user})
		return c
	}
	var out []string
	add := func(c *Connection) {
		for _, o := range p.add(c) {
			out = append(out, o.id)
		}
	}
	a1, a2, a3 := named("a1", "ann"), named("a2", "ann"), named("a3", "ann")
	add(a1)
	add(a2)
	add(a1) // parked again: now the younger
	add(a3)
	if strings.Join(out, " ") != "a2" {
		t.Errorf("ann's third: %q ended", out)
	}
	p.remove(a1)
	add(a2)
	for i := range 4 {
		add(named(fmt.Sprint("x", i), ""))
	}
	if strings.Join(out, " ") != "a2 a3" || p.len() != 5 {
		t.Errorf("the sixth of five: %q ended, %d are parked", out, p.len())
	}
	if list := p.users["ann"]; len(list) != 1 || list[0] != a2 {
		t.Errorf("ann has %d", len(list))
	}
}
