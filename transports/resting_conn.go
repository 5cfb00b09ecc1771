package transports

import (
	"bytes"
	"context"
	"net"
	"sync"
	"time"

	"tidings/internal/resting"
)

// restingConn is a conn that was taken from net/http, so that it needs neither a goroutine nor a buffer while a poll
// waits on it and between two requests. A request that is of a known form is read and answered here. For any other one,
// the conn is handed back to net/http, with the bytes as they came.
//
// A restingConn waits for its poll to be answered (poll is set), or idles between two requests (idle is set), or is
// being answered (neither), or is over (net/http's again, or closed).
type restingConn struct {
	source
	h     *Handler
	ready *readiness
	back  *handback
	again func(net.Conn) net.Conn // puts the guard on again, if the server has one
	peer  string                  // the address of the client
	alarm alarm                   // the end of the time between two requests, or that of a body

	mu    sync.Mutex // guards all below
	fresh *arrivals  // until the first byte of the client has come; else nil
	poll  *pollLink  // nil unless one waits
	head  []byte     // header lines that the handlers before poll's had set
	until time.Time  // the end of poll's hold
	early []byte     // bytes of the next request that came ahead, or its beginning
	since time.Time  // when the time between two requests began
	whole time.Time  // when the body of the next request must be there, or net/http waits for it; zero: none is missing
	last  bool       // to be closed when what is under way is answered
	lost  bool       // the client left
	idle  bool       // answered, and waiting for the next request
	over  bool       // closed, or net/http's again
}

// maxEarly is how many bytes are read ahead of an answer: one more than a known request may have. What a client sends
// beyond them stays with the system until the conn is answered.
const maxEarly = resting.MaxBytes + 1

// bodyPatience is how long a known request whose body has not come yet is waited for here. After it the request is
// net/http's, whose limits for a body then begin.
const bodyPatience = time.Second

// hold has the conn wait for the answer of a poll, and returns until when.
func (c *restingConn) hold(p *pollLink, head []byte) (until time.Time) {
	until = time.Now().Add(c.h.cfg.PollHold)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.poll, c.head, c.until = p, head, until
	return until
}

// write sends the answer, and keeps none of it. What the kernel does not take at once is left to a goroutine.
func (c *restingConn) write(p *pollLink, body []byte) {
	if c.raw == nil {
		go c.writeSlowly(p, bytes.Clone(body))
		return
	}
	b := batches.Get().(*batch)
	b.out = body
	err := b.writeNow(c.raw)
	body = body[b.n:]
	b.release()
	switch {
	case err != nil:
		go c.broken(p)
	case len(body) > 0:
		go c.writeSlowly(p, bytes.Clone(body))
	default:
		c.awaitNext()
	}
}

func (c *restingConn) writeSlowly(p *pollLink, body []byte) {
	c.conn.SetWriteDeadline(time.Now().Add(c.h.cfg.WriteDeadline * time.Duration(1+len(body)/chunkBytes)))
	if _, err := c.conn.Write(body); err != nil {
		c.broken(p)
		return
	}
	c.conn.SetWriteDeadline(time.Time{})
	c.awaitNext()
}

// broken closes a conn that could not be written. p is the poll that was to be answered, or nil.
func (c *restingConn) broken(p *pollLink) {
	if p != nil {
		p.lose("")
	}
	c.close()
}

// awaitNext begins the time between two requests. It is as long as net/http would wait.
func (c *restingConn) awaitNext() {
	c.mu.Lock()
	first := c.since.IsZero()
	c.poll, c.head, c.idle, c.since = nil, nil, true, time.Now()
	c.lost = c.lost || c.last
	back, early := c.lost || !c.watched, len(c.early) > 0
	c.mu.Unlock()
	switch {
	case back:
		go c.handBack() // which waits for the server
		return
	case early:
		c.ready.fire(c.place())
	}
	if first && c.back.idle > 0 {
		c.h.wheel.set(&c.alarm, time.Now().Add(c.back.idle))
	}
}

// handBack returns the conn to net/http, with what was read of the next request. If the client is lost the conn is
// closed.
func (c *restingConn) handBack() {
	c.mu.Lock()
	over := c.over
	c.over = true
	c.speak()
	early, lost := c.early, c.lost
	c.early = nil
	c.mu.Unlock()
	if over {
		return
	}
	c.h.wheel.remove(&c.alarm)
	c.h.forget(c)
	c.h.readers.release(&c.source)
	if lost {
		c.conn.Close()
		return
	}
	conn := c.conn
	if len(early) > 0 {
		conn = &earlyConn{conn, early}
	}
	if c.again != nil {
		conn = c.again(conn)
	}
	c.back.give(conn)
}

func (c *restingConn) close() {
	c.mu.Lock()
	c.lost = true
	c.mu.Unlock()
	c.handBack()
}

// closeNow closes the conn, or has it closed when what is under way is answered.
func (c *restingConn) closeNow() {
	c.mu.Lock()
	c.last = true
	idle := c.idle
	c.mu.Unlock()
	if idle {
		c.close()
	}
}

// due closes a conn on which no further request came in time, and hands back one whose request did not come whole.
func (c *restingConn) due(now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over:
		return time.Time{}
	case c.idle && !c.whole.IsZero():
		if now.Before(c.whole) {
			return c.whole
		}
		go c.handBack()
		return time.Time{}
	case c.fresh != nil:
		if end := c.since.Add(c.fresh.Server.ReadHeaderTimeout); now.Before(end) {
			return end
		}
		go c.close()
		return time.Time{}
	case c.back.idle <= 0:
		return time.Time{}
	case !c.idle:
		return now.Add(c.back.idle)
	}
	if end := c.since.Add(c.back.idle); now.Before(end) {
		return end
	}
	go c.close()
	return time.Time{}
}

// readBuffers are where conns read to. One that finds nothing there keeps none.
var readBuffers = sync.Pool{New: func() any { return new([maxEarly]byte) }}

// read reads what has come: the next request, or the client's end, or what it sends ahead of an answer.
func (c *restingConn) read() bool {
	buffer := readBuffers.Get().(*[maxEarly]byte)
	defer readBuffers.Put(buffer)
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return false
	}
	kept, n, err := copy(buffer[:], c.early), 0, errDry
	if kept < len(buffer) {
		n, err = c.tryRead(buffer[kept:])
	}
	b := buffer[:kept+n]
	c.dry, c.short = err == errDry, err == nil && len(b) < len(buffer)
	if !c.dry {
		c.speak()
	}
	switch {
	case err != nil && !c.dry:
		c.lost = true
		c.early = nil
		poll := c.poll
		c.mu.Unlock()
		go c.stir(poll)
		return false
	case len(b) == 0 || n == 0 && !(c.idle && c.whole.IsZero()):
		c.mu.Unlock()
		return true
	case !c.idle:
		c.early = bytes.Clone(b)
		c.mu.Unlock()
		return true
	}
	return c.next(b)
}

// next deals with the beginning of the next request, or with more of it. The caller has the lock, which next gives up.
func (c *restingConn) next(b []byte) bool {
	q, kind := c.h.find(c.back.ctx, b)
	switch kind {
	case resting.Whole:
		c.idle, c.dry, c.whole, c.early = false, false, time.Time{}, nil
		if len(b) > q.Bytes {
			c.early = bytes.Clone(b[q.Bytes:])
		}
		c.mu.Unlock()
		c.serve(q)
		return true
	case resting.Short:
		c.early = bytes.Clone(b)
		wait := c.whole.IsZero()
		if wait {
			c.whole = time.Now().Add(bodyPatience)
		}
		whole := c.whole
		c.mu.Unlock()
		if wait {
			c.h.wheel.set(&c.alarm, whole)
		}
		return true
	}
	c.early = bytes.Clone(b)
	c.mu.Unlock()
	go c.handBack()
	return false
}

// find returns the request with which b begins, and counts it as being served if it is whole.
func (h *Handler) find(ctx context.Context, b []byte) (resting.Request, resting.Kind) {
	h.serving.Add(1) // before unrested is read: after StopResting nobody is counted that Wait has not seen
	if !h.unrested.Load() {
		if q, kind := h.cfg.Known.Read(ctx, b); kind != resting.Foreign {
			if kind == resting.Short {
				h.serving.Add(-1)
			}
			return q, kind
		}
	}
	h.serving.Add(-1)
	return resting.Request{}, resting.Foreign
}

// serve answers a request that was read on c, or has it wait.
func (c *restingConn) serve(q resting.Request) {
	defer c.h.serving.Add(-1)
	w := newRawResponse(c)
	defer w.release()
	q.RemoteAddr = c.peer
	q.Handler.ServeHTTP(w, q.Request)
	q.Release()
	if w.held {
		return
	}
	if closes(w.header) {
		c.mu.Lock()
		c.last = true
		c.mu.Unlock()
	}
	c.write(nil, w.bytes(nil))
}

// stir deals with a conn that is lost. poll is the link that waits on it, or nil.
func (c *restingConn) stir(poll *pollLink) {
	if poll != nil {
		poll.lose("")
		poll.poke()
		return
	}
	c.mu.Lock()
	idle := c.idle
	c.mu.Unlock()
	if idle { // else it is closed when the answer is written, or could not be
		c.handBack()
	}
}

func (c *restingConn) base() *source { return &c.source }

func (c *restingConn) shallow() bool { return true }

func (c *restingConn) crashed(cause any) {
	c.h.panicked(cause)
	c.mu.Lock()
	c.lost = true
	poll := c.poll
	c.mu.Unlock()
	if poll == nil {
		c.handBack()
		return
	}
	c.stir(poll)
}

// speak notes that something was heard on a conn, or that it is over. The caller has the lock.
func (c *restingConn) speak() {
	if c.fresh != nil {
		c.fresh.leave(c.conn)
		c.fresh = nil
	}
}

// pass gives the conn of a request to another inbound, which is watched in the conn's place from now on. It returns
// what the client sent behind the request.
func (c *restingConn) pass(to inbound) (early []byte) {
	c.mu.Lock()
	c.over, early, c.early = true, c.early, nil
	c.mu.Unlock()
	c.h.wheel.remove(&c.alarm)
	c.h.forget(c)
	s := to.base()
	s.conn, s.raw, s.watched = c.conn, c.raw, true
	s.setPlace(c.place())
	c.ready.replace(c.place(), to)
	c.passed = true
	return early
}
