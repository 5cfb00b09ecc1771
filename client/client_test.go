package client

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tidings/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// heard is what a subscription's callbacks were told, as one line each.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) add(format string, args ...any) {
	h.mu.Lock()
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
	h.mu.Unlock()
}

func (h *heard) message(m Message) { h.add("%s", m.Data) }

func (h *heard) options() []Option {
	return []Option{
		OnGap(func(g Gap) { h.add("gap %s %d-%d", g.Reason, g.Last.Offset, g.From.Offset) }),
		OnSubscribed(func(at protocol.Position, recovered bool) { h.add("subscribed %d %v", at.Offset, recovered) }),
		OnEnd(func(err error) { h.add("end %v", err) }),
	}
}

// want waits until all is quiet and compares.
func (h *heard) want(t *testing.T, lines ...string) {
	t.Helper()
	time.Sleep(10 * time.Millisecond) // a poll's answer and the next
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.lines, lines) {
		t.Fatalf("heard %q, want %q", h.lines, lines)
	}
	h.lines = nil
}

func (s *server) subscribe(c *Client, channel string, opts ...Option) (*Subscription, *heard) {
	s.t.Helper()
	h := &heard{}
	sub, err := c.Subscribe(channel, h.message, append(h.options(), opts...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return sub, h
}

func TestSubscribeHandsMessagesOutInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		sub, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1), message(2), message(3))
		h.want(t, "subscribed 0 false", "1", "2", "3")
		if got := sub.Position(); got != at(3) {
			t.Errorf("Position is %v, want %v", got, at(3))
		}
		if st := c.Status(); st.State != Connected || st.Transport != s.transport || st.Connection != "c1" || st.Err != nil {
			t.Errorf("status %+v", st)
		}
	})
}

func TestResumeAfterCutGoesOnWithoutSeam(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1))
		h.want(t, "subscribed 0 false", "1")
		l.cut()
		l, f := s.connected("s1", true)
		if f.Session != "s1" || f.Received == nil || *f.Received != 2 || f.Generation != 1 {
			t.Errorf("connect %+v, want session s1, received 2, generation 1", f)
		}
		l.say(message(2))
		h.want(t, "2")
		if !c.Status().Resumed {
			t.Error("Status does not say resumed")
		}
	})
}

func TestSessionGoneRecoversFromTheCursor(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1), message(2))
		h.want(t, "subscribed 0 false", "1", "2")
		l.cut()
		l, _ = s.connected("s2", false)
		l.recovered(2)
		l.say(message(3))
		h.want(t, "subscribed 2 true", "3")
	})
}

func TestGapIsToldOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		sub, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1))
		h.want(t, "subscribed 0 false", "1")
		l.cut()
		l, _ = s.connected("s2", false)
		f := l.want(protocol.TypeSubscribe)
		l.say(
			fmt.Sprintf(`{"type":"gap","id":%d,"channel":"a","reason":"history_expired","last":{"epoch":"E","offset":1,"tag":"t1"},"from":{"epoch":"E","offset":9,"tag":"t9"}}`, f.ID),
			subscribed(f, at(9), false), message(10))
		h.want(t, "gap history_expired 1-9", "subscribed 9 false", "10")
		if sub.Position() != at(10) {
			t.Errorf("Position is %v", sub.Position())
		}
	})
}

func TestHoleResubscribesFromTheCursor(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		l.say(message(1), message(3), message(4)) // 2 got lost somewhere
		h.want(t, "subscribed 0 false", "1")
		l.recovered(1)
		l.say(message(2), message(3), message(4))
		h.want(t, "subscribed 1 true", "2", "3", "4")
	})
}

func TestSinceStartsThere(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		_, h := s.subscribe(c, "a", Since(at(5)))
		l, _ := s.connected("s1", false)
		l.recovered(5)
		l.say(message(6))
		h.want(t, "subscribed 5 true", "6")

		_, late := s.subscribe(c, "a", Since(at(2)))
		late.want(t, "gap unrecovered 2-6", "subscribed 6 false")
		l.say(message(7))
		late.want(t, "7")
		h.want(t, "7")
	})
}

func TestCallbacksOfOneChannelShareOneSubscription(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		first, one := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		second, two := s.subscribe(c, "a")
		l.say(message(1))
		one.want(t, "subscribed 0 false", "1")
		two.want(t, "subscribed 0 false", "1")
		first.Close()
		l.say(message(2))
		two.want(t, "2")
		second.Close()
		f := l.want(protocol.TypeUnsubscribe)
		l.say(fmt.Sprintf(`{"type":"reply","id":%d}`, f.ID), message(3))
		two.want(t)
		one.want(t)
	})
}

func TestRefusedSubscriptionEnds(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		f := l.want(protocol.TypeSubscribe)
		l.say(fmt.Sprintf(`{"type":"error","id":%d,"code":"forbidden","message":"no","hint":"ask","retry":false}`, f.ID))
		h.want(t, "end forbidden: no")
	})
}

func TestSubscriptionRefusedForTheMomentIsTriedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		_, h := s.subscribe(s.client(), "a")
		l, _ := s.connected("s1", false)
		for range 3 {
			f := l.want(protocol.TypeSubscribe)
			l.say(fmt.Sprintf(`{"type":"error","id":%d,"code":"broker_unavailable","message":"no","hint":"wait","retry":true}`, f.ID))
		}
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
	})
}

func TestCloseSaysGoodbye(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		c := s.client()
		_, h := s.subscribe(c, "a")
		l, _ := s.connected("s1", false)
		l.subscribed(0)
		h.want(t, "subscribed 0 false")
		begun := time.Now()
		c.Close()
		if took := time.Since(begun); took > 100*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
		l.want(protocol.TypeDisconnect)
		if st := c.Status(); st.State != Closed || st.Err != nil {
			t.Errorf("status %+v", st)
		}
		if _, err := c.Subscribe("b", h.message); err != ErrClosed {
			t.Errorf("Subscribe after Close: %v", err)
		}
		h.want(t)
	})
}
