package transports

import (
	"bytes"
	"cmp"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"tidings/protocol"
)

// holding is the conn of a poll that waits, taken from net/http so that no goroutine and no buffer waits with it. What ends the wait, frames
// or the end of the hold, makes a goroutine for the answer. Then the conn rests, watched as before, until the next request begins, which
// is net/http's again.
type holding struct {
	source
	h     *Handler
	back  *handback
	turn  turn  // of who answers
	alarm alarm // the end of the rest

	mu      sync.Mutex // guards all below
	poll    *heldPoll  // nil once it is answered
	head    []byte     // of the answer: what the handlers before us had set
	until   time.Time  // the end of the hold
	early   []byte     // of the next request
	lost    bool       // the client left, or sent too much ahead
	resting bool
	over    bool // the conn is closed or net/http's
}

// maxEarly bounds what a client may send ahead.
const maxEarly = 8 << 10

// hold takes the conn of a request that has to wait. It answers false, with nothing changed, where it cannot be taken: HTTP/2, TLS, and
// systems without readiness.
func (p *heldPoll) hold(w http.ResponseWriter, r *http.Request) bool {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	ready, ok := p.h.readers.(*readiness)
	if server == nil || !ok || r.TLS != nil || r.Close || r.ProtoMajor != 1 || r.ProtoMinor != 1 || !ready.canWatch(r) {
		return false
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	if e, ok := conn.(*earlyConn); ok && len(e.early) == 0 {
		conn = e.Conn // what was read ahead is used up: the conn itself can be watched
	}
	conn.SetDeadline(time.Time{})
	k := &holding{h: p.h, back: p.h.backTo(server), poll: p, head: headOf(w.Header()), until: time.Now().Add(p.h.cfg.PollHold)}
	k.conn, k.raw = conn, rawConn(conn)
	k.alarm.owner = k
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n)
		k.early = bytes.Clone(early)
	}
	ready.try(k) // else a client that leaves is noticed when it is answered
	p.held.Store(k)
	p.h.wheel.set(&p.alarm, k.until)
	p.poke()
	return true
}

func headOf(header http.Header) []byte {
	var b bytes.Buffer
	header.Write(&b)
	return b.Bytes()
}

// poke looks whether the answer can be given, on another goroutine. It does nothing while a handler waits.
func (p *heldPoll) poke() {
	if k := p.held.Load(); k != nil && k.turn.take() {
		p.h.answers.run(func() {
			for !p.answerHeld(k) {
				if k.turn.give() {
					return
				}
			}
		})
	}
}

// answerHeld gives the answer if it is time. After it the turn is never given back.
func (p *heldPoll) answerHeld(k *holding) bool {
	k.mu.Lock()
	lost, until, head := k.lost, k.until, k.head
	k.mu.Unlock()
	if lost {
		k.goOn()
		return true
	}
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	frames := p.bound.outbox.Take(p.bound.gen, nil, protocol.MaxOutboxFrames, protocol.RecoveryPageBytes)
	w := &byHand{header: make(http.Header, 4)}
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
		p.h.refuse(w, &http.Request{RemoteAddr: k.conn.RemoteAddr().String(), ProtoMajor: 1}, err)
	}
	p.held.Store(nil)
	k.write(p, w.bytes(head))
	return true
}

// write gives the answer. What the kernel does not take at once goes on in a goroutine.
func (k *holding) write(p *heldPoll, body []byte) {
	if k.raw == nil {
		go k.writeSlowly(p, body)
		return
	}
	b := batches.Get().(*batch)
	b.out = body
	err := b.writeNow(k.raw)
	body = body[b.n:]
	b.release()
	switch {
	case err != nil:
		go k.broken(p)
	case len(body) > 0:
		go k.writeSlowly(p, body)
	default:
		k.rest()
	}
}

func (k *holding) writeSlowly(p *heldPoll, body []byte) {
	k.conn.SetWriteDeadline(time.Now().Add(k.h.cfg.WriteDeadline * time.Duration(1+len(body)/chunkBytes)))
	if _, err := k.conn.Write(body); err != nil {
		k.broken(p)
		return
	}
	k.conn.SetWriteDeadline(time.Time{})
	k.rest()
}

func (k *holding) broken(p *heldPoll) {
	p.lose("")
	k.close()
}

// rest waits for the next request as long as net/http would.
func (k *holding) rest() {
	open := k.h.enter(k)
	if k.back.idle > 0 {
		k.h.wheel.set(&k.alarm, time.Now().Add(k.back.idle))
	}
	k.mu.Lock()
	k.poll, k.head, k.resting = nil, nil, true
	k.lost = k.lost || !open
	next := k.lost || len(k.early) > 0 || !k.watched
	k.mu.Unlock()
	if next {
		k.goOn()
	}
}

// goOn leaves the conn to net/http, with what was read of the next request, or closes it where the client is lost.
func (k *holding) goOn() {
	k.mu.Lock()
	over := k.over
	k.over = true
	early, lost := k.early, k.lost
	k.early = nil
	k.mu.Unlock()
	if over {
		return
	}
	k.h.wheel.remove(&k.alarm)
	k.h.leave(k)
	k.h.readers.release(&k.source)
	if lost {
		k.conn.Close()
		return
	}
	k.back.give(k.conn, early)
}

func (k *holding) close() {
	k.mu.Lock()
	k.lost = true
	k.mu.Unlock()
	k.goOn()
}

func (k *holding) closeNow() { k.close() }

// due ends a rest that took too long.
func (k *holding) due(time.Time) time.Time {
	go k.close()
	return time.Time{}
}

// read notices that the client leaves, and keeps what it sends ahead.
func (k *holding) read() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return false
	}
	var b [512]byte
	n, err := k.tryRead(b[:])
	k.early = append(k.early, b[:n]...)
	k.dry = err == errDry
	switch {
	case k.dry:
		return true
	case err != nil || len(k.early) > maxEarly:
		k.lost = true
	case !k.resting:
		return true
	}
	go k.stir(k.poll)
	return false
}

// stir goes on with a conn of which something was heard. poll is what waits on it, if anything does.
func (k *holding) stir(poll *heldPoll) {
	if poll == nil {
		k.goOn()
		return
	}
	poll.lose("")
	poll.poke()
}

func (k *holding) base() *source { return &k.source }

func (k *holding) shallow() bool { return true }

func (k *holding) crashed(cause any) {
	k.h.panicked(cause)
	k.mu.Lock()
	k.lost = true
	poll := k.poll
	k.mu.Unlock()
	k.stir(poll)
}

// byHand is an answer that is written without net/http.
type byHand struct {
	header http.Header
	status int
	body   []byte
}

func (w *byHand) Header() http.Header         { return w.header }
func (w *byHand) WriteHeader(status int)      { w.status = status }
func (w *byHand) Write(p []byte) (int, error) { w.body = append(w.body, p...); return len(p), nil }

func (w *byHand) bytes(head []byte) []byte {
	b := bytes.NewBuffer(make([]byte, 0, len(head)+len(w.body)+256))
	b.WriteString("HTTP/1.1 " + strconv.Itoa(w.status) + " " + http.StatusText(w.status) + "\r\n")
	b.WriteString("Date: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	b.Write(head)
	w.header.Write(b)
	b.WriteString("\r\n")
	b.Write(w.body)
	return b.Bytes()
}

// handback is a listener whose conns come from held polls.
type handback struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
	addr  net.Addr
	idle  time.Duration // how long a conn may wait for its next request; 0: for ever
}

// backTo gives the way back to a server, the same for all its conns.
func (h *Handler) backTo(server *http.Server) *handback {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b := h.backs[server]; b != nil {
		return b
	}
	b := &handback{conns: make(chan net.Conn), done: make(chan struct{}), addr: &net.TCPAddr{}, idle: cmp.Or(server.IdleTimeout, server.ReadTimeout)}
	if h.backs == nil {
		h.backs = make(map[*http.Server]*handback)
	}
	h.backs[server] = b
	if h.links == nil { // after Close
		b.Close()
		return b
	}
	go func() {
		defer b.Close()
		server.Serve(b) // until Shutdown, or Handler.Close
	}()
	return b
}

// give lets the server go on with a conn, of which early was read already. To net/http it is a new one.
func (b *handback) give(conn net.Conn, early []byte) {
	if len(early) > 0 {
		conn = &earlyConn{conn, early}
	}
	select {
	case b.conns <- conn:
	case <-b.done:
		conn.Close()
	}
}

func (b *handback) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.done:
		return nil, net.ErrClosed
	}
}

func (b *handback) Close() error {
	b.once.Do(func() { close(b.done) })
	return nil
}

func (b *handback) Addr() net.Addr { return b.addr }

// earlyConn gives first what was read before.
type earlyConn struct {
	net.Conn
	early []byte
}

func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
