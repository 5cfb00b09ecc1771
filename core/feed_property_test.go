package core

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidings/protocol"
)

// Each of these worlds is drawn from a seed, which a failure names beside the last steps.

// TestFeedPropertyCalm: where the broker keeps everything, whatever the nodes lose on the way, every member hears all
// that matches, in order and once, and there is no gap.
func TestFeedPropertyCalm(t *testing.T) {
	for seed := range feedSeeds(t) {
		w := newFeedWorld(t, seed, 100_000)
		w.play(map[string]int{"wipe": 0, "fail": 0})
		w.heal()
		for _, c := range w.clients {
			if c.gaps+c.refused > 0 {
				w.fatalf("client %d was told %d gaps and refused %d times though nothing was lost at the broker", c.id, c.gaps, c.refused)
			}
		}
	}
}

// TestFeedPropertyHarsh: where the broker keeps little, forgets all, or does not answer, what a member does not hear is
// told as a gap.
func TestFeedPropertyHarsh(t *testing.T) {
	for seed := range feedSeeds(t) {
		w := newFeedWorld(t, seed, 12)
		w.play(nil)
		w.heal()
	}
}

func feedSeeds(t *testing.T) uint64 {
	if n, err := strconv.ParseUint(os.Getenv("TIDINGS_FEED_SEEDS"), 10, 64); err == nil {
		return n
	}
	if testing.Short() {
		return 500
	}
	return 2000
}

// feedWorld is a broker, two nodes, the streams between them, and clients that hop from node to node.
type feedWorld struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	steps   []string
	now     time.Time
	cfg     StreamConfig
	stream  *Stream
	epochs  int
	log     map[string][]*protocol.Message // all that was ever published, by epoch
	nodes   []*feedNode
	clients []*feedClient
}

type feedNode struct {
	w          *feedWorld
	feed       *Feed[*feedClient]
	registered bool
	started    bool
	wire       []*protocol.Message
	reads      []*feedRead
	live       []*feedClient
}

type feedRead struct {
	ticket uint64
	after  protocol.Position
	answer *Page // nil until the broker took it
}

// feedClient follows SPEC.md section 7, Check, and holds every step against the log.
type feedClient struct {
	w       *feedWorld
	id      int
	every   uint64 // its filter: offsets divisible by it; 0 has none
	node    *feedNode
	cursor  protocol.Position
	asked   *protocol.Position
	joining bool // no answer yet
	told    bool // the gap that answers
	wants   bool // the feed waits for Continue
	gaps    int
	refused int
}

const feedPage = 2 // messages of a page

func newFeedWorld(t *testing.T, seed uint64, history int) *feedWorld {
	w := &feedWorld{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), now: time.UnixMilli(1e12), cfg: DefaultStreamConfig(), log: map[string][]*protocol.Message{}}
	w.cfg.MaxMessages = history
	w.wipe()
	for range 2 {
		n := &feedNode{w: w}
		n.feed = NewFeed[*feedClient](n, nil)
		n.feed.Quiet = 5
		w.nodes = append(w.nodes, n)
	}
	for i, every := range []uint64{0, 0, 2, 3, 3, 1000} {
		w.clients = append(w.clients, &feedClient{w: w, id: i, every: every})
	}
	return w
}

func (w *feedWorld) wipe() {
	w.epochs++
	w.stream = NewStream("c", fmt.Sprint("e", w.epochs), w.cfg)
}

// play draws what happens. weights changes the default, by name.
func (w *feedWorld) play(weights map[string]int) {
	actions := []struct {
		name   string
		weight int
		do     func(*feedNode, *feedClient)
	}{
		{"publish", 6, func(*feedNode, *feedClient) { w.publish() }},
		{"deliver", 8, func(n *feedNode, _ *feedClient) { n.deliver() }},
		{"drop", 1, func(n *feedNode, _ *feedClient) { n.take() }},
		{"repeat", 1, func(n *feedNode, _ *feedClient) { n.repeat() }},
		{"swap", 1, func(n *feedNode, _ *feedClient) { n.swap() }},
		{"register", 1, func(n *feedNode, _ *feedClient) { n.register() }},
		{"start", 1, func(n *feedNode, _ *feedClient) { n.start() }},
		{"read", 6, func(n *feedNode, _ *feedClient) { n.read(w.draw(len(n.reads))) }},
		{"answer", 6, func(n *feedNode, _ *feedClient) { n.answer(w.draw(len(n.reads))) }},
		{"fail", 2, func(n *feedNode, _ *feedClient) { n.fail(w.draw(len(n.reads))) }},
		{"check", 1, func(n *feedNode, _ *feedClient) { n.feed.Check() }},
		{"tick", 1, func(n *feedNode, _ *feedClient) { n.feed.Tick() }},
		{"interrupt", 1, func(n *feedNode, _ *feedClient) { n.interrupt() }},
		{"join", 4, func(n *feedNode, c *feedClient) { c.join(n) }},
		{"leave", 1, func(_ *feedNode, c *feedClient) { c.leave() }},
		{"continue", 4, func(_ *feedNode, c *feedClient) { c.goOn() }},
		{"wipe", 1, func(*feedNode, *feedClient) { w.wipe() }},
	}
	var bag []int
	for i, a := range actions {
		if weight, ok := weights[a.name]; ok {
			a.weight = weight
		}
		bag = append(bag, slices.Repeat([]int{i}, a.weight)...)
	}
	for range 20 + w.rng.IntN(480) {
		a := actions[bag[w.rng.IntN(len(bag))]]
		n, c := w.draw(len(w.nodes)), w.draw(len(w.clients))
		w.steps = append(w.steps, fmt.Sprintf("%s (node %d, client %d)", a.name, n, c))
		a.do(w.nodes[n], w.clients[c])
		for _, n := range w.nodes {
			n.told()
		}
	}
}

// draw gives an index below n; 0 if there is none.
func (w *feedWorld) draw(n int) int { return w.rng.IntN(max(n, 1)) }

func (w *feedWorld) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d, %d steps, of which the last\n\t%s\n%s", w.seed, len(w.steps),
		strings.Join(w.steps[max(0, len(w.steps)-30):], "\n\t"), fmt.Sprintf(format, args...))
}

func (w *feedWorld) publish() {
	n := len(w.log[w.stream.Top().Epoch]) + 1
	m, _, err := w.stream.Append(w.now, Entry{ID: fmt.Sprint(w.epochs, "-", n), Tag: fmt.Sprint("t", n), Data: []byte(`1`)})
	if err != nil {
		w.fatalf("append: %v", err)
	}
	w.log[m.Epoch] = append(w.log[m.Epoch], m)
	for _, node := range w.nodes {
		if node.registered {
			node.wire = append(node.wire, m)
		}
	}
}

// heal ends all faults: what is on the way is lost, and two checks must mend it.
func (w *feedWorld) heal() {
	for _, n := range w.nodes {
		n.wire = nil
		n.register()
		n.start()
	}
	for range 3 { // one more, since an answer that was under way does not count as a check
		w.settle()
		for _, n := range w.nodes {
			n.feed.Check()
		}
	}
	w.settle()
	for _, n := range w.nodes {
		n.feed.Tick()
		if n.feed.Position() != w.stream.Top() {
			w.fatalf("a node is at %v when all is healed, want the top %v", n.feed.Position(), w.stream.Top())
		}
	}
	for _, c := range w.clients {
		if c.node == nil {
			continue
		}
		if !slices.Contains(c.node.live, c) {
			w.fatalf("client %d joined and is not live when all is healed", c.id)
		}
		c.complete(w.stream.Top(), 1)
	}
}

// settle lets the broker answer and the clients go on until nothing moves.
func (w *feedWorld) settle() {
	for range 10_000 {
		busy := false
		for _, n := range w.nodes {
			if len(n.reads) > 0 {
				n.read(0)
				n.answer(0)
				busy = true
			}
		}
		for _, c := range w.clients {
			busy = busy || c.wants
			c.goOn()
		}
		if !busy {
			return
		}
	}
	w.fatalf("the feed reads for ever")
}

func (n *feedNode) register() { n.registered = true }

func (n *feedNode) start() {
	if n.registered && !n.started {
		n.started = true
		n.feed.Start()
	}
}

func (n *feedNode) take() (m *protocol.Message) {
	if len(n.wire) > 0 {
		m, n.wire = n.wire[0], n.wire[1:]
	}
	return m
}

func (n *feedNode) deliver() {
	if m := n.take(); m != nil {
		n.feed.Message(m)
	}
}

func (n *feedNode) repeat() {
	if len(n.wire) > 0 {
		n.wire = slices.Insert(n.wire, 0, n.wire[0])
	}
}

func (n *feedNode) swap() {
	if len(n.wire) > 1 {
		n.wire[0], n.wire[1] = n.wire[1], n.wire[0]
	}
}

func (n *feedNode) interrupt() {
	n.wire = nil
	if n.started {
		n.feed.Interrupted()
	}
}

func (n *feedNode) read(i int) {
	if i < len(n.reads) && n.reads[i].answer == nil {
		p := n.w.stream.After(n.w.now, n.reads[i].after, feedPage)
		n.reads[i].answer = &p
	}
}

func (n *feedNode) answer(i int) {
	if i < len(n.reads) && n.reads[i].answer != nil {
		r := n.reads[i]
		n.reads = slices.Delete(n.reads, i, i+1)
		n.feed.HistoryRead(r.ticket, *r.answer)
	}
}

func (n *feedNode) fail(i int) {
	if i < len(n.reads) {
		r := n.reads[i]
		n.reads = slices.Delete(n.reads, i, i+1)
		n.feed.ReadFailed(r.ticket)
	}
}

// The port of the node's feed.

func (n *feedNode) Read(ticket uint64, after protocol.Position) {
	if !n.registered {
		n.w.fatalf("the feed reads before the node is registered")
	}
	n.reads = append(n.reads, &feedRead{ticket: ticket, after: after})
}

func (n *feedNode) Subscribed(j *Join[*feedClient], at protocol.Position, recovered bool) {
	c := j.Member
	switch {
	case !c.joining || c.node != n:
		c.w.fatalf("client %d is answered and does not wait for it", c.id)
	case recovered && (c.asked == nil || at != *c.asked):
		c.w.fatalf("client %d is recovered at %v, and asked for %v", c.id, at, c.asked)
	case !recovered && c.asked != nil && !c.told:
		c.w.fatalf("client %d is not recovered, without a gap", c.id)
	}
	c.joining, c.cursor = false, at
}

func (n *feedNode) Refused(j *Join[*feedClient]) {
	c := j.Member
	if !c.joining || c.node != n {
		c.w.fatalf("client %d is refused and does not wait for an answer", c.id)
	}
	c.joining, c.node = false, nil
	c.refused++
}

func (n *feedNode) Replay(j *Join[*feedClient], messages []Replayed, prev uint64, more bool) {
	c := j.Member
	for _, m := range messages {
		if c.every == 0 {
			prev = m.Prev
		}
		c.message(m.Message, m.Scope, prev)
		prev = m.Offset
	}
	c.wants = more
}

func (n *feedNode) Gap(j *Join[*feedClient], g Gap, answering bool) {
	if answering != j.Member.joining {
		n.w.fatalf("client %d: a gap with answering %t, waiting for an answer %t", j.Member.id, answering, j.Member.joining)
	}
	j.Member.gap(g)
}

func (n *feedNode) Position(j *Join[*feedClient], at protocol.Position) { j.Member.position(at) }

func (n *feedNode) Enter(j *Join[*feedClient]) {
	if j.Member.joining || j.Member.node != n || slices.Contains(n.live, j.Member) {
		n.w.fatalf("client %d enters and should not", j.Member.id)
	}
	n.live = append(n.live, j.Member)
}

func (n *feedNode) each(group string, do func(*feedClient)) {
	for _, c := range n.live {
		if c.group() == group {
			do(c)
		}
	}
}

func (n *feedNode) Live(m *protocol.Message, hits []Hit) {
	for _, h := range hits {
		n.each(h.Group, func(c *feedClient) { c.message(m, h.Scope, h.Prev) })
	}
}

func (n *feedNode) GapAll(g Gap) {
	for _, c := range n.live {
		c.gap(g)
	}
}

func (n *feedNode) PositionAll(groups []string, at protocol.Position) {
	for _, group := range groups {
		n.each(group, func(c *feedClient) { c.position(at) })
	}
}

// told checks that no live client is far behind what its node has handed on.
func (n *feedNode) told() {
	for _, c := range n.live {
		if at := n.feed.Position(); at.Epoch == c.cursor.Epoch && at.Offset > c.cursor.Offset+uint64(n.feed.Quiet) {
			n.w.fatalf("client %d stands at %v, and its node at %v: want at most %d messages between", c.id, c.cursor, at, n.feed.Quiet)
		}
	}
}

func (c *feedClient) group() string {
	if c.every == 0 {
		return ""
	}
	return fmt.Sprint("every ", c.every)
}

func (c *feedClient) matches(m *protocol.Message) bool { return c.scope(m) != Passes }

// scope makes every second message that a filter matches one that takes something away.
func (c *feedClient) scope(m *protocol.Message) Scope {
	switch {
	case c.every == 0:
		return In
	case m.Offset%c.every != 0:
		return Passes
	case m.Offset%(2*c.every) == 0:
		return Out
	}
	return In
}

func (c *feedClient) join(n *feedNode) {
	c.leave()
	c.node, c.joining, c.told, c.asked = n, true, false, nil
	j := Join[*feedClient]{Member: c, ID: 1, Group: c.group()}
	if c.every > 0 {
		j.Match = c.scope
	}
	if !c.cursor.IsZero() {
		since := c.cursor
		c.asked, j.Since = &since, &since
	}
	n.feed.Join(j)
}

func (c *feedClient) leave() {
	if c.node == nil {
		return
	}
	c.node.live = slices.DeleteFunc(c.node.live, func(other *feedClient) bool { return other == c })
	c.node.feed.Leave(c, c.group())
	c.node, c.joining, c.wants = nil, false, false
}

func (c *feedClient) goOn() {
	if c.wants {
		c.wants = false
		c.node.feed.Continue(c)
	}
}

func (c *feedClient) message(m *protocol.Message, s Scope, prev uint64) {
	switch {
	case c.joining:
		c.w.fatalf("client %d gets message %v before its answer", c.id, m.Position())
	case m.Epoch != c.cursor.Epoch || prev > c.cursor.Offset || m.Offset <= c.cursor.Offset:
		c.w.fatalf("client %d at %v gets message %v with prev %d: want prev <= last < offset", c.id, c.cursor, m.Position(), prev)
	case s != c.scope(m):
		c.w.fatalf("client %d gets message %v as %d, want %d", c.id, m.Position(), s, c.scope(m))
	case !c.matches(m):
		c.w.fatalf("client %d gets message %v, which its filter does not match", c.id, m.Position())
	}
	c.complete(m.Position(), 0)
	c.cursor = m.Position()
}

func (c *feedClient) position(at protocol.Position) {
	if at.Epoch != c.cursor.Epoch || at.Offset < c.cursor.Offset {
		c.w.fatalf("client %d at %v is moved to %v", c.id, c.cursor, at)
	}
	c.complete(at, 1)
	c.cursor = at
}

func (c *feedClient) gap(g Gap) {
	c.gaps++
	c.told = true
	c.cursor = g.From
}

// complete checks that no message that the client wants lies between its cursor and to; extra is 1 where to itself
// counts.
func (c *feedClient) complete(to protocol.Position, extra uint64) {
	if c.cursor.Epoch != to.Epoch {
		c.w.fatalf("client %d is at %v, want the epoch of %v", c.id, c.cursor, to)
	}
	for _, m := range c.w.log[to.Epoch] {
		if m.Offset > c.cursor.Offset && m.Offset < to.Offset+extra && c.matches(m) {
			c.w.fatalf("client %d at %v was not told of message %v before %v", c.id, c.cursor, m.Position(), to)
		}
	}
}
