package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/actors"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/protocol"
	"tidings/sim/check"
)

// World is one bubble of virtual time: nodes over a broker, pages, backends and proxies. It begins with one node. All
// of it ends with the scenario, and what was recorded is judged.
type World struct {
	t         *testing.T
	seed      uint64
	began     time.Time
	Transport string // over which this run of the scenario goes
	Broker    *ground

	actors     actors.Config
	stream     core.StreamConfig
	background sync.WaitGroup
	book       book
	plan       []step
	settling   time.Duration
	plant      string       // see planted_test.go
	promise    check.Window // what history is said to keep; zero: what it keeps

	mu       sync.Mutex // guards all below
	nodes    []*node
	links    []*link
	proxies  []*proxy
	dashes   []*Dash
	backends []*Backend
	story    []string
	samples  []sample
	last     sample // before the clients said goodbye
	bad      []check.Violation
	stop     chan struct{}
}

type step struct {
	at time.Duration
	do func()
}

// sample is what the nodes held at one moment.
type sample struct {
	at            time.Duration
	linked        int
	parked        int
	clients       int // open, of the world
	channels      int
	slow          uint64
	failures      uint64
	resumes       uint64
	deadLetters   uint64
	pending       int
	subscriptions int
}

// settling is how long everything is left alone before the end is judged: two position checks, and the longest wait of
// a client. A day at random ends anywhere: a page may first try what its proxy swallows, twice 12 s, and a session that
// a repeated request opened is gone 68 s later.
const (
	settling     = time.Minute
	longSettling = 150 * time.Second
)

// play plays in a bubble and judges; setup may change what the world is made of.
func play(t *testing.T, seed uint64, transport string, setup func(*World), fn func(*World), judge func(*World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &World{t: t, seed: seed, began: time.Now(), settling: settling, Transport: transport, stream: core.DefaultStreamConfig(), stop: make(chan struct{})}
		if setup != nil {
			setup(w)
		}
		cfg := memory.DefaultConfig()
		cfg.Stream = func(protocol.Channel) core.StreamConfig { return w.stream }
		if w.plant == plantSameEpoch {
			cfg.Random = func() uint64 { return 1 }
		}
		w.Broker = newGround(w, cfg)
		w.Broker.plant = w.plant
		w.startNode()
		w.background.Go(w.watch)
		fn(w)
		w.end()
		judge(w)
		if t.Failed() {
			t.Logf("the story:\n%s", w.tell())
		}
	})
}

func (w *World) now() time.Duration { return time.Since(w.began) }

// note writes into the story.
func (w *World) note(format string, args ...any) {
	line := fmt.Sprintf("%9.3f  %s", w.now().Seconds(), fmt.Sprintf(format, args...))
	w.mu.Lock()
	w.story = append(w.story, line)
	w.mu.Unlock()
}

// tell gives the story, at most its last lines.
func (w *World) tell() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	const most = 250
	story := w.story
	if n := len(story) - most; n > 0 {
		story = append([]string{fmt.Sprintf("(%d lines before)", n)}, story[n:]...)
	}
	return strings.Join(story, "\n")
}

func (w *World) link(name string, to func() *listener) *link {
	l := newLink(name, to)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links = append(w.links, l)
	return l
}

func (w *World) allLinks() []*link {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.links)
}

// At does something at a time of the world, once Run gets there.
func (w *World) At(at time.Duration, do func()) { w.plan = append(w.plan, step{at, do}) }

// Each does something at an interval, n times, from the first interval on.
func (w *World) Each(every time.Duration, n int, do func()) {
	for i := range n {
		w.At(time.Duration(i+1)*every, do)
	}
}

// Run lets the world go on until a time since its beginning.
func (w *World) Run(until time.Duration) {
	slices.SortStableFunc(w.plan, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	for len(w.plan) > 0 && w.plan[0].at <= until {
		next := w.plan[0]
		w.plan = w.plan[1:]
		w.sleep(next.at)
		next.do()
	}
	w.sleep(until)
}

func (w *World) sleep(until time.Duration) {
	time.Sleep(until - w.now())
	synctest.Wait()
}

// watch takes a sample every second.
func (w *World) watch() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s := w.take()
			w.mu.Lock()
			w.samples = append(w.samples, s)
			w.mu.Unlock()
		case <-w.stop:
			return
		}
	}
}

func (w *World) take() sample {
	w.mu.Lock()
	nodes := slices.DeleteFunc(slices.Clone(w.nodes), func(n *node) bool { return n.gone })
	dashes := slices.Clone(w.dashes)
	w.mu.Unlock()
	s := sample{at: w.now()}
	for _, d := range dashes {
		d.mu.Lock()
		if !d.closed {
			s.clients++
		}
		d.mu.Unlock()
	}
	for _, n := range nodes {
		st := n.bus.Stats()
		for _, k := range st.Connections {
			s.linked += k
		}
		s.parked += st.Parked
		s.slow += st.SlowConsumers
		s.failures += st.ActorFailures
		for _, n := range st.Resumes {
			s.resumes += n
		}
		s.deadLetters += st.DeadLetters
		s.channels += st.Channels
		s.subscriptions += st.Subscriptions
		s.pending += st.PendingFrames + st.InFlight + st.PendingPublishes
	}
	return s
}

// end lets everything settle, closes what is open, and judges what must hold in every world.
func (w *World) end() {
	for _, b := range w.backends {
		gone := make(chan struct{})
		go func() { b.done.Wait(); close(gone) }()
		select {
		case <-gone:
		case <-time.After(time.Minute):
			w.t.Errorf("%s is still publishing", b.name)
		}
		b.close()
		<-gone
	}
	for _, d := range w.dashes {
		d.talk.Wait()
	}
	time.Sleep(w.settling)
	synctest.Wait()
	w.last = w.take()
	healthy := true
	if w.book.Tops == nil {
		w.book.Tops = map[string]protocol.Position{}
	}
	for _, d := range w.dashes {
		healthy = healthy && d.whole()
		d.finish()
		for _, l := range d.recorded() {
			w.book.Listeners = append(w.book.Listeners, l)
			w.book.Tops[l.Channel] = w.Broker.top(l.Channel)
		}
	}
	w.book.Window = check.Window{Messages: w.stream.MaxMessages, Bytes: w.stream.MaxBytes, Age: w.stream.MaxAge, Keys: w.stream.IdempotencyTTL}
	if w.promise != (check.Window{}) {
		w.book.Window = w.promise
	}
	w.bad = w.book.Check()
	for _, d := range w.dashes {
		d.Close()
	}
	virtual.Add(int64(w.now()))
	worlds.Add(1)
	time.Sleep(5 * time.Second)
	synctest.Wait()
	if s := w.take(); healthy && (s.linked > 0 || s.parked > 0 || s.subscriptions > 0 || s.pending > 0) {
		w.t.Errorf("after goodbye the server holds %+v", s)
	}
	close(w.stop)
	for _, p := range w.proxies {
		p.close()
	}
	for _, n := range w.nodes {
		n.stop()
	}
	w.background.Wait()
	w.Broker.close()
	for _, l := range w.links {
		l.Heal() // who waits to dial may go
		l.Blink()
	}
}

// gaps counts the gaps that a page was told.
func (d *Dash) gaps() int {
	n := 0
	for _, l := range d.recorded() {
		n += len(l.Gaps())
	}
	return n
}

// dash finds a page by name.
func (w *World) dash(name string) *Dash {
	for _, d := range w.dashes {
		if d.name == name {
			return d
		}
	}
	w.t.Fatalf("there is no page %q", name)
	return nil
}

// sent tells which messages of a channel were acknowledged, by position.
func (w *World) acked(channel string) map[protocol.Position]string {
	all := map[protocol.Position]string{}
	for _, a := range w.book.Acks {
		if a.Channel == channel {
			all[a.Position] = a.Data
		}
	}
	return all
}
