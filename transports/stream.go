package transports

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// stream is the link of a connection whose bytes go through one net.Conn: a WebSocket or an SSE stream. While it is
// idle it owns no goroutine and no buffer for writing. The goroutine that wakes it writes as many bytes as the kernel
// takes at once, and the rest is left to a goroutine that ends when all is written (flush.go).
type stream struct {
	h     *Handler
	tally *tally
	form  form
	source
	linger bool    // wait for the client's part of the farewell before closing
	sends  bool    // the client speaks with POST /bus/send
	speech *speech // of the client of a gateway; else nil

	turn        turn  // of the goroutine that writes
	delayed     bool  // nothing is flushed until startWriting, which waits for firstFrames; of the goroutine that reads
	begun       bool  // something was read, or looked for; of the goroutine that reads
	firstFrames int32 // how many frames startWriting waits for
	bound       atomic.Pointer[binding]
	lastIn      atomic.Int64 // Unix nanoseconds
	lastOut     atomic.Int64

	alarm alarm // owned by the socket or eventStream that embeds this stream

	mu      sync.Mutex    // guards all below
	aside   []byte        // goes out before the next frame: headers, pongs, comments
	ending  *ending       // nil as long as more may be written
	closing bool          // the reading side has ended
	gone    bool          // the bus knows that this link is lost, or will learn it from bind
	hung    bool          // the conn is closed
	why     protocol.Code // why the link is lost
}

// ending is the end of a stream: last goes out, then nothing more.
type ending struct {
	last    []byte
	said    bool      // last was written
	forceAt time.Time // when the conn is closed in any case
}

// binding is the session that a link carries, and the generation that the link has in it.
type binding struct {
	session Session
	outbox  *core.Outbox
	gen     uint64
}

var _ core.Link = (*stream)(nil)

// init prepares a stream that has no conn yet. Until startWriting a wake does nothing.
func (s *stream) init(h *Handler, kind int, f form) {
	s.h, s.tally, s.form = h, &h.tallies[kind], f
	s.turn.take()
	s.delayed = true
}

// start registers the stream, which now has its conn, and sets its first deadline. It writes nothing before
// startWriting. After Handler.Close it closes the conn and reports false.
func (s *stream) start(firstDue time.Time) bool {
	s.raw = rawConn(s.conn)
	s.lastIn.Store(time.Now().UnixNano())
	s.lastOut.Store(s.lastIn.Load())
	s.tally.begin()
	if !s.h.register(s.whole()) {
		s.hangUp()
		return false
	}
	s.h.wheel.set(&s.alarm, firstDue)
	return true
}

// delayFor makes the first flush wait for so many frames. It does nothing after startWriting.
func (s *stream) delayFor(frames int) { s.firstFrames = int32(frames) }

// delayAgain holds back what is written from now on until startWriting, as init does, unless somebody writes just now.
// The goroutine that reads calls it.
func (s *stream) delayAgain() {
	if !s.delayed && s.turn.take() {
		s.delayed = true
	}
}

// startWriting begins to write. The answers to the frames that came with the request are mostly there by then, or after
// other goroutines have run a few times, so that a new client costs one write. It waits no longer than that.
func (s *stream) startWriting() {
	if !s.delayed {
		return
	}
	if b := s.bound.Load(); b != nil {
		gather(b.outbox, int(s.firstFrames))
	}
	s.delayed = false
	s.flush()
}

// gather lets other goroutines run a few times until so many frames are there, which answer what a client has sent in
// one: then they leave in one, too.
func gather(o *core.Outbox, frames int) {
	for range 4 {
		if there, _ := o.Waiting(); there >= frames {
			return
		}
		runtime.Gosched()
	}
}

// bind sets the session whose frames the stream carries. If the stream was lost before, the session learns it here.
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

// unbind removes the session, so that another one can be bound.
func (s *stream) unbind() {
	if b := s.bound.Swap(nil); b != nil {
		b.session.Lost(b.gen, "")
	}
}

// put sends bytes that are not frames of the outbox. If too many of them wait already, the client does not read: then
// these are dropped.
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

// maxBack bounds what waits beside the outbox of a client of a gateway, in bytes.
const maxBack = 64 << 10

// answerBack sends what a talk says by itself. A client that does not read it is cut.
func (s *stream) answerBack(p []byte) {
	s.mu.Lock()
	full := len(s.aside)+len(p) > maxBack && len(s.aside) > 0
	if !full && s.ending == nil {
		s.aside = append(s.aside, p...)
	}
	s.mu.Unlock()
	if full {
		s.tally.slow.Add(1)
		s.fail(&protocol.Error{Code: protocol.CodeSlowConsumer, Reason: "answers come faster than they are read", Hint: "Read what the server sends."})
		return
	}
	s.Wake()
}

// End ends the stream on behalf of the bus, with last as the farewell.
func (s *stream) End(last *protocol.Encoded) {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	s.finish(s.form.farewell(last))
}

// fail ends the stream because of a fault that the transport found, and reports it to the bus.
func (s *stream) fail(fault *protocol.Error) { s.failFor(&protocol.Peer{}, fault) }

// failFor is fail while the client is known by what its request showed.
func (s *stream) failFor(peer *protocol.Peer, fault *protocol.Error) {
	s.h.noteClosing(peer, fault)
	s.finish(s.form.farewell(protocol.Encode(disconnect(fault))))
	s.lose(fault.Code)
}

// disconnect returns the frame that ends a transport with fault.
func disconnect(fault *protocol.Error) *protocol.ServerFrame {
	f := &protocol.ServerFrame{Type: protocol.TypeDisconnect, Code: fault.Code, Reason: fault.Reason, Hint: fault.Hint, Retry: fault.Code.Row().Retry}
	if after := protocol.RetryAfter(fault.Code); after > 0 {
		f.AfterMS = after.Milliseconds()
	}
	return f
}

// finish writes last behind what is being written, and then nothing more.
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

// farewellSaid runs when the farewell is written.
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

// lose reports to the bus, once, that this link is gone.
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

// shut closes the conn. If a farewell is still being written, the conn is closed after it.
func (s *stream) shut() {
	s.mu.Lock()
	s.closing = true
	now := s.ending == nil || s.ending.said
	s.mu.Unlock()
	if now {
		s.hangUp()
	}
}

// hangUp closes the conn, which ends reader and writer.
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
	s.h.forget(s.whole())
	s.tally.end()
	s.lose("")
}

// whole returns the socket or eventStream that embeds this stream.
func (s *stream) whole() closer { return s.alarm.owner.(closer) }

func (s *stream) closeNow() { s.hangUp() }

// isEnded reports whether the stream will write nothing more than its farewell.
func (s *stream) isEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending != nil
}

// patience closes an ended stream when its time is up, and returns when to look again. For one that has not ended it
// reports false.
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

// touch notes that a client that speaks with POST /bus/send was heard.
func (s *stream) touch() {
	if s.sends {
		s.lastIn.Store(time.Now().UnixNano())
	}
}

func (s *stream) heardAt() time.Time { return time.Unix(0, s.lastIn.Load()) }
func (s *stream) wroteAt() time.Time { return time.Unix(0, s.lastOut.Load()) }
