package scenario

import (
	"fmt"
	"testing"
	"time"

	"tidings/client"
)

const arrivals = "visitor/arrival"

func TestStories(t *testing.T) { runAll(t, stories) }

// away is a dashboard that loses its network for a while, as one in a lift does.
func away(d time.Duration) func(*World) {
	return func(w *World) {
		dash := w.Client("dash", w.Transport)
		dash.Subscribe(arrivals)
		w.Publish(arrivals, Every(time.Second), For(d+time.Minute))
		w.At(10*time.Second, dash.Cut)
		w.At(10*time.Second+d, dash.Heal)
		w.Run(d + 2*time.Minute)
	}
}

var stories = []Scenario{
	{
		Name: "a dashboard that loses its network for 5 s goes on where it was",
		Play: away(5 * time.Second),
		Want: []Check{GotAll("dash"), InOrder("dash"), NoneTwice("dash"), OneConnection("dash"), SameSession("dash")},
	},
	{
		Name: "a dashboard that loses its network for 40 s misses nothing",
		Play: away(40 * time.Second),
		Want: []Check{GotAll("dash"), InOrder("dash"), NoneTwice("dash"), OneConnection("dash")},
	},
	{
		Name: "a dashboard that loses its network for 60 s misses nothing",
		Play: away(time.Minute),
		Want: []Check{GotAll("dash"), InOrder("dash"), NoneTwice("dash"), OneConnection("dash")},
	},
	{
		Name: "a dashboard whose network goes dead without a word for 60 s misses nothing",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(2*time.Minute))
			w.At(10*time.Second, dash.Vanish)
			w.At(70*time.Second, dash.Heal)
			w.Run(3 * time.Minute)
		},
		Want: []Check{GotAll("dash"), OneConnection("dash")},
	},
	{
		Name: "a laptop that sleeps for 2 h is told of one gap, and goes on",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(10*time.Second), For(2*time.Hour+5*time.Minute))
			w.At(time.Minute, dash.Sleep)
			w.At(time.Minute+2*time.Hour, dash.Wake)
			w.Run(2*time.Hour + 6*time.Minute)
		},
		Want: []Check{Gaps("dash", 1), InOrder("dash"), NoneTwice("dash"), OneConnection("dash")},
	},
	{
		Name: "a laptop that sleeps for 2 h while nothing happens is told of no gap",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Times(5))
			w.At(time.Minute, dash.Sleep)
			w.At(time.Minute+2*time.Hour, dash.Wake)
			w.At(2*time.Hour+5*time.Minute, func() { w.Publish(arrivals, Times(5)) })
			w.Run(2*time.Hour + 6*time.Minute)
		},
		Want: []Check{GotAll("dash"), OneConnection("dash")},
	},
	{
		Name: "a page behind a proxy that swallows WebSockets takes SSE",
		Over: []string{Any},
		Play: func(w *World) {
			p := w.Proxy(swallows)
			dash := w.Client("dash", Any, p)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(2*time.Minute))
			w.Run(3 * time.Minute)
		},
		Want: []Check{GotAll("dash"), EndsOver("dash", SSE), ConnectedWithin("dash", 5*time.Second), OneConnection("dash"), SameSession("dash")},
	},
	{
		Name: "a page behind a proxy that swallows WebSockets and buffers SSE polls",
		Over: []string{Any},
		Play: func(w *World) {
			p := w.Proxy(swallows, buffers)
			dash := w.Client("dash", Any, p)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(2*time.Minute))
			w.Run(3 * time.Minute)
		},
		Want: []Check{GotAll("dash"), EndsOver("dash", Poll), ConnectedWithin("dash", 8*time.Second), OneConnection("dash")},
	},
	{
		Name: "a page that only polling works for is back within seconds of an outage of 30 s",
		Over: []string{Any},
		Play: func(w *World) {
			p := w.Proxy(swallows, buffers)
			dash := w.Client("dash", Any, p)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(3*time.Minute))
			w.At(time.Minute, dash.Cut)
			w.At(90*time.Second, dash.Heal)
			w.Run(4 * time.Minute)
		},
		Want: []Check{GotAll("dash"), EndsOver("dash", Poll), OneConnection("dash"), FreshWithin("dash", 45*time.Second)},
	},
	{
		Name: "a page behind a proxy that cuts what is idle for 30 s stays connected",
		Play: func(w *World) {
			p := w.Proxy()
			dash := w.Client("dash", w.Transport, p)
			p.CutIdle(30 * time.Second)
			dash.Subscribe(arrivals)
			w.At(10*time.Minute, func() { w.Publish(arrivals, Times(10)) })
			w.Run(11 * time.Minute)
		},
		Want: []Check{GotAll("dash"), Steady("dash"), OneConnection("dash")},
	},
	{
		Name: "a phone that switches networks ten times misses nothing",
		Play: func(w *World) {
			phone := w.Client("phone", w.Transport)
			phone.Subscribe(arrivals)
			w.Publish(arrivals, Every(500*time.Millisecond), For(3*time.Minute))
			w.Each(15*time.Second, 10, phone.Roam)
			w.Run(200 * time.Second)
		},
		Want: []Check{GotAll("phone"), InOrder("phone"), NoneTwice("phone"), OneConnection("phone"), SameSession("phone"), FreshWithin("phone", 2*time.Second)},
	},
	{
		Name: "a publisher whose answers are lost tries again, and each message is there once",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			p := w.Proxy()
			b := w.Backend("backend", p)
			b.Publish(arrivals, Every(time.Second), For(time.Minute))
			w.At(10500*time.Millisecond, func() { p.LoseAnswers("/api/publish", 10) })
			w.Run(2 * time.Minute)
		},
		Want: []Check{GotAll("dash"), NoneTwice("dash"), AllAcked(), LostAnswers(10)},
	},
	{
		Name: "a hundred dashboards come back at once after a restart that lost the memory, with one gap each",
		Play: func(w *World) {
			for i := range 100 {
				w.Client(fmt.Sprint("dash ", i), w.Transport).Subscribe(arrivals)
			}
			w.Publish(arrivals, Every(time.Second), For(time.Minute))
			w.At(20500*time.Millisecond, w.Restart)
			w.Run(2 * time.Minute)
		},
		Want: []Check{OneConnection("dash 0"), That("one gap each", func(w *World) string {
			for _, d := range w.dashes {
				if n := d.gaps(); n != 1 {
					return fmt.Sprintf("%s was told of %d", d.name, n)
				}
			}
			return ""
		})},
	},
	{
		Name: "a slow reader among fast ones delays nobody, and gets everything",
		Play: func(w *World) {
			slow := w.Client("slow", w.Transport)
			slow.Subscribe(arrivals)
			slow.Slow(200 * time.Millisecond)
			for i := range 5 {
				w.Client(fmt.Sprint("fast ", i), w.Transport).Subscribe(arrivals)
			}
			w.Publish(arrivals, Every(50*time.Millisecond), For(40*time.Second))
			w.Run(4 * time.Minute)
		},
		Want: []Check{GotAll("slow"), GotAll("fast 0"), GotAll("fast 4"), FreshWithin("fast 0", 100*time.Millisecond), OneConnection("slow")},
	},
	{
		Name: "a deploy: the old server sends its clients away, the new one takes over, nothing is missed",
		Play: func(w *World) {
			for i := range 10 {
				w.Client(fmt.Sprint("dash ", i), w.Transport).Subscribe(arrivals)
			}
			w.Publish(arrivals, Every(200*time.Millisecond), For(time.Minute))
			w.At(20*time.Second, w.Deploy)
			w.Run(2 * time.Minute)
		},
		Want: []Check{GotAll("dash 0"), GotAll("dash 9"), OneConnection("dash 0"), AllAcked(), FreshWithin("dash 3", 12*time.Second)},
	},
	{
		Name: "goodbye leaves nothing parked",
		Play: func(w *World) {
			dash, other := w.Client("dash", w.Transport), w.Client("other", w.Transport)
			dash.Subscribe(arrivals)
			other.Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(30*time.Second))
			w.At(20*time.Second, dash.Close)
			w.At(22*time.Second, func() {
				if s := w.take(); s.linked != 1 || s.parked != 0 || s.subscriptions != 1 {
					w.t.Errorf("2 s after goodbye: %+v", s)
				}
			})
			w.Run(time.Minute)
		},
		Want: []Check{GotAll("other")},
	},
	{
		Name: "a burst whose last message is lost on its way from the broker arrives within two position checks",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Times(20))
			w.At(time.Second, func() { w.Broker.Lose(100) })
			w.At(2*time.Second, func() { w.Publish(arrivals, Times(20)) })
			w.At(3*time.Second, w.Broker.Up)
			w.Run(time.Minute)
		},
		Want: []Check{GotAll("dash"), FreshWithin("dash", 25*time.Second), Steady("dash")},
	},
	{
		Name: "a channel that nobody used for an hour works again",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			sub := dash.Subscribe(arrivals)
			w.Publish(arrivals, Times(10))
			w.At(time.Minute, func() { dash.Leave(sub) })
			w.At(time.Hour, func() {
				if s := w.take(); s.channels != 0 {
					w.t.Errorf("%d channels are held an hour later", s.channels)
				}
				w.Client("late", w.Transport).Subscribe(arrivals)
			})
			w.At(time.Hour+time.Second, func() { w.Publish(arrivals, Times(10)) })
			w.Run(time.Hour + time.Minute)
		},
		Want: []Check{GotAll("late"), OneConnection("late")},
	},
	{
		Name: "a page with nothing to hear stays connected for a day",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			w.At(24*time.Hour, func() { w.Publish(arrivals, Times(3)) })
			w.Run(24*time.Hour + time.Minute)
		},
		Want: []Check{GotAll("dash"), OneConnection("dash"), SameSession("dash")},
	},
	{
		Name:  "a second part of a page joins at an older position while the page, back after too long, waits for its answer: one gap each",
		Setup: func(w *World) { w.stream.MaxAge = 10 * time.Second },
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			sub := dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(2*time.Minute))
			w.At(10*time.Second, dash.Cut)
			w.At(time.Minute, func() { w.Broker.Slow(4 * time.Second); dash.Heal() })
			for i := range 300 {
				w.At(time.Minute+time.Duration(i)*100*time.Millisecond, func() {
					if dash.client.Status().State == client.Connected && len(dash.recorded()) == 1 {
						dash.Subscribe(arrivals, client.Since(sub.Position()))
					}
				})
			}
			w.At(95*time.Second, w.Broker.Up)
			w.Run(3 * time.Minute)
		},
		Want: []Check{Gaps("dash", 1), OneConnection("dash")},
	},
	{
		Name: "a page moves from transport to transport while it listens",
		Over: []string{Any},
		Play: func(w *World) {
			dash := w.Client("dash", WebSocket)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(20*time.Millisecond), For(time.Minute))
			for i, transport := range []string{SSE, Poll, WebSocket, Poll, SSE, WebSocket} {
				w.At(time.Duration(i+1)*7*time.Second, func() { dash.Use(transport) })
			}
			w.Run(2 * time.Minute)
		},
		Want: []Check{GotAll("dash"), OneConnection("dash"), SameSession("dash"), FreshWithin("dash", time.Second), EndsOver("dash", WebSocket)},
	},
}
