package transports

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// pollLink is the link of one long-poll request. After the answer it stays under the outbox, so that the session is not
// parked, until the next request's link replaces it or the client was silent for too long.
type pollLink struct {
	h        *Handler
	bound    binding
	max      int // most bytes of frames in the answer, as the client wants it; 0 for the protocol's
	alarm    alarm
	received uint64 // counted frames that the client had at this request

	conn atomic.Pointer[restingConn] // set while the answer is written without a handler
	turn turn                        // of the caller that answers over conn

	mu       sync.Mutex // guards all below
	answered bool       // no request waits
	ended    bool
	retired  bool
	waiter   *waiter           // of the handler that waits, or nil
	last     *protocol.Encoded // the farewell, or nil
	heard    int64             // when the client was last heard; Unix nanoseconds
}

var _ core.Link = (*pollLink)(nil)

// waiter wakes the handler that waits for its link.
type waiter struct {
	wake chan struct{} // has space for one signal
	done chan struct{} // closed by End
}

func (h *Handler) newPoll() *pollLink {
	p := &pollLink{h: h}
	p.alarm.owner = p
	return p
}

// listen returns a waiter that is signalled for all that happens from now on.
func (p *pollLink) listen() *waiter {
	w := &waiter{wake: make(chan struct{}, 1), done: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiter = w
	if p.ended {
		close(w.done)
	}
	return w
}

// bind sets the session whose frames the link carries, and registers the link with the handler.
func (p *pollLink) bind(session Session, gen uint64) {
	p.bound = binding{session, session.Outbox(), gen}
	p.h.tallies[pollKind].open.Add(1)
	if !p.h.register(p) {
		p.End(nil)
	}
}

// take returns the frames of the answer.
func (p *pollLink) take() []*protocol.Encoded {
	most := protocol.RecoveryPageBytes
	if p.max > 0 {
		most = min(most, p.max)
	}
	return p.bound.outbox.Take(p.bound.gen, nil, protocol.MaxOutboxFrames, most)
}

// Wake wakes the request, because frames wait.
func (p *pollLink) Wake() {
	p.mu.Lock()
	w := p.waiter
	p.mu.Unlock()
	if w != nil {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	p.poke()
}

// End has the request answered with the farewell. If it is answered already, the client's next request is refused
// instead.
func (p *pollLink) End(last *protocol.Encoded) {
	p.mu.Lock()
	answered := p.answered
	if !p.ended {
		p.ended, p.last = true, last
		if p.waiter != nil {
			close(p.waiter.done)
		}
	}
	p.mu.Unlock()
	if answered {
		p.retire()
	}
	p.poke()
}

func (p *pollLink) closeNow() { p.End(nil) }

func (p *pollLink) farewell() *protocol.Encoded {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// awaitNext begins the time between two requests.
func (p *pollLink) awaitNext() {
	p.mu.Lock()
	p.answered, p.waiter = true, nil
	ended := p.ended
	at := p.hear().Add(p.h.cfg.silence())
	p.mu.Unlock()
	if ended {
		p.retire()
		return
	}
	p.h.wheel.set(&p.alarm, at)
}

// due ends the hold. After the answer it ends the link of a client that sends no further request in time.
func (p *pollLink) due(now time.Time) time.Time {
	p.mu.Lock()
	if !p.answered {
		p.mu.Unlock()
		p.poke()
		return now.Add(p.h.wheel.tick) // until it is answered
	}
	lost := time.Unix(0, p.heard).Add(p.h.cfg.silence())
	p.mu.Unlock()
	if now.Before(lost) {
		return lost
	}
	p.lose(protocol.CodeHeartbeatTimeout)
	return time.Time{}
}

// touch notes that the client sent something with POST /bus/send.
func (p *pollLink) touch() {
	p.mu.Lock()
	p.hear()
	p.mu.Unlock()
}

// hear notes that the client was heard now. The caller has the lock.
func (p *pollLink) hear() time.Time {
	now := time.Now()
	p.heard = now.UnixNano()
	return now
}

// lose reports to the bus that the client is gone.
func (p *pollLink) lose(code protocol.Code) {
	p.bound.session.Lost(p.bound.gen, code)
	p.retire()
}

// retire removes the link from the handler's wheel, links and counts. Only the first call does something.
func (p *pollLink) retire() {
	p.mu.Lock()
	retired := p.retired
	p.retired = true
	p.mu.Unlock()
	if retired {
		return
	}
	p.h.wheel.remove(&p.alarm)
	p.h.forget(p)
	p.h.tallies[pollKind].end()
}

// takeConn takes the conn of a request that has to wait, so that the wait costs neither a goroutine nor a buffer. It
// reports false, with nothing changed, if the conn cannot be taken.
func (p *pollLink) takeConn(w http.ResponseWriter, r *http.Request) bool {
	if raw := restingUnder(w); raw != nil {
		raw.held = true
		p.startHold(raw.conn, raw.conn.hold(p, headOf(raw.header)))
		return true
	}
	c := p.h.take(w, r)
	if c == nil {
		return false
	}
	until := c.hold(p, headOf(w.Header()))
	c.ready.try(c) // if it cannot be watched, a client that leaves is noticed only when it is answered
	p.startHold(c, until)
	return true
}

// startHold has the link answered over c from now on, until then at the latest.
func (p *pollLink) startHold(c *restingConn, until time.Time) {
	p.conn.Store(c)
	p.h.wheel.set(&p.alarm, until)
	p.poke()
}

// poke writes the answer if it is due. It never waits: what the kernel does not take at once is left to a goroutine. It
// does nothing while a handler waits for this link.
func (p *pollLink) poke() {
	c := p.conn.Load()
	if c == nil || !p.turn.take() {
		return
	}
	for !p.answerOver(c) {
		if p.turn.give() {
			return
		}
	}
}

// answerOver writes the answer to c if it is due, and reports whether that is so. Once it is written the turn is never
// given back: a poll has one answer, and nobody may begin a second one.
func (p *pollLink) answerOver(c *restingConn) bool {
	c.mu.Lock()
	lost, until, head := c.lost, c.until, c.head
	c.mu.Unlock()
	if lost {
		go c.handBack()
		return true
	}
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	frames := p.take()
	w := newRawResponse(nil)
	defer w.release()
	var err error
	switch {
	case len(frames) > 0:
		err = p.answer(w, frames)
	case ended:
		err = p.answerLast(w)
	case !time.Now().Before(until):
		err = p.answer(w, nil)
	default:
		return false
	}
	if err != nil {
		p.h.refuse(w, &http.Request{RemoteAddr: c.conn.RemoteAddr().String(), ProtoMajor: 1}, err)
	}
	p.conn.Store(nil)
	c.write(p, w.bytes(head))
	return true
}

// answer sends the frames, and the number of counted frames that the client then has. If a newer request came since the
// frames were taken they belong to that request: sent here too, the client would get them twice, under a wrong count.
func (p *pollLink) answer(w http.ResponseWriter, frames []*protocol.Encoded) error {
	received := p.bound.outbox.Sent()
	if gen, _ := p.bound.outbox.Attached(); gen != p.bound.gen {
		p.retire()
		if len(frames) > 0 {
			return errSuperseded
		}
		p.write(w, nil, strconv.FormatUint(p.received, 10)) // a copy of this request took over
		return nil
	}
	p.write(w, frames, strconv.FormatUint(received, 10))
	p.awaitNext()
	return nil
}

var errSuperseded = &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a newer request or transport took over", Hint: "Keep one poll at a time."}

// answerLast answers with what ended the link.
func (p *pollLink) answerLast(w http.ResponseWriter) error {
	p.retire()
	last := p.farewell()
	switch {
	case last != nil && codeOf(last) == protocol.CodeSuperseded:
		return errSuperseded
	case last != nil:
		p.write(w, []*protocol.Encoded{last}, strconv.FormatUint(p.bound.outbox.Sent(), 10))
		return nil
	case p.h.ctx.Err() != nil:
		return &protocol.Error{Code: protocol.CodeShuttingDown, Reason: "this node is going down", Hint: "Come back."}
	}
	p.write(w, nil, strconv.FormatUint(p.bound.outbox.Sent(), 10))
	return nil
}

// bodies are where answers are made. Whoever writes one keeps none of it.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

func (p *pollLink) write(w http.ResponseWriter, frames []*protocol.Encoded, cursor string) {
	messages := 0
	for _, e := range frames {
		if e.Message != nil {
			messages++
		}
	}
	buffer := bodies.Get().(*[]byte)
	defer bodies.Put(buffer)
	body := protocol.AppendPollAnswer((*buffer)[:0], frames, cursor)
	if cap(body) <= keepBytes {
		*buffer = body[:0]
	}
	ctl := http.NewResponseController(w)
	ctl.SetWriteDeadline(time.Now().Add(p.h.cfg.WriteDeadline * time.Duration(1+len(body)/chunkBytes)))
	WriteJSON(w, http.StatusOK, body)
	ctl.Flush()
	ctl.SetWriteDeadline(time.Time{})
	t := &p.h.tallies[pollKind]
	t.wrote(len(frames), messages)
	t.flushed(len(body))
}
