package scenario

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/protocol"
)

// The rows of docs/RELIABILITY.md, each as it can be played in memory.

func TestLinkFaults(t *testing.T)   { runAll(t, linkFaults) }
func TestChangeFaults(t *testing.T) { runAll(t, changeFaults) }
func TestProxyFaults(t *testing.T)  { runAll(t, proxyFaults) }
func TestServerFaults(t *testing.T) { runAll(t, serverFaults) }

// listening is a dashboard that hears a message each interval for as long, and what befalls it.
func listening(every, lasts time.Duration, befall func(w *World, dash *Dash)) func(*World) {
	return func(w *World) {
		dash := w.Client("dash", w.Transport)
		dash.Subscribe(arrivals)
		w.Publish(arrivals, Every(every), For(lasts))
		befall(w, dash)
		w.Run(lasts + time.Minute)
	}
}

var linkFaults = []Scenario{
	{
		Name: "F1 connections break in the middle of a frame, and the page goes on within a second or two",
		Play: listening(500*time.Millisecond, 3*time.Minute, func(w *World, dash *Dash) {
			for i := range 10 {
				w.At(time.Duration(12*(i+1))*time.Second, func() { dash.CutAfter(100 + 17*i) })
			}
		}),
		Want: []Check{GotAll("dash"), SameSession("dash"), OneConnection("dash"), FreshWithin("dash", 2*time.Second), DialsAtLeast("dash", 11)},
	},
	{
		Name: "F2 a page vanishes without a word: its connection is parked after 37.5 s, and gone 30 s later",
		Play: listening(time.Second, 3*time.Minute, func(w *World, dash *Dash) {
			w.At(10*time.Second, dash.Vanish)
			w.At(50*time.Second, func() {
				if s := w.take(); s.linked != 0 || s.parked != 1 {
					w.t.Errorf("40 s after it vanished: %+v", s)
				}
			})
			w.At(85*time.Second, func() {
				if s := w.take(); s.linked != 0 || s.parked != 0 || s.subscriptions != 0 {
					w.t.Errorf("75 s after it vanished: %+v", s)
				}
			})
			w.At(2*time.Minute, dash.Heal)
		}),
		Want: []Check{GotAll("dash"), OneConnection("dash")},
	},
	{
		Name: "F3 nothing comes down any more: the page's own watchdog finds it",
		Play: listening(time.Second, 3*time.Minute, func(w *World, dash *Dash) { w.At(20*time.Second, dash.DeadDown) }),
		Want: []Check{GotAll("dash"), SameSession("dash"), OneConnection("dash"), FreshWithin("dash", 47*time.Second)},
	},
	{
		Name: "F4 nothing goes up any more: what the page publishes is tried again, with one effect",
		Play: listening(time.Second, 3*time.Minute, func(w *World, dash *Dash) {
			dash.Publish(arrivals, Every(3*time.Second), For(2*time.Minute))
			w.At(20*time.Second, dash.DeadUp)
		}),
		Want: []Check{GotAll("dash"), SameSession("dash"), OneConnection("dash"), Answered("dash", 40)},
	},
	{
		Name: "F5 a network that takes 170 to 430 ms each way is slow, and nothing else",
		Play: listening(200*time.Millisecond, 2*time.Minute, func(w *World, dash *Dash) {
			dash.Delay(170*time.Millisecond, 260*time.Millisecond)
		}),
		Want: []Check{GotAll("dash"), Steady("dash"), OneConnection("dash")},
	},
	{
		Name: "F6 a network of 16 kbit/s that gets twice as much is cut, others are not held up, nothing is lost",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			w.Client("other", w.Transport).Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), Times(300), Size(4<<10))
			w.At(5*time.Second, func() { dash.Rate(2 << 10) })
			w.At(5*time.Minute, dash.Heal)
			w.Run(6 * time.Minute)
		},
		Want: []Check{GotAll("dash"), GotAll("other"), FreshWithin("other", 100*time.Millisecond), OneConnection("dash"), WasCut("dash")},
	},
	{
		Name: "F7 bytes arrive one at a time",
		Play: listening(time.Second, time.Minute, func(w *World, dash *Dash) { dash.Slice() }),
		Want: []Check{GotAll("dash"), Steady("dash"), OneConnection("dash")},
	},
	{
		Name: "F8 a page that stops to read is cut, costs a bounded outbox, and catches up",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			w.Client("other", w.Transport).Subscribe(arrivals)
			w.Publish(arrivals, Every(100*time.Millisecond), Times(400), Size(8<<10))
			w.At(5*time.Second, dash.StallDown)
			w.At(25*time.Second, func() {
				if s := w.take(); s.linked != 1 {
					w.t.Errorf("20 s after it stopped to read, it is still connected: %+v", s)
				}
			})
			w.At(40*time.Second, dash.Heal)
			w.Run(2 * time.Minute)
		},
		Want: []Check{GotAll("dash"), GotAll("other"), FreshWithin("other", 100*time.Millisecond), OneConnection("dash"), WasCut("dash")},
	},
	{
		Name: "F9 the client's address changes, and the old one says nothing",
		Play: listening(time.Second, 2*time.Minute, func(w *World, dash *Dash) { w.Each(20*time.Second, 5, dash.Roam) }),
		Want: []Check{GotAll("dash"), SameSession("dash"), OneConnection("dash"), FreshWithin("dash", 2*time.Second)},
	},
	{
		Name: "F10 long writes fall into a hole: the page tries on in proportion, and has everything once that is over",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(3*time.Minute), Size(4<<10))
			w.At(10*time.Second, func() { dash.Hole(1200) })
			w.At(2*time.Minute, dash.Heal)
			w.Run(5 * time.Minute)
		},
		Want: []Check{GotAll("dash"), OneConnection("dash"), DialsAtMost("dash", 100), WasCut("dash")},
	},
	{
		Name: "F11 a link flaps every 2 s for 5 min: the page does not hammer, and is back soon after",
		Play: listening(time.Second, 6*time.Minute, func(w *World, dash *Dash) { w.Each(2*time.Second, 150, dash.Blink) }),
		Want: []Check{GotAll("dash"), OneConnection("dash"), SameSession("dash"), DialsAtMost("dash", 300), FreshWithin("dash", 25*time.Second)},
	},
}

var changeFaults = []Scenario{
	{
		Name: "F12 a proxy swallows WebSockets: the page takes SSE within the proof's 3 s, and remembers",
		Over: []string{Any},
		Play: func(w *World) {
			p := w.Proxy(swallows)
			dash := w.Client("dash", Any, p)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(100*time.Millisecond), For(2*time.Minute))
			w.At(time.Minute, p.Restart)
			w.At(90*time.Second, p.Restart)
			w.Run(3 * time.Minute)
		},
		Want: []Check{GotAll("dash"), ConnectedWithin("dash", 4*time.Second), EndsOver("dash", SSE), FreshWithin("dash", time.Second), OneConnection("dash"), SameSession("dash")},
	},
	{
		Name: "F13 the transport changes a hundred times while 500 messages a second come",
		Over: []string{Any},
		Play: func(w *World) {
			dash := w.Client("dash", WebSocket)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(2*time.Millisecond), For(10*time.Second))
			for i := range 100 {
				w.At(time.Duration(i+1)*100*time.Millisecond, func() { dash.Use([]string{SSE, Poll, WebSocket}[i%3]) })
			}
			w.Run(30 * time.Second)
		},
		Want: []Check{GotAll("dash"), InOrder("dash"), NoneTwice("dash"), OneConnection("dash"), SameSession("dash")},
	},
	{
		Name: "F14 the transport that was left delivers 3 s late",
		Over: []string{Any},
		Play: func(w *World) {
			dash := w.Client("dash", WebSocket)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(50*time.Millisecond), For(time.Minute))
			for i, next := range []string{SSE, WebSocket, Poll, SSE, Poll, WebSocket} {
				at := time.Duration(i+1) * 8 * time.Second
				w.At(at, func() { dash.DelayOpen(3 * time.Second) })
				w.At(at+500*time.Millisecond, func() { dash.Use(next) })
			}
			w.Run(2 * time.Minute)
		},
		Want: []Check{GotAll("dash"), InOrder("dash"), NoneTwice("dash"), OneConnection("dash"), SameSession("dash")},
	},
	{
		Name: "F15 two tabs race to take up a session: exactly one wins, and the other hears superseded, for good",
		Over: []string{WebSocket},
		Play: func(w *World) {
			first := w.Tab("first", protocol.ClientFrame{Type: protocol.TypeConnect}, protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: 1, Channel: arrivals})
			w.Publish(arrivals, Every(100*time.Millisecond), Times(200))
			var tabs [2]*tab
			w.At(2*time.Second, func() {
				connected := first.first(protocol.TypeConnected)
				if connected == nil {
					w.t.Fatal("the first tab was not connected")
				}
				connect := protocol.ClientFrame{Type: protocol.TypeConnect, Session: connected.Session, Received: first.received(), Generation: connected.Generation}
				var race sync.WaitGroup
				for i := range tabs {
					race.Go(func() { tabs[i] = w.Tab(fmt.Sprint("tab ", i), connect) })
				}
				race.Wait()
			})
			w.Run(30 * time.Second)
			winner, loser := tabs[0], tabs[1]
			if !winner.open() {
				winner, loser = loser, winner
			}
			if !winner.open() || loser.open() || first.open() {
				w.t.Errorf("open: first %v, winner %v, loser %v", first.open(), winner.open(), loser.open())
			}
			for _, b := range []*tab{first, loser} {
				if d := b.first(protocol.TypeDisconnect); d == nil || d.Code != protocol.CodeSuperseded || d.Retry {
					w.t.Errorf("the loser was told %+v", d)
				}
			}
			got := append(first.offsets(), winner.offsets()...)
			for i, offset := range got {
				if offset != uint64(i+1) {
					w.t.Errorf("message %d has offset %d: %v", i, offset, got)
					break
				}
			}
			if len(got) != 200 {
				w.t.Errorf("first and winner got %d of 200 messages", len(got))
			}
			for _, b := range append(tabs[:], first) {
				b.close()
			}
			w.sleep(70 * time.Second) // nobody said goodbye: it is parked for 30 s
		},
	},
	{
		Name: "F16 answers to polls are lost after the server sent them",
		Over: []string{Poll},
		Play: func(w *World) {
			p := w.Proxy()
			dash := w.Client("dash", Poll, p)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(300*time.Millisecond), For(time.Minute))
			w.Each(5*time.Second, 10, func() { p.LoseAnswers("/bus/poll", 2) })
			w.Run(2 * time.Minute)
		},
		Want: []Check{GotAll("dash"), NoneTwice("dash"), SameSession("dash"), OneConnection("dash"), LostAnswers(20)},
	},
	{
		Name: "F17 answers to what a page sends are lost: each message is published once",
		Over: []string{SSE, Poll},
		Play: func(w *World) {
			p := w.Proxy()
			dash := w.Client("dash", w.Transport, p)
			dash.Subscribe(arrivals)
			dash.Publish(arrivals, Every(time.Second), For(time.Minute))
			w.Each(5*time.Second, 10, func() { p.LoseAnswers("/bus/send", 2) })
			w.Run(2 * time.Minute)
		},
		Want: []Check{GotAll("dash"), NoneTwice("dash"), Answered("dash", 60), SameSession("dash"), LostAnswers(20)},
	},
	{
		Name: "F18 two sends overtake each other: they are carried out in their order, and one without predecessor is refused after 5 s",
		Over: []string{Poll},
		Play: func(w *World) {
			_, answer := w.ask("/bus/poll", `[{"type":"connect"}]`)
			frames, _, err := protocol.DecodePollAnswer([]byte(answer))
			if err != nil || len(frames) == 0 || frames[0].Session == "" {
				w.t.Fatalf("connect: %s, %v", answer, err)
			}
			send := func(seq int, data string) (int, string) {
				return w.ask("/bus/send", fmt.Sprintf(`{"session":%q,"seq":%d,"frames":[{"type":"publish","id":%d,"channel":%q,"data":%q}]}`, frames[0].Session, seq, seq, arrivals, data))
			}
			var both sync.WaitGroup
			want := func(seq int, data string, status int, contains string) {
				both.Go(func() {
					if got, answer := send(seq, data); got != status || !strings.Contains(answer, contains) {
						w.t.Errorf("send %d: got %d %s, want %d %s", seq, got, answer, status, contains)
					}
				})
			}
			w.At(time.Second, func() { want(2, "second", 200, `"seq":2`) })
			w.At(3*time.Second, func() { want(1, "first", 200, `"seq":1`) })
			w.At(4*time.Second, func() { want(2, "second", 200, `"seq":2`) })
			w.At(5*time.Second, func() { want(4, "never", 409, "sequence_gap") })
			w.Run(9 * time.Second)
			if n := len(w.book.Numbered); n != 2 {
				w.t.Errorf("%d messages, want 2", n)
			}
			w.Run(20 * time.Second)
			both.Wait()
			var order []string
			for _, n := range w.book.Numbered {
				order = append(order, n.Data)
			}
			if !slices.Equal(order, []string{`"first"`, `"second"`}) {
				w.t.Errorf("published %v", order)
			}
			w.sleep(90 * time.Second)
		},
	},
}

var proxyFaults = []Scenario{
	{
		Name: "F22 a proxy restarts five times under ten dashboards, and all go on where they were",
		Play: func(w *World) {
			p := w.Proxy()
			for i := range 10 {
				w.Client(fmt.Sprint("dash ", i), w.Transport, p).Subscribe(arrivals)
			}
			w.Publish(arrivals, Every(200*time.Millisecond), For(2*time.Minute))
			w.Each(20*time.Second, 5, p.Restart)
			w.Run(3 * time.Minute)
		},
		Want: []Check{GotAll("dash 0"), GotAll("dash 9"), SameSession("dash 0"), SameSession("dash 7"), SameSession("dash 9"), OneConnection("dash 0"), FreshWithin("dash 5", 2*time.Second)},
	},
	{
		Name: "F23 a proxy that takes Upgrade away: the page takes SSE, and its user sees no error",
		Over: []string{Any},
		Play: func(w *World) {
			p := w.Proxy(strips)
			dash := w.Client("dash", Any, p)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(time.Minute))
			w.Run(2 * time.Minute)
		},
		Want: []Check{GotAll("dash"), EndsOver("dash", SSE), ConnectedWithin("dash", time.Second), OneConnection("dash"), Steady("dash")},
	},
	{
		Name: "F24 a proxy answers 403, 502, 503 and 504 in HTML for 20 s each: the page comes back, and takes none of it for data",
		Play: func(w *World) {
			p := w.Proxy()
			dash := w.Client("dash", w.Transport, p)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(4*time.Minute))
			for i, status := range []int{403, 502, 503, 504} {
				at := time.Duration(i+1) * 45 * time.Second
				w.At(at, func() { p.Shows(status); p.Restart() })
				w.At(at+20*time.Second, p.Whole)
			}
			w.Run(5 * time.Minute)
		},
		Want: []Check{GotAll("dash"), OneConnection("dash"), SameSession("dash"), DialsAtMost("dash", 200)},
	},
	{
		Name: "F25 a proxy that caches GET gives nobody an old answer, nor another's",
		Over: []string{Poll},
		Play: func(w *World) {
			p := w.Proxy()
			get := func(query string) string {
				web := &http.Transport{DialContext: w.link("curl", p.listener).dial}
				defer web.CloseIdleConnections()
				r, _ := http.NewRequest("GET", "http://bus.test/bus"+query, nil)
				resp, err := web.RoundTrip(r)
				if err != nil {
					w.t.Error(err)
					return ""
				}
				defer resp.Body.Close()
				b, _ := io.ReadAll(resp.Body)
				return string(b)
			}
			var seen [3]string
			var all sync.WaitGroup
			for i := range seen {
				w.At(time.Duration(10*i+3)*time.Second, func() { w.Publish(arrivals, Times(1)) })
				w.At(time.Duration(10*i+1)*time.Second, func() { all.Go(func() { seen[i] = get("/poll?channel=" + arrivals) }) })
			}
			w.At(40*time.Second, func() { get(""); get("") })
			w.Run(time.Minute)
			all.Wait()
			for i, answer := range seen {
				if !strings.Contains(answer, fmt.Sprintf(`"offset":%d,`, i+1)) {
					w.t.Errorf("poll %d: %s", i, answer)
				}
			}
			if p.seen["/bus/poll"] != 3 || p.seen["/bus"] != 2 || p.keepable != 0 {
				w.t.Errorf("the proxy saw %v and may keep %d answers", p.seen, p.keepable)
			}
		},
	},
	{
		Name: "F26 a proxy sends each POST twice: one effect",
		Play: func(w *World) {
			p := w.Proxy(repeats...)
			dash := w.Client("dash", w.Transport, p)
			dash.Subscribe(arrivals)
			dash.Publish(arrivals, Every(time.Second), For(30*time.Second))
			w.Backend("backend", p).Publish(arrivals, Every(time.Second), For(30*time.Second))
			w.Run(2 * time.Minute)
		},
		Want: []Check{GotAll("dash"), NoneTwice("dash"), Answered("dash", 30), AllAcked()},
	},
	{
		Name: "F27 no answer to a poll is longer than 256 KiB, however much there is",
		Over: []string{Poll},
		Play: func(w *World) {
			p := w.Proxy()
			dash := w.Client("dash", Poll, p)
			dash.Subscribe(arrivals)
			w.Publish(arrivals, Every(50*time.Millisecond), Times(700), Size(4<<10))
			w.At(2*time.Second, dash.Cut)
			w.At(40*time.Second, dash.Heal)
			w.Run(2 * time.Minute)
			p.mu.Lock()
			defer p.mu.Unlock()
			if n := p.largest["/bus/poll"]; n > protocol.RecoveryPageBytes+1024 || n < protocol.RecoveryPageBytes/2 {
				w.t.Errorf("the longest answer has %d bytes", n)
			}
		},
		Want: []Check{GotAll("dash"), OneConnection("dash")},
	},
}

var serverFaults = []Scenario{
	{
		Name: "F29 a node is killed, another takes over 5 s later from the same broker: nothing is missed",
		Play: listening(200*time.Millisecond, 2*time.Minute, func(w *World, dash *Dash) {
			w.At(20*time.Second, w.Kill)
			w.At(25*time.Second, w.Start)
			w.At(time.Minute, w.Kill)
			w.At(65*time.Second, w.Start)
		}),
		Want: []Check{GotAll("dash"), OneConnection("dash"), AllAcked()},
	},
	{
		Name: "F29 a node is killed and its memory with it: one gap",
		Play: listening(200*time.Millisecond, 2*time.Minute, func(w *World, dash *Dash) { w.At(20*time.Second, w.Restart) }),
		Want: []Check{Gaps("dash", 1), OneConnection("dash"), AllAcked()},
	},
	{
		Name: "F30 a node drains under load: every publish is answered, nothing is missed, and it ends within its window",
		Play: func(w *World) {
			for i := range 10 {
				w.Client(fmt.Sprint("dash ", i), w.Transport).Subscribe(arrivals)
			}
			for range 3 {
				w.Publish(arrivals, Every(100*time.Millisecond), For(40*time.Second))
			}
			w.At(20*time.Second, w.Deploy)
			w.At(52*time.Second, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				if !w.nodes[0].gone {
					w.t.Error("the old node is still there 32 s later")
				}
			})
			w.Run(90 * time.Second)
		},
		Want: []Check{GotAll("dash 0"), GotAll("dash 9"), AllAcked(), OneConnection("dash 0")},
	},
	{
		Name: "F30 a node drains while its publishers never rest: its pages and its publishers find the new one at once",
		Play: func(w *World) {
			for i := range 5 {
				w.Client(fmt.Sprint("dash ", i), w.Transport).Subscribe(arrivals)
			}
			w.Broker.Slow(250 * time.Millisecond)
			for i := range 8 {
				w.sleep(time.Duration(i) * 37 * time.Millisecond)
				w.Publish(arrivals, Every(300*time.Millisecond), For(40*time.Second))
			}
			w.At(20*time.Second, w.Deploy)
			w.At(30*time.Second, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				if !w.nodes[0].gone {
					w.t.Error("the old node is still there 10 s later")
				}
			})
			w.Run(90 * time.Second)
		},
		Want: []Check{GotAll("dash 0"), GotAll("dash 4"), AllAcked(), OneConnection("dash 0"), FreshWithin("dash 1", 10*time.Second), FreshWithin("dash 2", 10*time.Second)},
	},
	{
		Name: "F31 a node stands still for 10 s",
		Play: listening(200*time.Millisecond, time.Minute, func(w *World, dash *Dash) {
			w.At(20*time.Second, func() { w.Freeze(w.nodes[0]) })
			w.At(30*time.Second, func() { w.Thaw(w.nodes[0]) })
		}),
		Want: []Check{GotAll("dash"), OneConnection("dash"), AllAcked()},
	},
	{
		Name: "F31 a node stands still for 60 s: its clients move to another one, and what it sends afterwards harms nobody",
		Play: listening(200*time.Millisecond, 2*time.Minute, func(w *World, dash *Dash) {
			w.At(20*time.Second, func() { w.Freeze(w.nodes[0]); w.Start() })
			w.At(80*time.Second, func() { w.Thaw(w.nodes[0]) })
		}),
		Want: []Check{GotAll("dash"), InOrder("dash"), NoneTwice("dash"), AllAcked()},
	},
	{
		Name: "F32 the channel's actor panics 30 times in 10 s, and is there again each time",
		Play: listening(200*time.Millisecond, time.Minute, func(w *World, dash *Dash) {
			for i := range 30 {
				w.At(10*time.Second+time.Duration(i)*333*time.Millisecond, func() { w.Broker.Poison(arrivals) })
			}
		}),
		Want: []Check{GotAll("dash"), Steady("dash"), OneConnection("dash"), That("they were counted", func(w *World) string {
			if w.last.failures < 30 {
				return fmt.Sprintf("%d failures", w.last.failures)
			}
			return ""
		})},
	},
	{
		Name: "F52 an answer is lost and the publish is repeated at another node: one message, one position",
		Play: func(w *World) {
			w.Client("dash", w.Transport).Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), For(time.Minute))
			w.At(20500*time.Millisecond, func() { w.Broker.Mute(3) })
			w.At(21100*time.Millisecond, func() { w.Kill(); w.Start() })
			w.Run(90 * time.Second)
		},
		Want: []Check{GotAll("dash"), AllAcked(), That("it was repeated", func(w *World) string {
			if b := w.backends[0]; b.tries < b.sent+3 {
				return fmt.Sprintf("%d tries of %d publishes", b.tries, b.sent)
			}
			return ""
		})},
	},
	{
		Name: "F53 fifty parallel requests with one key: one message, fifty equal answers",
		Play: func(w *World) {
			w.Client("dash", w.Transport).Subscribe(arrivals)
			var all sync.WaitGroup
			answers := make([]string, 50)
			w.At(time.Second, func() {
				for i := range answers {
					all.Go(func() {
						_, answer := w.ask("/api/publish", fmt.Sprintf(`{"channel":%q,"data":"once","idempotencyKey":"k"}`, arrivals))
						var p struct {
							Epoch, Tag, ID string
							Offset         uint64
						}
						if err := json.Unmarshal([]byte(answer), &p); err != nil || p.Offset != 1 {
							w.t.Errorf("answer %d: %s", i, answer)
						}
						answers[i] = fmt.Sprint(p)
					})
				}
				all.Wait()
			})
			w.Run(10 * time.Second)
			if n := len(slices.Compact(answers)); n != 1 || len(w.book.Numbered) != 1 {
				w.t.Errorf("%d different answers, %d messages", n, len(w.book.Numbered))
			}
		},
		Want: []Check{NoneTwice("dash"), That("it came", func(w *World) string {
			if got := w.dash("dash").recorded()[0].Got(); len(got) != 1 {
				return fmt.Sprint(got)
			}
			return ""
		})},
	},
	{
		Name:  "F54 one channel is overloaded tenfold: its publishers are told to wait, other channels are not held up",
		Setup: func(w *World) { w.actors.MaxPendingPublishes = 20 },
		Play: func(w *World) {
			w.Client("dash", w.Transport).Subscribe(arrivals)
			w.Client("busy", w.Transport).Subscribe("busy")
			w.Publish(arrivals, Every(time.Second), For(time.Minute))
			w.At(10*time.Second, func() {
				w.Broker.Slow(100 * time.Millisecond)
				flood := w.Backend("flood")
				for range 200 {
					flood.Publish("busy", Times(3))
				}
			})
			w.At(50*time.Second, w.Broker.Up)
			w.Run(90 * time.Second)
		},
		Want: []Check{GotAll("dash"), GotAll("busy"), AllAcked(), FreshWithin("dash", time.Second), That("they were told", func(w *World) string {
			for _, b := range w.backends {
				if b.name == "flood" && b.refused[protocol.CodeOverloaded]+b.refused[protocol.CodeRateLimited] > 0 {
					return ""
				}
			}
			return "nobody was refused"
		}), That("others publish on", func(w *World) string {
			if d := w.backends[0].slowest; d > 5*time.Second {
				return fmt.Sprintf("the other channel's publisher waited %v", d)
			}
			return ""
		})},
	},
	{
		Name: "F60 a callback that runs for 5 s delays its own page alone, and misses nothing",
		Play: func(w *World) {
			dash := w.Client("dash", w.Transport)
			dash.Subscribe(arrivals)
			dash.Slow(5 * time.Second)
			w.Client("other", w.Transport).Subscribe(arrivals)
			w.Publish(arrivals, Every(time.Second), Times(40))
			w.Run(4 * time.Minute)
		},
		Want: []Check{GotAll("dash"), GotAll("other"), FreshWithin("other", 100*time.Millisecond), Steady("dash"), OneConnection("dash")},
	},
	{
		Name: "the broker is away for 30 s: publishes wait, subscribers stay, nothing is missed",
		Play: listening(500*time.Millisecond, 2*time.Minute, func(w *World, dash *Dash) {
			w.At(20*time.Second, w.Broker.Down)
			w.At(50*time.Second, w.Broker.Up)
		}),
		Want: []Check{GotAll("dash"), AllAcked(), Steady("dash"), OneConnection("dash")},
	},
	{
		Name: "the broker loses, doubles and mixes live messages",
		Play: listening(100*time.Millisecond, 2*time.Minute, func(w *World, dash *Dash) {
			w.At(10*time.Second, func() { w.Broker.Lose(20); w.Broker.Double(20); w.Broker.Mix(20) })
			w.Each(15*time.Second, 6, w.Broker.Interrupt)
			w.At(110*time.Second, w.Broker.Up)
		}),
		Want: []Check{GotAll("dash"), InOrder("dash"), NoneTwice("dash"), Steady("dash")},
	},
	{
		Name: "the broker restarts with its memory lost while the nodes stay: one gap, and the clients stay",
		Play: listening(500*time.Millisecond, 2*time.Minute, func(w *World, dash *Dash) { w.At(20*time.Second, w.Broker.Forget) }),
		Want: []Check{Gaps("dash", 1), Steady("dash"), AllAcked(), OneConnection("dash")},
	},
}
