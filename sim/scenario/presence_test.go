package scenario

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/broker"
	"tidings/client"
	"tidings/core"
	"tidings/protocol"
)

// lease is how long the ground takes a node that is gone for one that is silent.
const lease = 30 * time.Second

// crowd is the ground's presence: who each node says is there, as a broker that nodes share would keep it. The memory
// broker holds the union.
type crowd struct {
	*ground
	said    map[*view]map[protocol.Channel]map[protocol.Member]bool
	watches map[*watching]bool
}

// watching outlives the memory broker.
type watching struct {
	ch   protocol.Channel
	sink broker.MembersSink
	g    *ground
	stop func()
}

func (w *watching) Interrupted() { w.sink.Interrupted() }

// Changed loses what the ground loses of messages. It is called with the ground's lock.
func (w *watching) Changed(c core.MembersChange) {
	if w.g.dice.IntN(100) >= w.g.lose {
		w.sink.Changed(c)
	}
}

var _ broker.Presence = (*view)(nil)

func (v *view) Attend(ctx context.Context, ch protocol.Channel, joined, left []protocol.Member) error {
	if _, err := v.before(ctx); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.crowd.say(v, ch, joined, left)
	if v.unheard > 0 {
		v.unheard--
		return &protocol.Error{Code: protocol.CodeTimeout, Reason: "the broker did not answer in time", Hint: "Say it again."}
	}
	return nil
}

func (v *view) Members(ctx context.Context, ch protocol.Channel, after protocol.Member, limit int) (core.MembersPage, error) {
	if _, err := v.before(ctx); err != nil {
		return core.MembersPage{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mem.Members(ctx, ch, after, limit)
}

func (v *view) Watch(ctx context.Context, ch protocol.Channel, sink broker.MembersSink) (func(), error) {
	if _, err := v.before(ctx); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	w := &watching{ch: ch, sink: sink, g: v.ground}
	v.crowd.connect(w)
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.crowd.watches[w] {
			delete(v.crowd.watches, w)
			w.stop()
		}
	}, nil
}

func (c *crowd) connect(w *watching) {
	w.stop, _ = c.mem.Watch(context.Background(), w.ch, w)
	c.watches[w] = true
}

// elsewhere tells whether a node other than v says that m is there.
func (c *crowd) elsewhere(v *view, ch protocol.Channel, m protocol.Member) bool {
	for other, said := range c.said {
		if other != v && said[ch][m] {
			return true
		}
	}
	return false
}

func (c *crowd) say(v *view, ch protocol.Channel, joined, left []protocol.Member) {
	if c.said[v] == nil {
		c.said[v] = map[protocol.Channel]map[protocol.Member]bool{}
	}
	if c.said[v][ch] == nil {
		c.said[v][ch] = map[protocol.Member]bool{}
	}
	var gone []protocol.Member
	for _, m := range joined {
		c.said[v][ch][m] = true
	}
	for _, m := range left {
		delete(c.said[v][ch], m)
		if !c.elsewhere(v, ch, m) {
			gone = append(gone, m)
		}
	}
	c.mem.Attend(context.Background(), ch, joined, gone)
}

// lapse forgets what a node said that is no more.
func (c *crowd) lapse(v *view) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ch, members := range c.said[v] {
		var list []protocol.Member
		for m := range members {
			list = append(list, m)
		}
		c.say(v, ch, nil, list)
	}
	delete(c.said, v)
}

// restate fills a memory broker that has lost everything, and tells those who watch.
func (c *crowd) restate() {
	for _, said := range c.said {
		for ch, members := range said {
			var list []protocol.Member
			for m := range members {
				list = append(list, m)
			}
			c.mem.Attend(context.Background(), ch, list, nil)
		}
	}
	for w := range c.watches {
		c.connect(w)
		w.Interrupted()
	}
}

func newCrowd(g *ground) *crowd {
	return &crowd{ground: g, said: map[*view]map[protocol.Channel]map[protocol.Member]bool{}, watches: map[*watching]bool{}}
}

// watcher is a page that watches who is in a channel.
type watcher struct {
	*Dash
	channel string
	mu      sync.Mutex
	last    client.Presence
	frames  int
	sub     *client.Subscription
}

func (d *Dash) Watch(channel string) *watcher {
	o := &watcher{Dash: d, channel: channel}
	o.sub = d.Subscribe(channel, client.OnPresence(func(p client.Presence) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.last = p
		o.frames++
		d.w.note("%s sees %d in %s", d.name, p.Count, channel)
	}))
	return o
}

func (o *watcher) sees() client.Presence {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// truth is who is in a channel: every page that is open, connected and subscribed to it.
func (w *World) truth(channel string) (names []string) {
	for _, d := range w.dashes {
		d.mu.Lock()
		subscribed := false
		for sub := range d.subs {
			subscribed = subscribed || sub.Channel() == channel && d.subs[sub].Final
		}
		if s := d.client.Status(); subscribed && !d.closed && s.State == client.Connected {
			names = append(names, s.Connection)
		}
		d.mu.Unlock()
	}
	slices.Sort(names)
	return names
}

// judgePresence compares what each page sees with the truth, at rest.
func (w *World) judgePresence(watchers []*watcher) {
	w.t.Helper()
	for _, o := range watchers {
		o.Dash.mu.Lock()
		over := o.Dash.closed || !o.Dash.subs[o.sub].Final
		o.Dash.mu.Unlock()
		if over {
			continue
		}
		var got []string
		p := o.sees()
		for _, m := range p.Members {
			got = append(got, m.Connection)
		}
		slices.Sort(got)
		if want := w.truth(o.channel); !slices.Equal(got, want) || p.Count != len(want) {
			w.t.Errorf("%s sees %d in %s: %s; want %s", o.name, p.Count, o.channel, strings.Join(got, " "), strings.Join(want, " "))
		}
	}
}

// playPresence plays in a world that keeps presence; fn gives the pages whose view is judged once all is at rest.
func playPresence(t *testing.T, seed uint64, fn func(w *World) []*watcher) {
	play(t, seed, Any, func(w *World) { w.settling = longSettling }, func(w *World) {
		list := fn(w)
		time.Sleep(longSettling)
		w.judgePresence(list)
	}, func(*World) {})
}

// A page in a lift: the others see it stay for as long as its session is kept, and leave when that is over.
func TestPresenceStories(t *testing.T) {
	for _, transport := range []string{WebSocket, SSE, Poll} {
		for _, away := range []time.Duration{5 * time.Second, 2 * time.Minute} {
			t.Run(fmt.Sprint(transport, " away for ", away), func(t *testing.T) {
				t.Parallel()
				playPresence(t, 1, func(w *World) []*watcher {
					desk, lift := w.Client("desk", transport).Watch("room"), w.Client("lift", transport).Watch("room")
					w.Run(10 * time.Second)
					before := desk.frames
					lift.Cut()
					w.Run(10*time.Second + away)
					if n := desk.sees().Count; away > time.Minute && n != 1 || away < time.Minute && (n != 2 || desk.frames != before) {
						t.Errorf("after %v away the desk sees %d, and was told %d times", away, n, desk.frames-before)
					}
					lift.Heal()
					w.Run(w.now() + time.Minute)
					if n := desk.sees().Count; n != 2 {
						t.Errorf("back, the desk sees %d", n)
					}
					return []*watcher{desk, lift}
				})
			})
		}
	}
}

// Two nodes: pages of both see each other, one that dies takes its pages along, who come back on the other.
func TestPresenceOfSeveralNodes(t *testing.T) {
	playPresence(t, 2, func(w *World) []*watcher {
		var list []*watcher
		for i := range 5 {
			list = append(list, w.Client(fmt.Sprint("early ", i), WebSocket).Watch("room"))
		}
		w.Run(5 * time.Second)
		w.Start() // whoever comes now comes to this one
		for i := range 5 {
			list = append(list, w.Client(fmt.Sprint("late ", i), SSE).Watch("room"))
		}
		w.Run(15 * time.Second)
		w.judgePresence(list)
		if n := len(w.truth("room")); n != 10 {
			t.Errorf("%d are there, want 10", n)
		}
		w.Kill()
		return list
	})
}

// Of a change that is lost with nothing after it only a check tells.
func TestPresenceFindsTheLossOfALastChange(t *testing.T) {
	playPresence(t, 3, func(w *World) []*watcher {
		desk, other := w.Client("desk", WebSocket).Watch("room"), w.Client("other", WebSocket).Watch("room")
		w.Run(10 * time.Second)
		w.Broker.Lose(100)
		other.Close()
		w.Run(15 * time.Second)
		w.Broker.Up()
		if n := desk.sees().Count; n != 2 {
			t.Errorf("the change was not lost: the desk sees %d", n)
		}
		w.Run(45 * time.Second)
		if n := desk.sees().Count; n != 1 {
			t.Errorf("half a minute later the desk sees %d", n)
		}
		return []*watcher{desk}
	})
}

// Days at random, with the faults of other random days: at rest everybody who watches sees the truth.
func TestPresenceAtRandom(t *testing.T) {
	n := 12
	if *seedCount > 0 {
		n = *seedCount
	} else if testing.Short() {
		n = 3
	}
	for seed := *firstSeed; seed < *firstSeed+uint64(n); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			playPresence(t, seed, func(w *World) (list []*watcher) {
				d := &day{Rand: rand.New(rand.NewPCG(seed, 99)), w: w, horizon: 2 * time.Minute}
				for i := range 4 + d.IntN(5) {
					dash := w.Client(fmt.Sprint("page ", i), []string{WebSocket, SSE, Poll, Any}[d.IntN(4)])
					d.dashes, d.links = append(d.dashes, dash), append(d.links, dash.link)
					w.At(d.between(0, 20*time.Second), func() { list = append(list, dash.Watch("room")) })
					switch d.IntN(4) {
					case 0:
						w.At(d.between(30*time.Second, d.horizon), dash.Close)
					case 1:
						w.At(d.between(30*time.Second, time.Minute), func() {
							for _, o := range list {
								if o.Dash == dash {
									dash.Leave(o.sub)
								}
							}
						})
						w.At(d.between(time.Minute, d.horizon), func() { list = append(list, dash.Watch("room")) })
					}
				}
				for range 6 + d.IntN(15) {
					d.befall(d.between(time.Second, d.horizon))
				}
				w.At(d.horizon, d.heal)
				w.Run(d.horizon + time.Second)
				return list
			})
			if t.Failed() {
				t.Logf("replay with: go test ./sim/scenario -run PresenceAtRandom -first %d -seeds 1", seed)
			}
		})
	}
}
