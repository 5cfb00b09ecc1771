package transports

import (
	"bytes"
	"net"
	"net/http"
	"sync"
	"time"

	"tidings/internal/guard"
)

// pollConn is the connection of a waiting poll, hijacked from net/http so that the wait costs neither a goroutine nor a
// buffer. When frames arrive or the hold ends, a goroutine writes the answer. The conn is then watched until the next
// request begins, and handed back to net/http.
//
// A pollConn waits (poll is set), then idles between two requests (idle is set), then is over (net/http's again, or
// closed).
type pollConn struct {
	source
	h     *Handler
	back  *handback
	again func(net.Conn) net.Conn // puts the guard on again, if the server has one
	turn  turn                    // of the goroutine that answers
	alarm alarm                   // the end of the time between two requests

	mu    sync.Mutex // guards all below
	poll  *pollLink  // nil once it is answered
	head  []byte     // header lines that the handlers before this one had set
	until time.Time  // the end of the hold
	early []byte     // bytes of the next request that came ahead
	lost  bool       // the client left, or sent too much ahead
	idle  bool       // answered, and waiting for the next request
	over  bool       // closed, or net/http's again
}

// maxEarly bounds the bytes that a client may send before its poll is answered.
const maxEarly = 8 << 10

// takeConn takes the conn of a request that has to wait. It reports false, with nothing changed, if the conn cannot be
// taken: HTTP/2, TLS, and systems without readiness.
func (p *pollLink) takeConn(w http.ResponseWriter, r *http.Request) bool {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	ready, ok := p.h.readers.(*readiness)
	closes := r.Close || w.Header().Get("Connection") == "close"
	if server == nil || !ok || r.TLS != nil || closes || r.ProtoMajor != 1 || r.ProtoMinor != 1 || !ready.canWatch(r) {
		return false
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	conn, again := guard.Unwrap(conn)
	if e, ok := conn.(*earlyConn); ok && len(e.early) == 0 {
		conn = e.Conn // what was read ahead is used up: the conn itself can be watched
	}
	conn.SetDeadline(time.Time{})
	c := &pollConn{h: p.h, back: p.h.backTo(server), again: again, poll: p, head: headerBytes(w.Header()), until: time.Now().Add(p.h.cfg.PollHold)}
	c.conn, c.raw = conn, rawConn(conn)
	c.alarm.owner = c
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n)
		c.early = bytes.Clone(early)
	}
	ready.try(c) // if it cannot be watched, a client that leaves is noticed only when it is answered
	p.conn.Store(c)
	p.h.wheel.set(&p.alarm, c.until)
	p.poke()
	return true
}

// poke checks on another goroutine whether the answer is due. It does nothing while a handler waits for this link.
func (p *pollLink) poke() {
	if c := p.conn.Load(); c != nil && c.turn.take() {
		p.h.answers.run(func() {
			for !p.answerOver(c) {
				if c.turn.give() {
					return
				}
			}
		})
	}
}

// answerOver writes the answer to c if it is due, and reports whether that is so. Once it is written the turn is never
// given back: a poll has one answer, and nobody may begin a second one.
func (p *pollLink) answerOver(c *pollConn) bool {
	c.mu.Lock()
	lost, until, head := c.lost, c.until, c.head
	c.mu.Unlock()
	if lost {
		c.handBack()
		return true
	}
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	frames := p.take()
	w := &rawResponse{header: make(http.Header, 4)}
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

// write sends the answer. What the kernel does not take at once is left to a goroutine.
func (c *pollConn) write(p *pollLink, body []byte) {
	if c.raw == nil {
		go c.writeSlowly(p, body)
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
		go c.writeSlowly(p, body)
	default:
		c.awaitNext()
	}
}

func (c *pollConn) writeSlowly(p *pollLink, body []byte) {
	c.conn.SetWriteDeadline(time.Now().Add(c.h.cfg.WriteDeadline * time.Duration(1+len(body)/chunkBytes)))
	if _, err := c.conn.Write(body); err != nil {
		c.broken(p)
		return
	}
	c.conn.SetWriteDeadline(time.Time{})
	c.awaitNext()
}

func (c *pollConn) broken(p *pollLink) {
	p.lose("")
	c.close()
}

// awaitNext begins the time between two requests. It is as long as net/http would wait.
func (c *pollConn) awaitNext() {
	open := c.h.register(c)
	if c.back.idle > 0 {
		c.h.wheel.set(&c.alarm, time.Now().Add(c.back.idle))
	}
	c.mu.Lock()
	c.poll, c.head, c.idle = nil, nil, true
	c.lost = c.lost || !open
	next := c.lost || len(c.early) > 0 || !c.watched
	c.mu.Unlock()
	if next {
		c.handBack()
	}
}

// handBack returns the conn to net/http, with what was read of the next request. If the client is lost the conn is
// closed.
func (c *pollConn) handBack() {
	c.mu.Lock()
	over := c.over
	c.over = true
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

func (c *pollConn) close() {
	c.mu.Lock()
	c.lost = true
	c.mu.Unlock()
	c.handBack()
}

func (c *pollConn) closeNow() { c.close() }

// due closes a conn on which no further request came in time.
func (c *pollConn) due(time.Time) time.Time {
	go c.close()
	return time.Time{}
}

// read notices that the client leaves, and keeps what it sends ahead.
func (c *pollConn) read() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	var b [512]byte
	n, err := c.tryRead(b[:])
	c.early = append(c.early, b[:n]...)
	c.dry = err == errDry
	switch {
	case c.dry:
		return true
	case err != nil || len(c.early) > maxEarly:
		c.lost = true
	case !c.idle:
		return true
	}
	go c.stir(c.poll)
	return false
}

// stir deals with a conn on which something was read, or which is lost. poll is the link that waits on it, or nil.
func (c *pollConn) stir(poll *pollLink) {
	if poll == nil {
		c.handBack()
		return
	}
	poll.lose("")
	poll.poke()
}

func (c *pollConn) base() *source { return &c.source }

func (c *pollConn) shallow() bool { return true }

func (c *pollConn) crashed(cause any) {
	c.h.panicked(cause)
	c.mu.Lock()
	c.lost = true
	poll := c.poll
	c.mu.Unlock()
	c.stir(poll)
}
