package scenario

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tidings/client"
	network "tidings/sim/nemesis/proxy"
)

var (
	oneSeed   = flag.Uint64("seed", 0, "play this random scenario alone, and tell its story")
	seedCount = flag.Int("seeds", 0, "how many random scenarios to play; 0: 40, or 6 in short runs")
	firstSeed = flag.Uint64("first", 1, "the first seed")
)

// TestRandom plays days that nobody thought of: pages, publishers and proxies drawn from a seed, and faults of every
// kind, until a horizon at which everything heals. A seed draws the same day each time; how goroutines take turns in it
// is Go's.
func TestRandom(t *testing.T) {
	if *oneSeed > 0 {
		playRandom(t, *oneSeed, true)
		return
	}
	n := *seedCount
	switch {
	case n > 0:
	case testing.Short():
		n = 6
	default:
		n = 40
	}
	for seed := *firstSeed; seed < *firstSeed+uint64(n); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			playRandom(t, seed, false)
		})
	}
}

func playRandom(t *testing.T, seed uint64, tell bool) {
	d := &day{Rand: rand.New(rand.NewPCG(seed, 0))}
	play(t, seed, Any, func(w *World) { d.setup(w) }, d.play, func(w *World) {
		w.judge([]Check{AllAcked(), WholeInTheEnd()})
		messages := 0
		for _, l := range w.book.Listeners {
			messages += len(l.Got())
		}
		if messages < 10 {
			t.Errorf("only %d messages came: a day without a story", messages)
		}
		if t.Failed() {
			t.Logf("replay with: go test ./sim/scenario -run Random -seed %d", seed)
		} else if tell {
			t.Logf("the story:\n%s", w.tell())
		}
	})
}

// WholeInTheEnd wants one connection per page, and nothing else, a minute after the healing.
func WholeInTheEnd() Check {
	return Check{"WholeInTheEnd", func(w *World) string {
		if w.last.linked != w.last.clients || w.last.parked != 0 {
			return fmt.Sprintf("%d connections and %d parked, of %d pages", w.last.linked, w.last.parked, w.last.clients)
		}
		return ""
	}}
}

// day is what a seed draws.
type day struct {
	*rand.Rand
	w       *World
	horizon time.Duration
	dashes  []*Dash
	proxies []*proxy
	links   []*link
}

func (d *day) setup(w *World) {
	d.w, w.settling = w, longSettling
	if d.IntN(3) == 0 { // a window that runs out
		w.stream.MaxMessages = 20 + d.IntN(200)
		w.stream.MaxAge = time.Duration(10+d.IntN(60)) * time.Second
	}
	w.note("history keeps %d messages, for %v", w.stream.MaxMessages, w.stream.MaxAge)
}

func (d *day) between(low, high time.Duration) time.Duration {
	return low + time.Duration(d.Int64N(int64(high-low)))
}

func (d *day) play(w *World) {
	d.horizon = d.between(time.Minute, 2*time.Minute)
	for i := range d.IntN(3) {
		swallow, buffer, repeat := d.IntN(3) == 0, d.IntN(4) == 0, d.IntN(3) == 0
		w.note("proxy %d: swallows %v, buffers %v, repeats %v", i, swallow, buffer, repeat)
		var habits []network.Rule
		if swallow {
			habits = append(habits, swallows)
		}
		if buffer {
			habits = append(habits, buffers)
		}
		if repeat {
			habits = append(habits, repeats...)
		}
		d.proxies = append(d.proxies, w.Proxy(habits...))
	}
	channels := []string{"a", "b", "c"}[:1+d.IntN(3)]
	for i := range 2 + d.IntN(4) {
		transport := []string{WebSocket, SSE, Poll, Any}[d.IntN(4)]
		var via []*proxy
		if len(d.proxies) > 0 && d.IntN(2) == 0 {
			via, transport = d.proxies[:1], Any
		}
		dash := w.Client(fmt.Sprint("page ", i), transport, via...)
		w.note("page %d: %s, behind %d proxies", i, transport, len(via))
		for _, ch := range channels {
			if d.IntN(3) > 0 || ch == "a" {
				w.At(d.between(0, 10*time.Second), func() { dash.Subscribe(ch) })
			}
		}
		if d.IntN(3) == 0 {
			lasts := d.horizon - 20*time.Second
			every := d.between(200*time.Millisecond, 2*time.Second)
			w.At(d.between(time.Second, 9*time.Second), func() { dash.Publish(channels[0], Every(every), For(lasts)) })
		}
		d.dashes = append(d.dashes, dash)
		d.links = append(d.links, dash.link)
	}
	for _, ch := range channels {
		var via []*proxy
		if len(d.proxies) > 0 && d.IntN(3) == 0 {
			via = d.proxies[:1]
		}
		b := w.Backend("backend "+ch, via...)
		b.Publish(ch, Every(d.between(20*time.Millisecond, 700*time.Millisecond)), For(d.horizon), Size(d.IntN(2)*d.IntN(3000)))
		d.links = append(d.links, b.link)
	}
	for range 5 + d.IntN(20) {
		d.befall(d.between(time.Second, d.horizon))
	}
	for range d.IntN(6) {
		d.live(d.between(10*time.Second, d.horizon), channels[d.IntN(len(channels))])
	}
	w.At(d.horizon, d.heal)
	w.Run(d.horizon + time.Second)
}

// at does something at a time of the day, and tells.
func (d *day) at(when time.Duration, what string, do func()) {
	d.w.At(when, func() {
		d.w.note("FAULT %s", what)
		do()
	})
}

// live draws one thing that users do.
func (d *day) live(at time.Duration, ch string) {
	w := d.w
	dash := d.dashes[d.IntN(len(d.dashes))]
	until := min(at+d.between(time.Second, 30*time.Second), d.horizon)
	switch d.IntN(5) {
	case 0:
		n, size := 20+d.IntN(700), d.IntN(3000)
		d.at(at, fmt.Sprintf("a burst of %d messages on %s", n, ch), func() { w.Publish(ch, Times(n), Size(size)) })
	case 1:
		slow := d.between(10*time.Millisecond, time.Second)
		d.at(at, fmt.Sprintf("the callbacks of %s take %v", dash.name, slow), func() { dash.Slow(slow) })
		d.at(until, "they are fast again", func() { dash.Slow(0) })
	case 2:
		name, transport := fmt.Sprint("late page ", at), []string{WebSocket, SSE, Poll, Any}[d.IntN(4)]
		d.at(at, "another page on "+transport, func() {
			late := w.Client(name, transport)
			late.Subscribe(ch)
			d.dashes, d.links = append(d.dashes, late), append(d.links, late.link)
		})
	case 3:
		var sub *client.Subscription
		d.at(at, dash.name+" subscribes once more", func() { sub = dash.Subscribe(ch) })
		d.at(until, dash.name+" takes that subscription up after it closed it", func() {
			dash.Leave(sub)
			if sub != nil && !sub.Position().IsZero() {
				dash.Subscribe(ch, client.Since(sub.Position()))
			}
		})
	case 4:
		d.at(at, dash.name+" is closed", dash.Close)
	}
}

// befall draws one fault.
func (d *day) befall(at time.Duration) {
	w := d.w
	until := min(at+d.between(100*time.Millisecond, 50*time.Second), d.horizon)
	switch n := d.IntN(100); {
	case n < 60:
		d.befallLink(at, until, d.links[d.IntN(len(d.links))])
	case n < 75:
		d.befallBroker(at, until)
	case n < 80:
		d.at(at, "the node is killed", func() {
			if w.front() != nil {
				w.Kill()
			}
		})
		d.at(min(until, at+20*time.Second), "a node starts", func() {
			if w.front() == nil {
				w.Start()
			}
		})
	case n < 84:
		d.at(at, "a deploy", func() {
			if w.front() != nil {
				w.Deploy()
			}
		})
	case n < 87:
		node := w.nodes[0]
		d.at(at, "a node stands still", func() { w.Freeze(node) })
		d.at(until, "it goes on", func() { w.Thaw(node) })
	case n < 93 && len(d.proxies) > 0:
		d.befallProxy(at, until, d.proxies[d.IntN(len(d.proxies))])
	default:
		dash := d.dashes[d.IntN(len(d.dashes))]
		ladder := []string{WebSocket, SSE, Poll}
		d.Shuffle(len(ladder), func(i, k int) { ladder[i], ladder[k] = ladder[k], ladder[i] })
		d.at(at, dash.name+" wants another transport", func() { dash.Use(ladder...) })
	}
}

func (d *day) befallLink(at, until time.Duration, l *link) {
	heals := true
	n := 50 + d.IntN(5000)
	slow, jitter := d.between(0, 300*time.Millisecond), d.between(0, time.Second)
	what, do := "", func() {}
	switch d.IntN(13) {
	case 0, 1:
		what, do = "is cut", l.Cut
	case 2:
		what, do = "vanishes", l.Vanish
	case 3:
		what, do = "stalls", l.Stall
	case 4:
		what, do = "stalls downwards", l.StallDown
	case 5:
		what, do = "stalls upwards", l.StallUp
	case 6:
		what, do = fmt.Sprintf("delays by %v and up to %v", slow, jitter), func() { l.Delay(slow, jitter) }
	case 7:
		what, do = fmt.Sprintf("passes %d bytes per second", n), func() { l.Rate(n) }
	case 8:
		what, do, heals = "blinks", l.Blink, false
	case 9:
		what, do, heals = fmt.Sprintf("breaks %d bytes from now", n), func() { l.CutAfter(n) }, false
	case 10:
		what, do, heals = "roams", l.Roam, false
	case 11:
		what, do, heals = "is dead downwards", l.DeadDown, false
	case 12:
		what, do, heals = "is dead upwards", l.DeadUp, false
	}
	d.at(at, "the link of "+l.name+" "+what, do)
	if heals {
		d.at(until, "the link of "+l.name+" heals", l.Heal)
	}
}

func (d *day) befallBroker(at, until time.Duration) {
	g, percent := d.w.Broker, 1+d.IntN(60)
	switch d.IntN(9) {
	case 0:
		d.at(at, "the broker loses", func() { g.Lose(percent) })
	case 1:
		d.at(at, "the broker doubles", func() { g.Double(percent) })
	case 2:
		d.at(at, "the broker mixes", func() { g.Mix(percent) })
	case 3:
		d.at(at, "the broker interrupts", g.Interrupt)
		return
	case 4:
		d.at(at, "the broker is away", g.Down)
	case 5:
		slow := d.between(0, 7*time.Second)
		d.at(at, fmt.Sprintf("the broker takes %v", slow), func() { g.Slow(slow) })
	case 6:
		d.at(at, "the broker's answers are lost", func() { g.Mute(1 + percent/10); g.MuteMembers(1 + percent/10) })
		return
	case 7:
		d.at(at, "the broker loses its memory", g.Forget)
		return
	case 8:
		d.at(at, "an actor panics", func() { g.Poison("a") })
		return
	}
	d.at(until, "the broker is whole", g.Up)
}

func (d *day) befallProxy(at, until time.Duration, p *proxy) {
	switch d.IntN(3) {
	case 0:
		d.at(at, "a proxy restarts", p.Restart)
	case 1:
		status := []int{403, 502, 503, 504}[d.IntN(4)]
		d.at(at, fmt.Sprintf("a proxy answers %d", status), func() { p.Shows(status); p.Restart() })
		d.at(until, "a proxy is whole", p.Whole)
	case 2:
		path := []string{"/bus/poll", "/bus/send", "/api/publish"}[d.IntN(3)]
		n := 1 + d.IntN(5)
		d.at(at, fmt.Sprintf("a proxy loses %d answers to %s", n, path), func() { p.LoseAnswers(path, n) })
	}
}

// heal makes everything whole.
func (d *day) heal() {
	w := d.w
	w.note("everything heals")
	for _, dash := range d.dashes {
		dash.Slow(0)
	}
	w.Broker.Up()
	if w.front() == nil {
		w.Start()
	}
	for _, n := range w.nodes {
		w.Thaw(n)
	}
	for _, p := range d.proxies {
		p.Whole()
	}
	for _, l := range d.links {
		l.Heal()
	}
}
