package client_test

import (
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/client"
	"tidings/protocol"
)

var (
	everybody = access.Rules{Subscribe: access.Anyone, Publish: access.Anyone, Presence: access.Anyone}
	onlySend  = access.Rules{Subscribe: access.Nobody, Publish: access.Anyone}
)

// endings are what a listener is told besides messages, in order.
type endings struct {
	mu    sync.Mutex
	lines []string
}

func (e *endings) add(line string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, line)
}

func (e *endings) want(t *testing.T, lines ...string) {
	t.Helper()
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(e.lines, lines) {
		t.Errorf("heard %q, want %q", e.lines, lines)
	}
}

// Rules are wrong for a second, as after a slip in a file. Who listened hears again, without a new connection, and
// hears what was published meanwhile.
func TestB133_StackHearsAgainWhenRulesAllowIt(t *testing.T) {
	for _, transport := range transports {
		for _, tc := range []struct {
			wrong, back time.Duration // after that all is as before, at the latest
			told        []string
		}{
			{time.Second, 30 * time.Second, []string{"live", "1"}},
			{3 * time.Minute, 7 * time.Minute, []string{"live", "1"}},
			{20 * time.Minute, 25 * time.Minute, []string{"gap", "live"}}, // history keeps 10 min
		} {
			t.Run(transport+" wrong for "+tc.wrong.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStack(t, inMemory)
					c, backend := s.client(transport), s.client(protocol.WebSocket)
					var e endings
					_, err := c.Subscribe("a", func(m client.Message) { e.add(string(m.Data)) },
						client.OnSubscribed(func(at protocol.Position, recovered bool) { e.add("live") }),
						client.OnGap(func(g client.Gap) { e.add("gap") }),
						client.OnEnd(func(err error) { e.add(string(err.(*protocol.Error).Code)) }))
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					s.publish(backend, "a", 0, 1)
					time.Sleep(time.Second) // until it is heard
					name := c.Status().Connection
					start := time.Now()
					if err := s.bus.SetRules(onlySend); err != nil {
						t.Fatal(err)
					}
					time.Sleep(tc.wrong)
					s.publish(backend, "a", 1, 2)
					if err := s.bus.SetRules(everybody); err != nil {
						t.Fatal(err)
					}
					time.Sleep(tc.back + time.Second - time.Since(start))
					s.publish(backend, "a", 2, 3)
					time.Sleep(time.Second)
					e.want(t, slices.Concat([]string{"live", "0", "forbidden"}, tc.told, []string{"2"})...)
					if st := c.Status(); st.Connection != name || st.State != client.Connected {
						t.Errorf("status %+v, want connected as %s all the time", st, name)
					}
				})
			})
		}
	}
}

// What a subscription is asked for again is bounded, also by a program whose chance is always 0.
func TestB133_StackAsksSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, inMemory)
		c, err := client.New(client.Config{URL: s.url, Transports: []string{protocol.WebSocket}, HTTPClient: &http.Client{Transport: s.http.Transport},
			Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		var e endings
		sub, err := c.Subscribe("a", func(client.Message) {}, client.OnEnd(func(error) { e.add("end") }))
		if err != nil {
			t.Fatal(err)
		}
		refused := func() (n uint64) {
			synctest.Wait()
			for cause, count := range s.bus.Stats().Faults {
				if cause.Code == string(protocol.CodeForbidden) {
					n += count
				}
			}
			return n
		}
		time.Sleep(time.Second)
		before := refused()
		if err := s.bus.SetRules(onlySend); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := refused() - before; n < 10 || n > 30 {
			t.Errorf("asked for %d times in an hour, want 10 to 30", n)
		}
		sub.Close()
		before = refused()
		time.Sleep(time.Hour)
		if n := refused() - before; n != 0 {
			t.Errorf("asked for %d times after Close, want 0", n)
		}
		e.want(t, "end")
	})
}
