package actors

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
	"tidings/broker"
	"tidings/broker/memory"
	"tidings/core"
	"tidings/protocol"
)

// world is one bus over a memory broker, in a bubble of fake time.
type world struct {
	t   *testing.T
	bus *Bus
	log *logBook
}

// inBubble plays fn in a bubble, with a bus that change, if not nil, may configure. After it the bus and the broker must end, and
// leave no goroutine.
func inBubble(t *testing.T, change func(*Config), fn func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		mem := memory.New(memory.DefaultConfig())
		w := &world{t: t, log: &logBook{}}
		cfg := Config{Broker: mem, Rules: access.Rules{Subscribe: access.Anyone, Publish: access.Anyone}, Logger: slog.New(slog.NewTextHandler(w.log, nil))}
		if change != nil {
			change(&cfg)
		}
		bus, err := Start(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w.bus = bus
		fn(w)
		if n := bus.Stats().DeadLetters; n != 0 {
			t.Errorf("%d dead letters", n)
		}
		bus.Stop()
		mem.Close()
	})
}

// faulty is a broker whose calls may fail or wait, as hooks say.
type faulty struct {
	broker.Broker
	mu   sync.Mutex
	hook func(ctx context.Context, call string) error
}

func (f *faulty) set(hook func(ctx context.Context, call string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

func (f *faulty) before(ctx context.Context, call string) error {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, call)
}

func (f *faulty) Publish(ctx context.Context, p broker.Publish) (broker.Receipt, error) {
	if err := f.before(ctx, "publish"); err != nil {
		return broker.Receipt{}, err
	}
	return f.Broker.Publish(ctx, p)
}

func (f *faulty) History(ctx context.Context, ch protocol.Channel, after protocol.Position, limit int) (core.Page, error) {
	if err := f.before(ctx, "history"); err != nil {
		return core.Page{}, err
	}
	return f.Broker.History(ctx, ch, after, limit)
}

func (f *faulty) Subscribe(ctx context.Context, ch protocol.Channel, sink broker.Sink) (func(), error) {
	if err := f.before(ctx, "subscribe"); err != nil {
		return nil, err
	}
	return f.Broker.Subscribe(ctx, ch, sink)
}

// logBook keeps what was logged.
type logBook struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

// publish publishes and gives the position.
func (w *world) publish(ch protocol.Channel, data string) protocol.Position {
	w.t.Helper()
	p, err := w.bus.Publish(context.Background(), Publish{Channel: ch, Data: []byte(data)})
	if err != nil {
		w.t.Fatalf("publish to %s: %v", ch, err)
	}
	return p.Position
}

// settle lets everything that can happen now happen.
func (w *world) settle() { synctest.Wait() }

func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// link is a transport: it takes frames as soon as it is woken, unless it is stalled.
type link struct {
	mu      sync.Mutex
	out     *core.Outbox
	gen     uint64
	stalled bool
	frames  []*protocol.Encoded
	ended   bool
	last    *protocol.Encoded
	onWake  func()
}

func (l *link) Wake() {
	if l.onWake != nil {
		l.onWake()
	}
	l.mu.Lock()
	out, gen, stalled := l.out, l.gen, l.stalled
	l.mu.Unlock()
	if out == nil || stalled {
		return
	}
	for {
		frames := out.Take(gen, nil, 64, 1<<20)
		if len(frames) == 0 {
			return
		}
		l.mu.Lock()
		l.frames = append(l.frames, frames...)
		l.mu.Unlock()
	}
}

func (l *link) End(last *protocol.Encoded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended, l.last = true, last
}

func (l *link) stall(on bool) {
	l.mu.Lock()
	l.stalled = on
	l.mu.Unlock()
	if !on {
		l.Wake()
	}
}

// end gives the code of the disconnect that ended the link; "" where it goes on, "none" where it ended without.
func (l *link) end() protocol.Code {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.ended:
		return ""
	case l.last == nil:
		return "none"
	}
	return l.last.Frame.Code
}

// client is one client with raw frames.
type client struct {
	w         *world
	conn      *Connection
	gen       uint64
	link      *link
	session   string
	resumed   bool
	transport string
	id        uint64
	read      int    // frames of the link that were looked at
	received  uint64 // counted frames
}

func (w *world) connect() *client { return w.connectOver(protocol.WebSocket, "") }

func (w *world) connectOver(transport, session string) *client {
	w.t.Helper()
	c, err := w.open(protocol.Peer{Transport: transport}, &protocol.ClientFrame{Type: protocol.TypeConnect, Session: session})
	if err != nil {
		w.t.Fatalf("connect: %v", err)
	}
	return c
}

func (w *world) open(peer protocol.Peer, connect *protocol.ClientFrame) (*client, error) {
	c := &client{w: w, link: &link{}, transport: peer.Transport}
	conn, gen, err := w.bus.Open(context.Background(), peer, connect, c.link)
	if err != nil {
		return nil, err
	}
	c.use(conn, gen)
	w.settle()
	first := c.frames()
	if len(first) == 0 || first[0].Type != protocol.TypeConnected {
		w.t.Fatalf("first frame is not connected: %v", first)
	}
	c.session, c.resumed = first[0].Session, first[0].Resumed
	c.read = 1
	return c, nil
}

func (c *client) use(conn *Connection, gen uint64) {
	c.conn, c.gen = conn, gen
	c.link.mu.Lock()
	c.link.out, c.link.gen = conn.Outbox(), gen
	c.link.mu.Unlock()
	c.link.Wake()
}

// frames decodes all frames that came over the link.
func (c *client) frames() []protocol.ServerFrame {
	c.w.t.Helper()
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	var list []protocol.ServerFrame
	for _, e := range c.link.frames {
		f, err := protocol.DecodeServerFrames(e.JSON)
		if err != nil {
			c.w.t.Fatalf("a frame that does not decode: %s: %v", e.JSON, err)
		}
		list = append(list, f...)
	}
	return list
}

// next gives what came since the last call, once everything has happened.
func (c *client) next() []protocol.ServerFrame {
	c.w.t.Helper()
	c.w.settle()
	list := c.frames()[c.read:]
	c.read += len(list)
	for i := range list {
		if protocol.Counted(list[i].Type) {
			c.received++
		}
	}
	return list
}

// say sends frames over the link.
func (c *client) say(frames ...protocol.ClientFrame) {
	c.w.t.Helper()
	if err := c.conn.Receive(c.gen, frames); err != nil {
		c.w.t.Fatalf("receive: %v", err)
	}
}

// subscribe subscribes, checks the answer, and gives what came after it.
func (c *client) subscribe(ch protocol.Channel, since *protocol.Position) (at protocol.Position, rest []protocol.ServerFrame) {
	c.w.t.Helper()
	c.id++
	c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: c.id, Channel: ch, Since: since})
	for i, f := range c.next() {
		_ = i
		switch {
		case f.Type == protocol.TypeSubscribed && f.ID == c.id:
			at = f.Position
		case f.Type == protocol.TypeError && f.ID == c.id:
			c.w.t.Fatalf("subscribe %s: %s: %s", ch, f.Code, f.Message)
		default:
			rest = append(rest, f)
		}
	}
	if at.IsZero() {
		c.w.t.Fatalf("subscribe %s: no answer", ch)
	}
	return at, rest
}

// data gives the data of the messages of a channel among frames.
func data(frames []protocol.ServerFrame, ch protocol.Channel) []string {
	var list []string
	for _, f := range frames {
		if f.Type == protocol.TypeMessage && f.Channel == ch {
			list = append(list, string(f.Msg.Data))
		}
	}
	return list
}
