package model

import (
	"fmt"
	"slices"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// broker holds a core.Stream per channel, and streams what it numbers to the nodes.
type broker struct {
	w           *World
	rng         *rng
	up          bool
	incarnation int
	nonce       int
	streams     map[protocol.Channel]*core.Stream
	saved       map[protocol.Channel]*core.Stream
}

func (w *World) newBroker() *broker {
	return &broker{w: w, rng: newRNG(w.plan.Seed, 3), up: true, streams: map[protocol.Channel]*core.Stream{}}
}

func (b *broker) now() time.Time { return start.Add(b.w.now) }

var start = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

func (b *broker) stream(ch protocol.Channel) *core.Stream {
	s := b.streams[ch]
	if s == nil {
		b.nonce++
		epoch := fmt.Sprintf("E%d-%d", b.incarnation, b.nonce)
		s = core.NewStream(ch, epoch, core.StreamConfig{
			MaxMessages: b.w.plan.HistorySize, MaxBytes: 1 << 30, MaxAge: b.w.plan.HistoryAge,
			IdempotencyTTL: b.w.plan.KeyTTL, MaxIdempotencyKeys: 1 << 20,
		})
		b.streams[ch] = s
		b.w.ledger.born(ch, s.Top())
	}
	return s
}

// publish is the atomic step: look up the key, number, keep, and send on.
func (b *broker) publish(o *op, key string) answer {
	s := b.stream(o.ch)
	id := core.KeyedID(o.principal, o.ch, o.key)
	tag := fmt.Sprintf("%06x", b.rng.next()&0xffffff)
	if b.w.mutant(Tag) {
		tag = ""
	}
	m, dup, err := s.Append(b.now(), core.Entry{ID: id, Tag: tag, Data: o.data, Volatile: o.volatile, Key: key, Principal: o.principal, Extra: o.extra})
	if err != nil {
		b.w.fail("I4", "lost write", "publish %d was refused: %v", o.n, err)
		return answer{}
	}
	if b.w.mutant(PrevTag) {
		m.PrevTag = ""
	}
	if dup {
		return answer{at: m.Position()}
	}
	if !o.volatile {
		b.w.ledger.appended(o, m)
		b.w.mark("append", uint64(o.n), m.Offset)
		if b.w.verbose {
			b.w.log("broker numbers publish %d: %s %s", o.n, o.ch, m.Position())
		}
	}
	for _, n := range b.w.nodes {
		n.stream.bring(m)
	}
	return answer{at: m.Position()}
}

type answer struct{ at protocol.Position }

// after reads history; here some mechanisms are switched off.
func (b *broker) after(ch protocol.Channel, at protocol.Position) core.Page {
	s := b.stream(ch)
	limit := protocol.RecoveryPageFrames
	if !b.w.plan.Flood {
		limit = 2 + int(b.w.plan.Seed%30) // pages of a model run are short, so that there are many
	}
	if b.w.mutant(Epoch) && !at.IsZero() {
		at.Epoch = s.Top().Epoch
	}
	if b.w.mutant(After) && !at.IsZero() { // begins with the message at the cursor
		if i := b.w.ledger.channel(ch).find(at); i != nil && i.parent != nil {
			if p := s.After(b.now(), i.parent.pos, limit); p.Lost == "" {
				return p
			}
		}
	}
	p := s.After(b.now(), at, limit)
	if b.w.mutant(Window) && p.Lost == protocol.GapHistoryExpired {
		// Gives what there is, as if it followed.
		last := s.Last(b.now(), limit)
		if p.Lost, p.Messages = "", last.Messages; len(p.Messages) > 0 {
			p.Messages = slices.Clone(p.Messages)
			first := *copyMessage(p.Messages[0])
			first.Prev = at.Offset
			p.Messages[0] = &first
		}
	}
	return p
}

func copyMessage(m *protocol.Message) *protocol.Message {
	return &protocol.Message{
		Channel: m.Channel, Epoch: m.Epoch, Offset: m.Offset, Prev: m.Prev, PrevTag: m.PrevTag, Tag: m.Tag, ID: m.ID, Data: m.Data, Event: m.Event, TimeMS: m.TimeMS, Extra: m.Extra,
	}
}

func (b *broker) save() {
	b.saved = map[protocol.Channel]*core.Stream{}
	for ch, s := range b.streams {
		b.saved[ch] = s.Clone()
	}
}

// restart brings the broker back with what state says. Without trust its incarnation changes, and with it each epoch.
func (b *broker) restart(down time.Duration, state map[protocol.Channel]*core.Stream) {
	b.w.ledger.losses++
	b.up = false
	b.streams = map[protocol.Channel]*core.Stream{}
	b.incarnation++
	if b.w.plan.Trust || b.w.mutant(Incarnation) {
		for _, ch := range sortedKeys(state) {
			b.streams[ch] = state[ch].Clone()
			b.w.ledger.rewound(ch, state[ch].Top())
		}
	}
	for _, n := range b.w.nodes {
		n.stream.cut(down + b.rng.between(time.Millisecond, 500*time.Millisecond))
	}
	b.w.after(down, func() { b.up = true })
}

func (b *broker) outage(d time.Duration) {
	b.up = false
	b.w.after(d, func() { b.up = true })
}

// stream is what the broker brings to one node: in order and complete where nothing fails.
type stream struct {
	n        *node
	channels map[protocol.Channel]bool
	line     *pipe
	down     bool
	lose     chance
	double   chance
	mix      chance
	deaf     chance
}

// chance is a probability for a time.
type chance struct {
	until time.Duration
	p     int
}

func (c chance) hits(w *World, r *rng) bool { return w.now < c.until && r.chance(c.p) }

func (s *stream) lost() bool { return s.deaf.hits(s.n.w, s.n.rng) }

func (s *stream) pipe() *pipe {
	if s.line == nil {
		s.line = &pipe{w: s.n.w, rng: s.n.rng, slow: time.Millisecond}
	}
	return s.line
}

// subscribe returns true when the broker has confirmed.
func (s *stream) subscribe(ch protocol.Channel, confirmed func(bool)) {
	life := s.n.life
	s.n.call(func(*broker) (any, bool) {
		if s.n.life != life || s.down {
			return nil, false
		}
		if s.channels == nil {
			s.channels = map[protocol.Channel]bool{}
		}
		s.channels[ch] = true
		return nil, true
	}, func(_ any, ok bool) { confirmed(ok) })
}

func (s *stream) unsubscribe(ch protocol.Channel) { delete(s.channels, ch) }

func (s *stream) bring(m *protocol.Message) {
	n := s.n
	if !n.up || s.down || !s.channels[m.Channel] || s.lose.hits(n.w, n.rng) {
		return
	}
	arrive := s.arrival(func(f *feed) { f.core.Message(m) }, m.Channel)
	if s.mix.hits(n.w, n.rng) {
		n.w.after(n.rng.between(0, 500*time.Millisecond), arrive)
	} else {
		s.pipe().send(arrive)
	}
	if s.double.hits(n.w, n.rng) {
		n.w.after(n.rng.between(0, time.Second), arrive)
	}
}

func (s *stream) arrival(do func(*feed), ch protocol.Channel) func() {
	n, life := s.n, s.n.life
	return func() {
		n.deliver(life, func() {
			if f := n.feeds[ch]; f != nil {
				f.step(func() { do(f) })
			}
		})
	}
}

func interrupted(f *feed) {
	if f.n.w.mutant(Interruption) {
		f.core.Check()
		return
	}
	f.core.Interrupted()
}

// cut breaks the stream for a time; then the node subscribes again and hears that it was interrupted, before anything
// newer.
func (s *stream) cut(d time.Duration) {
	n, life := s.n, s.n.life
	if !n.up || s.down {
		return
	}
	s.pipe().kill()
	s.line, s.down = nil, true
	var back func()
	back = func() {
		if n.life != life {
			return
		}
		if !n.w.broker.up {
			n.w.after(50*time.Millisecond, back)
			return
		}
		s.down = false
		for _, ch := range sortedKeys(n.feeds) {
			if n.w.verbose {
				n.w.log("node %d hears that %s was interrupted: %v", n.id, ch, s.channels[ch])
			}
			if s.channels[ch] {
				s.pipe().send(s.arrival(func(f *feed) { interrupted(f) }, ch))
			}
		}
	}
	n.w.after(d, back)
}

func (s *stream) close() {
	if s.line != nil {
		s.line.kill()
	}
	*s = stream{n: s.n}
}
