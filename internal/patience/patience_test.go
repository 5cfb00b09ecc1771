package patience

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPatience(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(parent context.CancelFunc, p *Patience)
		want error
	}{
		{name: "goes on", do: func(context.CancelFunc, *Patience) {}},
		{name: "is over in time", do: func(context.CancelFunc, *Patience) { time.Sleep(10 * time.Second) }, want: context.DeadlineExceeded},
		{name: "ends with its parent", do: func(parent context.CancelFunc, _ *Patience) { parent() }, want: context.Canceled},
		{name: "is ended", do: func(_ context.CancelFunc, p *Patience) { p.End() }, want: context.Canceled},
	} {
		for _, waited := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(t.Context())
				defer cancel()
				p := New(parent, 10*time.Second)
				defer p.End()
				if waited {
					p.Done()
				}
				c.do(cancel, p)
				synctest.Wait()
				if err := p.Err(); err != c.want {
					t.Errorf("%s, waited %v: got %v, want %v", c.name, waited, err, c.want)
				}
				select {
				case <-p.Done():
					if c.want == nil {
						t.Errorf("%s: it is done", c.name)
					}
				default:
					if c.want != nil {
						t.Errorf("%s, waited %v: it is not done", c.name, waited)
					}
				}
			})
		}
	}
	if n := testing.AllocsPerRun(100, func() { New(context.Background(), time.Second).End() }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestJitteredStaysWithinAFifth(t *testing.T) {
	low, high := time.Minute, time.Minute
	for range 1000 {
		d := Jittered(time.Minute)
		low, high = min(low, d), max(high, d)
	}
	if low < 48*time.Second || low > 50*time.Second || high > 72*time.Second || high < 70*time.Second {
		t.Errorf("of a minute: got %v to %v, want 48 s to 72 s", low, high)
	}
	if got := Jittered(0); got != 0 {
		t.Errorf("of nothing: got %v", got)
	}
}
