package scenario

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"tidings/broker"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/protocol"
	"tidings/sim/check"
)

// ground is the broker of a world: the memory broker, shared by the nodes as one across the network would be, that can
// fail in all ways that its interface allows, and that writes down what it numbered.
type ground struct {
	w *World

	mu      sync.Mutex // guards all below; taken before the memory broker's locks, and never with a sink called
	mem     *memory.Broker
	config  memory.Config
	life    int
	crowd   *crowd
	feeds   map[*feed]bool
	dice    *rand.Rand
	down    bool
	slow    time.Duration
	mute    int    // answers to publishes that will be lost
	unheard int    // answers to what is said of members that will be lost
	plant   string // a promise that is broken on purpose, see planted_test.go
	// Chances in 100 that a live message is lost, comes twice, or comes after the next one.
	lose, double, mix int
}

func newGround(w *World, cfg memory.Config) *ground {
	g := &ground{w: w, mem: memory.New(cfg), config: cfg, feeds: map[*feed]bool{}, dice: rand.New(rand.NewPCG(w.seed, 7))}
	g.crowd = newCrowd(g)
	return g
}

// Change sets faults.
func (g *ground) Change(fn func(*ground)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fn(g)
}

// Down lets every call fail; Up ends that, and all other faults.
func (g *ground) Down() { g.Change(func(g *ground) { g.down = true }) }
func (g *ground) Up() {
	g.Change(func(g *ground) { g.down, g.slow, g.mute, g.unheard, g.lose, g.double, g.mix = false, 0, 0, 0, 0, 0, 0 })
}

// Slow lets every call take d.
func (g *ground) Slow(d time.Duration) { g.Change(func(g *ground) { g.slow = d }) }

// Mute loses the answers to the next n publishes, which happen.
func (g *ground) Mute(n int) { g.Change(func(g *ground) { g.mute = n }) }

// MuteMembers loses the answers to the next n changes of members that are said, which happen.
func (g *ground) MuteMembers(n int) { g.Change(func(g *ground) { g.unheard = n }) }

// Lose, Double and Mix do that to so many in 100 of the live messages.
func (g *ground) Lose(percent int)   { g.Change(func(g *ground) { g.lose = percent }) }
func (g *ground) Double(percent int) { g.Change(func(g *ground) { g.double = percent }) }
func (g *ground) Mix(percent int)    { g.Change(func(g *ground) { g.mix = percent }) }

// Interrupt tells every node that messages may be missing.
func (g *ground) Interrupt() {
	for _, f := range g.all() {
		f.interrupt()
	}
}

// Poison brings every node a message of ch at which an actor must fail.
func (g *ground) Poison(ch string) {
	for _, f := range g.all() {
		if string(f.channel) == ch {
			f.deliver(nil)
		}
	}
}

func (g *ground) all() []*feed {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []*feed
	for f := range g.feeds {
		all = append(all, f)
	}
	return all
}

// Forget is a restart of the broker with its memory lost. Its nodes are connected again at once, and told.
func (g *ground) Forget() {
	g.mu.Lock()
	old := g.mem
	g.mem = memory.New(g.config)
	g.life++
	for f := range g.feeds {
		f.stop()
		f.connect()
	}
	g.crowd.restate()
	quiet := g.plant == plantSameEpoch
	g.mu.Unlock()
	old.Close()
	if !quiet {
		g.Interrupt()
	}
}

func (g *ground) close() {
	g.mu.Lock()
	mem := g.mem
	g.mu.Unlock()
	mem.Close()
}

// top asks where a channel is.
func (g *ground) top(ch string) protocol.Position {
	g.mu.Lock()
	mem := g.mem
	g.mu.Unlock()
	page, err := mem.History(context.Background(), protocol.Channel(ch), protocol.Position{}, 0)
	if err != nil {
		g.w.t.Errorf("the top of %s: %v", ch, err)
	}
	return page.Top
}

// before waits and fails as the faults say. The call may go on where it answers nil.
func (g *ground) before(ctx context.Context) (*memory.Broker, error) {
	g.mu.Lock()
	slow := g.slow
	g.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return nil, &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker does not answer", Hint: "Try again."}
	}
	return g.mem, nil
}

// view is what one node sees of the ground.
type view struct{ *ground }

var (
	_ broker.Broker  = (*view)(nil)
	_ broker.Cluster = (*view)(nil)
)

// Enter, Leave and Nodes make the broker one of several nodes. No node asks who the others are.
func (v *view) Enter(context.Context, broker.Node, time.Duration) error { return nil }
func (v *view) Leave(context.Context) error                             { return nil }
func (v *view) Nodes(context.Context) ([]broker.Node, error)            { return nil, nil }

func (v *view) Publish(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
	if _, err := v.before(ctx); err != nil {
		return broker.Receipt{}, err
	}
	v.mu.Lock()
	mem, life := v.mem, v.life
	mute := v.mute > 0
	if mute {
		v.mute--
	}
	now := v.w.now()
	asked := p
	switch v.plant {
	case plantNoKeys:
		asked.IdempotencyKey = ""
	case plantLostWrite:
		if life == 0 && v.dice.IntN(10) == 0 {
			v.mu.Unlock()
			return broker.Receipt{Position: protocol.Position{Epoch: "lie", Offset: 1, Tag: "lie"}, ID: "lie"}, nil
		}
	}
	receipt, err := mem.Publish(ctx, asked)
	if err == nil && !receipt.Duplicate && !p.Volatile {
		v.w.book.number(life, now, p, receipt)
	}
	v.mu.Unlock()
	if mute && err == nil {
		return broker.Receipt{}, &protocol.Error{Code: protocol.CodeTimeout, Reason: "the broker did not answer in time", Hint: "Try again with the same key."}
	}
	return receipt, err
}

func (v *view) History(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
	mem, err := v.before(ctx)
	if err != nil {
		return core.Page{}, err
	}
	return mem.History(ctx, ch, after, limit)
}

func (v *view) Last(ctx context.Context, ch protocol.Channel, limit int) (core.Page, error) {
	mem, err := v.before(ctx)
	if err != nil {
		return core.Page{}, err
	}
	return mem.Last(ctx, ch, limit)
}

func (v *view) Subscribe(ctx context.Context, ch protocol.Channel, sink broker.Sink) (func(), error) {
	if _, err := v.before(ctx); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	f := &feed{ground: v.ground, channel: ch, sink: sink}
	v.feeds[f] = true
	f.connect()
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.feeds, f)
		f.stop()
	}, nil
}

func (v *view) Close() error { return nil }

// feed is one subscription of a node, whose live messages may be tampered with.
type feed struct {
	ground  *ground
	channel protocol.Channel
	sink    broker.Sink

	stop func() // guarded by ground.mu

	mu   sync.Mutex // the sink is called one at a time; guards kept
	kept *protocol.Message
}

// connect is called with the ground's lock.
func (f *feed) connect() {
	stop, err := f.ground.mem.Subscribe(context.Background(), f.channel, f)
	if err != nil {
		f.ground.w.t.Errorf("subscribe %s at the broker: %v", f.channel, err)
		stop = func() {}
	}
	f.stop = stop
}

// Message is called by the memory broker within a publish, under the ground's lock.
func (f *feed) Message(m *protocol.Message) {
	g := f.ground
	dice := func(percent int) bool { return percent > 0 && g.dice.IntN(100) < percent }
	switch {
	case dice(g.lose):
	case dice(g.double):
		f.deliver(m)
		f.deliver(m)
	case dice(g.mix):
		f.mu.Lock()
		f.kept, m = m, f.kept
		f.mu.Unlock()
		if m != nil {
			f.deliver(m)
		}
	default:
		f.deliver(m)
		f.mu.Lock()
		m, f.kept = f.kept, nil
		f.mu.Unlock()
		if m != nil {
			f.deliver(m)
		}
	}
}

// Interrupted is never called by the memory broker.
func (f *feed) Interrupted() {}

func (f *feed) deliver(m *protocol.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sink.Message(m)
}

func (f *feed) interrupt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sink.Interrupted()
}

// book is what was recorded.
type book struct {
	mu sync.Mutex
	check.History
}

func (b *book) number(life int, now time.Duration, p broker.Publish, r broker.Receipt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := ""
	if p.IdempotencyKey != "" {
		key = p.Principal + " " + p.IdempotencyKey
	}
	m := protocol.Message{Channel: p.Channel, Epoch: r.Position.Epoch, Tag: r.Position.Tag, ID: r.ID, Data: p.Data, Event: p.Event}
	b.Numbered = append(b.Numbered, check.Numbered{
		Channel: string(p.Channel), Position: r.Position, ID: r.ID, Key: key, Data: string(p.Data), Size: m.Size(), At: now, Life: life,
	})
}

func (b *book) ack(a check.Ack) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Acks = append(b.Acks, a)
}
