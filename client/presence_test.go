package client_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/client"
	"tidings/protocol"
)

// onlooker keeps what a client is told of who is there.
type onlooker struct {
	mu    sync.Mutex
	views []client.Presence
	ended error
	got   []string
}

func (s *stack) watch(c *client.Client, channel string) *onlooker {
	s.t.Helper()
	o := &onlooker{}
	_, err := c.Subscribe(channel, func(m client.Message) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.got = append(o.got, string(m.Data))
	}, client.OnPresence(o.see), client.OnEnd(o.end))
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

func (o *onlooker) see(p client.Presence) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.views = append(o.views, p)
}

func (o *onlooker) end(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = err
}

func (o *onlooker) last() client.Presence {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.views) == 0 {
		return client.Presence{}
	}
	return o.views[len(o.views)-1]
}

// counts gives the counts that were told since the last call.
func (o *onlooker) counts() (list []int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, v := range o.views {
		list = append(list, v.Count)
		if len(v.Members) != v.Count {
			list = append(list, -len(v.Members))
		}
	}
	o.views = nil
	return list
}

func wantCounts(t *testing.T, what string, got []int, want ...int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: counts %v, want %v", what, got, want)
	}
}

// settle lets a while pass, in which whatever comes comes.
func settle() {
	time.Sleep(2 * time.Second)
	synctest.Wait()
}

func TestStackPresence(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, inMemory)
				ann, bob := s.client(transport), s.client(transport)
				before := s.listen(ann, "room") // which watching joins, on one subscription
				view := s.watch(ann, "room")
				settle()
				wantCounts(t, "alone", view.counts(), 1)
				bob.Subscribe("room", nil, client.OnPresence(func(client.Presence) {}))
				settle()
				wantCounts(t, "another comes", view.counts(), 2)
				bob.Hold()
				time.Sleep(20 * time.Second)
				bob.Heal()
				settle()
				wantCounts(t, "a cut that is shorter than the park", view.counts())
				p, err := bob.Presence(t.Context(), "room")
				if err != nil || p.Count != 2 || len(p.Members) != 2 {
					t.Errorf("Presence: %+v, %v", p, err)
				}
				bob.Hold()
				time.Sleep(2 * time.Minute) // a poll that does not come is missed after a while only
				wantCounts(t, "a cut that is longer", view.counts(), 1)
				bob.Heal()
				settle()
				wantCounts(t, "back on a new connection", view.counts(), 2)
				late := s.watch(ann, "room")
				settle()
				wantCounts(t, "a second watcher of one page", late.counts(), 2)
				bob.Close()
				settle()
				wantCounts(t, "goodbye", view.counts(), 1)
				s.publish(ann, "room", 0, 10)
				settle()
				before.wantAll(t, 10, 0)
			})
		})
	}
}

// Who asks for the same filter is in one room, however it is written and whatever the scope. Watching it does not depend
// on the order in which filters that mean the same are asked for, nor on those that do not watch.
func TestStackPresenceOfARoom(t *testing.T) {
	taxi, same := client.Filter(map[string]any{"equals": map[string]any{"type": "taxi"}}), client.Filter(map[string]any{"in": map[string]any{"type": []string{"taxi"}}})
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStack(t, inMemory)
				ann, bob := s.client(transport), s.client(transport)
				watch := func(c *client.Client, opts ...client.Option) (*onlooker, *client.Subscription) {
					o := &onlooker{}
					sub, err := c.Subscribe("cars", nil, append(opts, client.OnPresence(o.see), client.OnEnd(o.end))...)
					if err != nil {
						t.Fatal(err)
					}
					return o, sub
				}
				whole, _ := watch(ann)
				room, _ := watch(ann, taxi)
				settle()
				wantCounts(t, "alone in the room", room.counts(), 1)
				heard := 0
				silent, err := ann.Subscribe("cars", func(client.Message) { heard++ }, same)
				if err != nil {
					t.Fatal(err)
				}
				settle()
				wantCounts(t, "the page asks for the same, and does not watch", room.counts(), 1)
				scoped, _ := watch(bob, same, client.Out)
				bob.Subscribe("cars", nil, client.Filter(map[string]any{}), client.OnPresence(func(client.Presence) {}))
				settle()
				wantCounts(t, "another comes", room.counts(), 2)
				if got := scoped.last(); got.Count != 2 || len(got.Members) != 2 || got.Channel != "cars" {
					t.Errorf("the other sees %+v, want two of cars", got)
				}
				late, lateSub := watch(ann, same)
				settle()
				wantCounts(t, "a second watcher of one page", late.counts(), 2)
				lateSub.Close()
				silent.Close()
				settle()
				room.counts()
				bob.Hold()
				time.Sleep(2 * time.Minute)
				wantCounts(t, "a cut that is longer than the park", room.counts(), 1)
				bob.Heal()
				settle()
				wantCounts(t, "back on a new connection", room.counts(), 2)
				ann.Hold()
				time.Sleep(2 * time.Minute)
				ann.Heal()
				settle()
				if got := room.last(); got.Count != 2 {
					t.Errorf("after a new session it sees %+v, want two", got)
				}
				if got := whole.last(); got.Count != 2 {
					t.Errorf("in the channel it sees %+v, want two", got)
				}
				bob.Close()
				settle()
				if got := room.last(); got.Count != 1 {
					t.Errorf("after a goodbye it sees %+v, want one", got)
				}
				if room.ended != nil || scoped.ended != nil || heard != 0 {
					t.Errorf("ended with %v and %v, heard %d", room.ended, scoped.ended, heard)
				}
			})
		})
	}
}

// If nobody watches any more, nothing is told, and messages go on.
func TestStackStopsWatching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, inMemory)
		c := s.client(protocol.WebSocket)
		l := s.listen(c, "room")
		for range 3 {
			sub, err := c.Subscribe("room", nil, client.OnPresence(func(client.Presence) {}))
			if err != nil {
				t.Fatal(err)
			}
			settle()
			if n := s.bus.Stats().Watchers; n != 1 {
				t.Errorf("%d watch, want 1", n)
			}
			sub.Close()
			settle()
			if st := s.bus.Stats(); st.Watchers != 0 || st.Subscriptions != 1 || st.Members != 1 {
				t.Errorf("%d watch, %d subscriptions, %d members", st.Watchers, st.Subscriptions, st.Members)
			}
		}
		s.publish(c, "room", 0, 10)
		settle()
		l.wantAll(t, 10, 0)
	})
}

// Who may not see who is there is told so, and the page's other callbacks go on.
func TestStackForbiddenPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, inMemory)
		if err := s.bus.SetRules(access.Rules{Subscribe: access.Anyone, Publish: access.Anyone}); err != nil {
			t.Fatal(err)
		}
		c := s.client(protocol.WebSocket)
		l := s.listen(c, "room")
		s.publish(c, "room", 0, 5)
		view := s.watch(c, "room")
		settle()
		if !errors.Is(view.ended, &protocol.Error{Code: protocol.CodeForbidden}) {
			t.Errorf("the watcher heard %v", view.ended)
		}
		if _, err := c.Presence(t.Context(), "room"); !errors.Is(err, &protocol.Error{Code: protocol.CodeForbidden}) {
			t.Errorf("Presence: %v", err)
		}
		s.publish(c, "room", 5, 10)
		settle()
		l.wantAll(t, 10, 0)
	})
}

// A crowd that comes at once, goes at once, and is too large to be named.
func TestStackCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(t, inMemory)
		view := s.watch(s.client(protocol.WebSocket), "room")
		settle()
		var crowd []*client.Client
		come := func(n int) {
			for range n {
				c := s.client(protocol.WebSocket)
				c.Subscribe("room", func(client.Message) {})
				crowd = append(crowd, c)
			}
			time.Sleep(10 * time.Second)
		}
		want := func(count, named int) {
			t.Helper()
			if v := view.last(); v.Count != count || len(v.Members) != named {
				t.Errorf("%d of %d named, want %d of %d", len(v.Members), v.Count, named, count)
			}
		}
		come(300)
		want(301, 301)
		come(800)
		want(1101, 0)
		for _, c := range crowd[200:] {
			c.Close()
		}
		time.Sleep(10 * time.Second)
		want(201, 201)
		if n := len(view.views); n > 60 {
			t.Errorf("%d frames for 2,000 changes", n)
		}
	})
}
