package actors

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// player is a real client (core.Client) over links that break. It checks what reaches its callbacks.
type player struct {
	w       *world
	name    string
	rng     *rand.Rand
	client  *core.Client
	links   map[int]*wire
	last    int
	heard   map[*core.Subscription]uint64 // offset of the last message
	gaps    int
	retry   bool
	changes int // of the session
}

// wire is a link whose frames reach the client when the player says so.
type wire struct {
	link
	conn *Connection
	gen  uint64
	read int
	dead bool
}

func newPlayer(w *world, name string, rng *rand.Rand) *player {
	p := &player{w: w, name: name, rng: rng, links: map[int]*wire{}, heard: map[*core.Subscription]uint64{}}
	p.client = core.NewClient(p)
	return p
}

func (p *player) Send(n int, frames ...protocol.ClientFrame) {
	l := p.links[n]
	if l.dead {
		return
	}
	if frames[0].Type == protocol.TypeConnect {
		transport := []string{protocol.WebSocket, protocol.SSE}[p.rng.IntN(2)]
		conn, gen, err := p.w.bus.Open(context.Background(), protocol.Peer{Transport: transport}, &frames[0], &l.link)
		if err != nil {
			p.w.t.Fatalf("%s: open: %v", p.name, err)
		}
		l.conn, l.gen = conn, gen
		l.mu.Lock()
		l.out, l.link.gen = conn.Outbox(), gen
		l.mu.Unlock()
		l.Wake()
		return
	}
	if err := l.conn.Receive(l.gen, append([]protocol.ClientFrame{}, frames...)); err != nil {
		l.dead = true
	}
}

func (p *player) Message(s *core.Subscription, m *protocol.Message) {
	if m.Offset != p.heard[s]+1 {
		p.w.t.Fatalf("%s: %s: offset %d after %d", p.name, s.Channel, m.Offset, p.heard[s])
	}
	if want := fmt.Sprintf("%d", m.Offset); string(m.Data) != want {
		p.w.t.Fatalf("%s: %s: offset %d has data %s", p.name, s.Channel, m.Offset, m.Data)
	}
	p.heard[s] = m.Offset
}

func (p *player) Gap(s *core.Subscription, g core.Gap) {
	p.gaps++
	p.w.t.Errorf("%s: %s: gap %s from %d to %d", p.name, s.Channel, g.Reason, g.Last.Offset, g.From.Offset)
	p.heard[s] = g.From.Offset
}

func (p *player) Subscribed(s *core.Subscription, recovered bool) {
	if _, ok := p.heard[s]; !ok {
		p.heard[s] = s.Cursor().Offset
	}
}

func (p *player) Ended(s *core.Subscription, err *protocol.Error) {
	p.w.t.Fatalf("%s: %s ended: %v", p.name, s.Channel, err)
}
func (p *player) Answered(*core.Request, *protocol.ServerFrame, *protocol.Error) {}
func (p *player) Connected(_ int, resumed bool) {
	if !resumed {
		p.changes++
	}
}
func (p *player) Disconnected(n int, _ *protocol.ServerFrame)    { p.links[n].dead = true }
func (p *player) News(*core.Subscription, *protocol.ServerFrame) {}
func (p *player) Other(*protocol.ServerFrame)                    {}
func (p *player) Stuck(*core.Subscription)                       {}
func (p *player) RetryLater()                                    { p.retry = true }
func (p *player) AskLater(int)                                   {}

// open opens one more link.
func (p *player) open() {
	p.last++
	p.links[p.last] = &wire{}
	p.client.Open(p.last, "")
}

// pump hands the client at most n frames of each link.
func (p *player) pump(n int) {
	for i := 1; i <= p.last; i++ {
		l := p.links[i]
		l.mu.Lock()
		frames := l.frames[l.read:]
		frames = frames[:min(n, len(frames))]
		l.read += len(frames)
		ended, last := l.ended, l.last
		l.mu.Unlock()
		for _, e := range frames {
			p.take(i, e)
		}
		if ended && last != nil && !l.dead && len(frames) == 0 {
			l.dead = true
			p.take(i, last)
		}
	}
}

func (p *player) take(link int, e *protocol.Encoded) {
	list, err := protocol.DecodeServerFrames(e.JSON)
	if err != nil {
		p.w.t.Fatal(err)
	}
	for k := range list {
		p.client.Frame(link, &list[k])
	}
}

// cut loses a link, with all that it took and did not hand on.
func (p *player) cut(n int) {
	l := p.links[n]
	l.dead = true
	l.mu.Lock()
	l.read, l.ended = len(l.frames), true
	l.last = nil
	l.mu.Unlock()
	if l.conn != nil {
		l.conn.Lost(l.gen, "")
	}
	p.client.Lost(n)
}

// step does something at random.
func (p *player) step(channels []protocol.Channel) {
	switch n := p.rng.IntN(20); {
	case n < 2 && p.client.Link() != 0:
		p.cut(p.client.Link())
	case n < 4:
		p.open()
	case n < 6:
		ch := channels[p.rng.IntN(len(channels))]
		for _, s := range p.client.Subscriptions() {
			if s.Channel == ch {
				p.client.Unsubscribe(s)
				return
			}
		}
		p.client.Subscribe(ch, nil, protocol.Position{})
	case n < 7 && p.client.Link() != 0:
		l := p.links[p.client.Link()]
		l.stall(p.rng.IntN(2) == 0)
	case n < 8:
		p.client.Ping()
	default:
		p.pump(1 + p.rng.IntN(40))
	}
	if p.retry && p.rng.IntN(4) == 0 {
		p.retry = false
		p.client.Retry()
	}
}

// heal brings the client to rest.
func (p *player) heal() {
	for range 10 {
		if p.client.Link() == 0 || p.links[p.client.Link()].dead {
			p.open()
		}
		if n := p.client.Link(); n != 0 {
			p.links[n].stall(false)
		}
		p.w.pass(3 * time.Second)
		p.pump(1 << 20)
		if p.retry {
			p.retry = false
			p.client.Retry()
		}
		p.w.settle()
		p.pump(1 << 20)
	}
}

// Clients that come and go over links that break, beside channels whose actors fail and a broker that loses what it
// brings live, see every message once and in order, and no gap: history has it all.
func TestStories(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		if t.Failed() {
			t.Logf("the seed was %d", seed-1)
			return
		}
		play(t, seed)
	}
}

func play(t *testing.T, seed uint64) {
	f := &faulty{}
	quick := func(c *Config) { c.ChannelIdle, c.Park = 2*time.Second, 5*time.Second }
	inBubble(t, withFaults(f, quick), func(w *world) {
		rng := rand.New(rand.NewPCG(seed, 1))
		channels := []protocol.Channel{"a", "b", "c"}
		var players []*player
		for i := range 4 {
			players = append(players, newPlayer(w, fmt.Sprintf("seed %d, client %d", seed, i), rng))
		}
		var losing, failing atomic.Bool
		var mu sync.Mutex // guards dice: the broker is called from many goroutines
		dice := rand.New(rand.NewPCG(seed, 2))
		roll := func(n int) bool {
			mu.Lock()
			defer mu.Unlock()
			return dice.IntN(n) == 0
		}
		f.losing(func(m *protocol.Message) bool { return m != nil && losing.Load() && roll(5) })
		f.before(func(_ context.Context, call string) error {
			if call != "publish" && failing.Load() && roll(2) {
				return errDown
			}
			return nil
		})
		tops := map[protocol.Channel]int{}
		for range 400 {
			switch n := rng.IntN(40); {
			case n == 0:
				losing.Store(!losing.Load())
			case n == 1:
				failing.Store(!failing.Load())
			case n == 2:
				f.poison(channels[rng.IntN(3)])
			case n == 3:
				f.interrupt(channels[rng.IntN(3)])
			case n < 8:
				w.pass(time.Duration(rng.IntN(4000)) * time.Millisecond)
			case n < 10:
				w.settle()
			case n < 20:
				ch := channels[rng.IntN(3)]
				for range rng.IntN(10) {
					if tops[ch] < 900 { // so that history never expires
						tops[ch]++
						w.publish(ch, fmt.Sprint(tops[ch]))
					}
				}
			default:
				players[rng.IntN(len(players))].step(channels)
			}
		}
		losing.Store(false)
		failing.Store(false)
		for _, p := range players {
			p.heal()
			for _, s := range p.client.Subscriptions() {
				if !s.Live() || p.heard[s] != uint64(tops[s.Channel]) {
					t.Errorf("%s: %s: live %v, heard up to %d of %d", p.name, s.Channel, s.Live(), p.heard[s], tops[s.Channel])
				}
			}
		}
	})
}
