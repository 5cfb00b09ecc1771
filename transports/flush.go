package transports

import (
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tidings/protocol"
)

const (
	batchFrames   = 64
	batchBytes    = 64 << 10
	inlineBatches = 4         // that a caller of Wake writes itself; the rest is left to a goroutine
	chunkBytes    = 16 << 10  // that must go out within WriteDeadline
	keepBytes     = 128 << 10 // of buffer that a pooled batch keeps
)

// batch is the input of one write call: frames that wait together.
type batch struct {
	frames []*protocol.Encoded
	head   []byte // goes before them
	buf    []byte
	made   []*protocol.Encoded // the frames in buf: the next subscriber of a channel often has the same
	form   form                // of buf
	out    []byte              // not yet written: the rest of buf, or of one frame's shared bytes
	final  bool                // the farewell is in it

	n   int   // result of try
	err error // result of try
	try func(fd uintptr) bool
}

var batches = sync.Pool{New: func() any {
	b := &batch{frames: make([]*protocol.Encoded, 0, batchFrames), buf: make([]byte, 0, 4<<10)}
	b.try = b.tryFD
	return b
}}

func (b *batch) release() {
	b.empty()
	if cap(b.buf) > keepBytes {
		b.buf, b.made = nil, nil
	}
	batches.Put(b)
}

func (b *batch) empty() {
	clear(b.frames)
	b.frames, b.head, b.out, b.final = b.frames[:0], nil, nil, false
}

// Wake writes what waits. It never blocks: what the kernel does not take at once is left to a goroutine.
func (s *stream) Wake() {
	if s.turn.take() {
		s.flush()
	}
}

// flush writes what waits. The caller has the turn.
func (s *stream) flush() {
	if s.raw == nil {
		go s.flushSlowly(batches.Get().(*batch))
		return
	}
	s.flushNow()
}

// flushNow writes without blocking. The caller has the turn, which is handed on or given back.
func (s *stream) flushNow() {
	b := batches.Get().(*batch)
	for range inlineBatches {
		for !s.fill(b) {
			if s.turn.give() {
				b.release()
				return
			}
		}
		err := b.writeNow(s.raw)
		s.flushed(b.n)
		if err != nil {
			b.release()
			go s.broken(err) // this may be a fan-out's goroutine, which must not wait for the bus
			return
		}
		if b.out = b.out[b.n:]; len(b.out) > 0 {
			break
		}
		if b.final {
			b.release()
			s.farewellSaid()
			return
		}
	}
	go s.flushSlowly(b)
}

// flushSlowly writes what is in b and all that waits, with deadlines, and ends. It has the turn.
func (s *stream) flushSlowly(b *batch) {
	defer b.release()
	for {
		if err := s.writeOut(b); err != nil {
			s.broken(err)
			return
		}
		if b.final {
			s.farewellSaid()
			return
		}
		for !s.fill(b) {
			s.conn.SetWriteDeadline(time.Time{})
			if s.turn.give() {
				return
			}
		}
	}
}

func (s *stream) writeOut(b *batch) error {
	for len(b.out) > 0 {
		s.conn.SetWriteDeadline(time.Now().Add(s.h.cfg.WriteDeadline))
		n, err := s.conn.Write(b.out[:min(len(b.out), chunkBytes)])
		s.flushed(n)
		if err != nil {
			return err
		}
		b.out = b.out[n:]
	}
	return nil
}

func (s *stream) flushed(n int) {
	s.tally.flushed(n)
	s.lastOut.Store(time.Now().UnixNano())
}

// fill gathers what waits into one batch. It reports false if nothing waits.
func (s *stream) fill(b *batch) bool {
	b.empty()
	s.mu.Lock()
	b.head, s.aside = s.aside, nil
	if s.ending != nil {
		b.head = append(b.head, s.ending.last...)
		b.final = true
	}
	s.mu.Unlock()
	bound := s.bound.Load()
	if s.speech != nil {
		return s.fillSpeech(b, bound)
	}
	if bound != nil && !b.final {
		b.frames = bound.outbox.Take(bound.gen, b.frames, batchFrames, batchBytes)
	}
	messages := 0
	for _, e := range b.frames {
		if e.Message != nil {
			messages++
		}
	}
	s.tally.wrote(len(b.frames), messages)
	b.render(s.form)
	return len(b.out) > 0 || b.final
}

// render makes the bytes. A frame that goes out alone is not copied, and frames that go to many clients are copied
// once.
func (b *batch) render(f form) {
	if len(b.frames) == 0 {
		b.out = b.head
		return
	}
	shared := f.whole(b.frames[0])
	switch {
	case len(b.head) > 0 || shared == nil:
		b.buf, b.made = append(b.buf[:0], b.head...), b.made[:0]
	case len(b.frames) == 1:
		b.out = shared
		return
	case b.form == f && slices.Equal(b.frames, b.made):
		b.out = b.buf
		return
	default:
		b.buf, b.made, b.form = b.buf[:0], append(b.made[:0], b.frames...), f
	}
	for _, e := range b.frames {
		b.buf = f.add(b.buf, e)
	}
	b.out = b.buf
}

// broken cuts a stream whose client does not read, or is gone. The turn is kept, so that nothing is written again.
func (s *stream) broken(err error) {
	code := protocol.Code("")
	if errors.Is(err, os.ErrDeadlineExceeded) {
		code = protocol.CodeSlowConsumer
		s.tally.slow.Add(1)
	}
	s.lose(code)
	s.hangUp()
}

// speech is a socket's part in a language other than ours.
type speech struct {
	*tongue
	talk   Talk
	probed time.Time   // when the client was pinged; the wheel's goroutine only
	next   time.Time   // when the talk is due; the wheel's goroutine only
	goOn   atomic.Bool // the wait for until is over

	// The writer's own:
	rest  []*protocol.Encoded // taken from the outbox, and not said yet
	until time.Time           // nothing of rest is said before, unless goOn
	timer *time.Timer         // for until
}

// fillSpeech is fill for a client of a gateway: head and farewell are in b. It goes on until there are bytes to write,
// since many frames say nothing to such a client, or until the talk wants to wait.
func (s *stream) fillSpeech(b *batch, bound *binding) bool {
	b.buf, b.made, b.form = append(b.buf[:0], b.head...), b.made[:0], nil
	p := s.speech
	for b.out = b.buf; bound != nil && !b.final; b.out = b.buf {
		if len(p.rest) > 0 {
			if !p.goOn.Swap(false) && time.Now().Before(p.until) {
				break
			}
			b.frames = append(b.frames[:0], p.rest...)
			clear(p.rest)
			p.rest = p.rest[:0]
		} else if b.frames = bound.outbox.Take(bound.gen, b.frames[:0], batchFrames, batchBytes); len(b.frames) == 0 {
			break
		}
		if s.renderSpeech(b); len(b.out) > 0 || len(p.rest) > 0 {
			break
		}
	}
	return len(b.out) > 0 || b.final
}

// renderSpeech makes the bytes of b's frames, up to one that the talk wants to wait with.
func (s *stream) renderSpeech(b *batch) {
	p := s.speech
	said, messages := 0, 0
	for i, e := range b.frames {
		if shared := p.talk.Shared(e); shared != nil {
			if len(b.frames) == 1 && len(b.buf) == 0 {
				b.out = shared
				s.tally.wrote(1, 1)
				return
			}
			b.buf = append(b.buf, shared...)
		} else {
			var wait time.Duration
			if b.buf, wait = p.talk.Say(b.buf, e); wait > 0 {
				p.rest = append(p.rest, b.frames[i:]...)
				s.wakeAfter(wait)
				break
			}
		}
		said++
		if e.Message != nil {
			messages++
		}
	}
	s.tally.wrote(said, messages)
	b.out = b.buf
}

// wakeAfter has what waits said after a time.
func (s *stream) wakeAfter(wait time.Duration) {
	p := s.speech
	if p.until = time.Now().Add(wait); p.timer == nil {
		p.timer = time.AfterFunc(wait, s.Wake)
		return
	}
	p.timer.Reset(wait)
}
