package actors

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidings/access"
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

// inBubble plays fn in a bubble, with a bus that change, if not nil, may configure. After it the bus and the broker
// must end, and leave no goroutine.
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
		bus.broker.Close() // that of change, if it brought another
		mem.Close()
	})
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

// replaceBroker puts an empty broker under f, which the channels are not subscribed to until they ask again.
func (w *world) replaceBroker(f *faulty) {
	old := f.Broker
	mem := memory.New(memory.DefaultConfig())
	f.mu.Lock()
	f.Broker = mem
	f.mu.Unlock()
	old.Close()
	w.t.Cleanup(func() { mem.Close() })
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
	forget  atomic.Bool // frames are taken and thrown away
	writing sync.Mutex  // one at a time takes and writes, as on every transport: else frames change places
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
	l.writing.Lock()
	defer l.writing.Unlock()
	for {
		frames := out.Take(gen, nil, 64, 1<<20)
		if len(frames) == 0 {
			return
		}
		if l.forget.Load() {
			continue
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

// end returns the code of the disconnect that ended the link; "" if it goes on, "none" if it ended without.
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

func (l *link) farewell() *protocol.Encoded {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
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

// next returns what came since the last call, once everything has happened.
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

// subscribe subscribes, checks the answer, and returns what came after it.
func (c *client) subscribe(ch protocol.Channel, since *protocol.Position) (at protocol.Position, rest []protocol.ServerFrame) {
	c.w.t.Helper()
	c.id++
	c.say(protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: c.id, Channel: ch, Since: since})
	for _, f := range c.next() {
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

// ask says one request and gives its answer, and what else came.
func (c *client) ask(f protocol.ClientFrame) (answer protocol.ServerFrame, rest []protocol.ServerFrame) {
	c.w.t.Helper()
	c.id++
	f.ID = c.id
	c.say(f)
	for _, g := range c.next() {
		if g.ID == f.ID && g.Type != protocol.TypeGap {
			if answer.Type != "" {
				c.w.t.Fatalf("%s was answered twice: %+v", f.Type, g)
			}
			answer = g
			continue
		}
		rest = append(rest, g)
	}
	if answer.Type == "" {
		c.w.t.Fatalf("%s was not answered", f.Type)
	}
	return answer, rest
}

// cut loses the link.
func (c *client) cut() {
	c.conn.Lost(c.gen, "")
	c.w.settle()
}

// resume connects again with the session and the count of frames received so far.
func (c *client) resume() *client { return c.resumeWith(c.received) }

func (c *client) resumeWith(received uint64) *client {
	c.w.t.Helper()
	n, err := c.w.open(protocol.Peer{Transport: c.transport}, &protocol.ClientFrame{Type: protocol.TypeConnect, Session: c.session, Received: &received})
	if err != nil {
		c.w.t.Fatalf("resume: %v", err)
	}
	n.id = c.id
	if n.resumed {
		n.received = received
	}
	return n
}

// codes returns the codes of the errors among frames.
func codes(frames []protocol.ServerFrame) []protocol.Code {
	var list []protocol.Code
	for _, f := range frames {
		if f.Type == protocol.TypeError {
			list = append(list, f.Code)
		}
	}
	return list
}

func only(frames []protocol.ServerFrame, frameType string) []protocol.ServerFrame {
	var list []protocol.ServerFrame
	for _, f := range frames {
		if f.Type == frameType {
			list = append(list, f)
		}
	}
	return list
}

// numbers returns "from".."to" as messages' data.
func numbers(from, to int) []string {
	var list []string
	for i := from; i <= to; i++ {
		list = append(list, strconv.Itoa(i))
	}
	return list
}

func (w *world) publishNumbers(ch protocol.Channel, from, to int) (last protocol.Position) {
	w.t.Helper()
	for i := from; i <= to; i++ {
		last = w.publish(ch, strconv.Itoa(i))
	}
	return last
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	if len(got)+len(want) > 40 {
		i := 0
		for i < len(got) && i < len(want) && got[i] == want[i] {
			i++
		}
		t.Errorf("%s: got %d, want %d; from number %d on got %.10q, want %.10q", what, len(got), len(want), i+1, got[i:min(i+10, len(got))], want[i:min(i+10, len(want))])
		return
	}
	t.Errorf("%s: got %q, want %q", what, got, want)
}

// data returns the data of the messages of a channel among frames.
func data(frames []protocol.ServerFrame, ch protocol.Channel) []string {
	var list []string
	for _, f := range frames {
		if f.Type == protocol.TypeMessage && f.Channel == ch {
			list = append(list, string(f.Msg.Data))
		}
	}
	return list
}

func (l *link) isStalled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stalled
}
