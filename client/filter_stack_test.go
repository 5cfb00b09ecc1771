package client_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tidings/actors"
	"tidings/client"
	"tidings/protocol"
)

// A client hears one message of 500, and loses its session 200 times. Between two messages that match lie more than the
// positions that it is told of, and fewer than history keeps: nothing is missing, and nothing is told as a gap.
func TestStackFilteredThroughLostSessions(t *testing.T) {
	const sessions, rare = 200, 500
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, inMemory)
		c := s.client(protocol.WebSocket)
		var got []int
		live := make(chan struct{}, 10*sessions)
		_, err := c.Subscribe("a", func(m client.Message) {
			var of struct{ N int }
			if err := json.Unmarshal(m.Data, &of); err != nil {
				t.Errorf("%s: %v", m.Data, err)
			}
			got = append(got, of.N)
		}, client.Filter(map[string]any{"equals": map[string]any{"rare": true}}),
			client.OnSubscribed(func(protocol.Position, bool) { live <- struct{}{} }),
			client.OnGap(func(g client.Gap) { t.Errorf("after %d messages a gap: %+v", len(got), g) }),
			client.OnEnd(func(err error) {
				if len(got) < sessions {
					t.Errorf("ended: %v", err)
				}
			}))
		if err != nil {
			t.Fatal(err)
		}
		<-live
		n := 0
		publish := func(count int) {
			for range count {
				n++
				data := fmt.Appendf(nil, `{"n":%d,"rare":%v}`, n, n%rare == 0)
				if _, err := s.bus.Publish(t.Context(), actors.Publish{Channel: "a", Data: data}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range sessions {
			before := i * 7 % rare  // how much of it is heard live, before the session is lost
			time.Sleep(time.Second) // the recovery
			publish(before)
			time.Sleep(time.Second)
			name := c.Status().Connection
			c.Hold()
			publish(rare - before)
			time.Sleep(time.Minute) // longer than a connection is parked
			c.Heal()
			<-live
			if c.Status().Connection == name {
				t.Fatalf("time %d: connected as %s again, want a new session", i, name)
			}
		}
		time.Sleep(time.Minute)
		c.Close()
		if len(got) != sessions {
			t.Fatalf("heard %d messages, want %d: %v", len(got), sessions, got)
		}
		for i, number := range got {
			if number != (i+1)*rare {
				t.Fatalf("message %d is number %d, want %d", i, number, (i+1)*rare)
			}
		}
	})
}

// Filters that mean the same and are not written alike are one room at the server, which takes the later subscribe for
// the earlier one's successor. Each is heard all the same, also when they were asked for together, and when one leaves.
func TestStackFiltersThatMeanTheSame(t *testing.T) {
	for _, transport := range []string{protocol.WebSocket, protocol.SSE, protocol.Poll} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, inMemory)
				c := s.client(transport)
				city := func(of any) map[string]any { return map[string]any{"city": of} }
				filters := []map[string]any{
					{"equals": city("Oslo")}, {"in": city([]string{"Oslo"})}, {"and": []any{map[string]any{"equals": city("Oslo")}}},
				}
				heard := make([]int, len(filters))
				subs := make([]*client.Subscription, len(filters))
				for i, f := range filters {
					sub, err := c.Subscribe("orders", func(client.Message) { heard[i]++ }, client.Filter(f),
						client.OnEnd(func(err error) { t.Logf("filter %d ended: %v", i, err) }))
					if err != nil {
						t.Fatal(err)
					}
					subs[i] = sub
				}
				publish := func() {
					time.Sleep(time.Minute)
					for _, data := range []string{`{"city":"Oslo"}`, `{"city":"Lima"}`} {
						if _, err := s.bus.Publish(t.Context(), actors.Publish{Channel: "orders", Data: []byte(data)}); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(time.Minute)
				}
				publish()
				subs[2].Close()
				publish()
				c.Close()
				if want := []int{2, 2, 1}; !slices.Equal(heard, want) {
					t.Errorf("heard %v, want %v", heard, want)
				}
			})
		})
	}
}
