package transports

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// stream is the link of a connection whose bytes go through one net.Conn: a WebSocket or an SSE stream. While it is idle it owns no
// goroutine and no buffer for writing: who wakes it writes for it, as far as the kernel takes bytes at once, and what does not fit
// is left to a goroutine that ends when all is written (flush.go).
type stream struct {
	h     *Handler
	tally *tally
	form  form
	source
	linger bool // wait for the client's part of the farewell before closing
	sends  bool // the client speaks by POST /bus/send

	turn    turn
	held    int // 0, or 1 more than the frames that the first flush waits for; of the goroutine that reads
	bound   atomic.Pointer[binding]
	lastIn  atomic.Int64 // Unix nanoseconds
	lastOut atomic.Int64

	alarm alarm // its owner is the whole of which this is a part

	mu      sync.Mutex // guards all below
	aside   []byte     // goes out before the next frame: headers, pongs, comments
	ending  *ending    // nil as long as more may be said
	closing bool       // the reading side is over
	gone    bool       // the bus knows, or will be told by bind, that this link is lost
	hung    bool
	why     protocol.Code
}

// ending is how a stream ends: last goes out, then nothing more.
type ending struct {
	last    []byte
	said    bool      // last was written
	forceAt time.Time // the end of patience
}

// binding is the session under which a link's bytes are said.
type binding struct {
	session Session
	outbox  *core.Outbox
	gen     uint64
}

var _ core.Link = (*stream)(nil)

// init makes a stream that is woken in vain until start: its conn is not there yet.
func (s *stream) init(h *Handler, kind int, f form) {
	s.h, s.tally, s.form = h, &h.tallies[kind], f
	s.turn.take()
	s.held = 1
}

// start hangs the stream, which has its conn now, into the wheel. It writes from letGo on. It answers false, with the conn closed,
// after Handler.Close.
func (s *stream) start(firstDue time.Time) bool {
	s.raw = rawConn(s.conn)
	s.lastIn.Store(time.Now().UnixNano())
	s.lastOut.Store(s.lastIn.Load())
	s.tally.enter()
	if !s.h.enter(s.whole()) {
		s.hangUp()
		return false
	}
	s.h.wheel.set(&s.alarm, firstDue)
	return true
}

// await lets the first flush wait for so many frames.
func (s *stream) await(frames int) {
	if s.held > 0 {
		s.held = 1 + frames
	}
}

// letGo lets the stream write. What answers the frames that came with the request mostly is there then, or after others had a turn: so a
// new client costs one write. It waits for no longer.
func (s *stream) letGo() {
	if s.held == 0 {
		return
	}
	if b := s.bound.Load(); b != nil {
		for range 4 {
			if frames, _ := b.outbox.Waiting(); frames >= s.held-1 {
				break
			}
			runtime.Gosched()
		}
	}
	s.held = 0
	s.flush()
}

// bind tells the stream whose frames it carries.
func (s *stream) bind(session Session, gen uint64) {
	b := &binding{session, session.Outbox(), gen}
	s.mu.Lock()
	s.bound.Store(b)
	gone, why := s.gone, s.why
	s.mu.Unlock()
	if gone {
		session.Lost(gen, why)
		return
	}
	s.Wake()
}

// unbind takes the session away, so that another may be bound.
func (s *stream) unbind() {
	if b := s.bound.Swap(nil); b != nil {
		b.session.Lost(b.gen, "")
	}
}

// put sends bytes that are not frames of the outbox. Where too many of them wait, the client does not read, and these are left out.
func (s *stream) put(p []byte) {
	s.mu.Lock()
	if s.ending != nil || len(s.aside) > maxAside {
		s.mu.Unlock()
		return
	}
	s.aside = append(s.aside, p...)
	s.mu.Unlock()
	s.Wake()
}

const maxAside = 4 << 10

// End says goodbye on behalf of the bus.
func (s *stream) End(last *protocol.Encoded) {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	s.finish(s.form.farewell(last))
}

// fail ends the stream on the transport's own account, and tells the bus.
func (s *stream) fail(err *protocol.Error) {
	s.finish(s.form.farewell(protocol.Encode(disconnect(err))))
	s.lose(err.Code)
}

// disconnect is the frame that ends a transport with err.
func disconnect(err *protocol.Error) *protocol.ServerFrame {
	f := &protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: err.Code, Reason: err.Reason, Hint: err.Hint, Retry: err.Code.Row().Retry}
	if after := protocol.RetryAfter(err.Code); after > 0 {
		f.AfterMS = after.Milliseconds()
	}
	return f
}

// finish lets last go out after what is being written, then nothing more.
func (s *stream) finish(last []byte) {
	now := time.Now()
	s.mu.Lock()
	if s.ending != nil {
		s.mu.Unlock()
		return
	}
	at := now.Add(s.h.cfg.WriteDeadline + closeGrace)
	s.ending = &ending{last: last, forceAt: at}
	s.mu.Unlock()
	s.h.wheel.set(&s.alarm, at)
	s.Wake()
}

// farewellSaid runs when all is written.
func (s *stream) farewellSaid() {
	at := time.Now().Add(closeGrace)
	s.mu.Lock()
	s.ending.said, s.ending.forceAt = true, at
	now := s.closing || !s.linger
	s.mu.Unlock()
	if now {
		s.hangUp()
		return
	}
	s.h.wheel.set(&s.alarm, at)
}

// lose tells the bus, once, that this link is gone.
func (s *stream) lose(code protocol.Code) {
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return
	}
	s.gone, s.why = true, code
	b := s.bound.Load()
	s.mu.Unlock()
	if b != nil {
		b.session.Lost(b.gen, code)
	}
}

// shut closes the socket, or lets the farewell close it that is still being written.
func (s *stream) shut() {
	s.mu.Lock()
	s.closing = true
	now := s.ending == nil || s.ending.said
	s.mu.Unlock()
	if now {
		s.hangUp()
	}
}

// hangUp closes the socket, which ends reader and writer.
func (s *stream) hangUp() {
	s.mu.Lock()
	hung := s.hung
	s.hung = true
	s.mu.Unlock()
	if hung {
		return
	}
	s.conn.Close()
	s.h.readers.fire(s.place())
	s.h.wheel.remove(&s.alarm)
	s.h.leave(s.whole())
	s.tally.leave()
	s.lose("")
}

// whole is the socket or event stream.
func (s *stream) whole() closer { return s.alarm.owner.(closer) }

func (s *stream) closeNow() { s.hangUp() }

// isEnded reports whether nothing more will be said.
func (s *stream) isEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending != nil
}

// patience closes an ended stream when its time is over. It answers false for one that goes on.
func (s *stream) patience(now time.Time) (next time.Time, ended bool) {
	s.mu.Lock()
	end := s.ending
	if end == nil {
		s.mu.Unlock()
		return time.Time{}, false
	}
	at := end.forceAt
	s.mu.Unlock()
	if !now.Before(at) {
		go s.hangUp() // closing TLS may wait
		return time.Time{}, true
	}
	return at, true
}

func (s *stream) base() *source { return &s.source }

// touch notes that something was heard of a client that speaks by POST /bus/send.
func (s *stream) touch() {
	if s.sends {
		s.lastIn.Store(time.Now().UnixNano())
	}
}

func (s *stream) heardAt() time.Time { return time.Unix(0, s.lastIn.Load()) }
func (s *stream) wroteAt() time.Time { return time.Unix(0, s.lastOut.Load()) }
