package scenario

import (
	"cmp"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// windowBytes is how much a sender may have under way in one direction, as a TCP window and two socket buffers hold.
const windowBytes = 64 << 10

// way is how bytes travel in one direction of a link. All wires of the link share it; its link's mutex guards it.
type way struct {
	held   bool                 // bytes wait
	delay  func() time.Duration // of each write; nil none
	rate   int                  // bytes per second; 0 any
	sliced bool                 // one byte at a time
	mtu    int                  // a longer write never arrives, and nothing after it; 0 any
}

// lane is one direction of a wire: an ordered, bounded queue of bytes. A lane belongs to a link, whose mutex guards it.
type lane struct {
	wire  *wire
	way   *way
	moved *sync.Cond

	chunks   []chunk
	size     int
	late     time.Duration // on top of way.delay
	last     time.Time     // when the last chunk arrives
	void     bool          // nothing arrives any more, and nobody is told
	held     bool          // as way.held, for this lane
	fin      bool          // the writer has closed
	gone     bool          // the reader has closed
	readErr  error         // the reader is told
	writeErr error         // the writer is told
	budget   int           // bytes until the wire is reset; -1 for ever
	passed   int           // bytes that arrived
	readBy   time.Time
	writeBy  time.Time
	readDone bool // closed here
}

type chunk struct {
	data []byte
	at   time.Time
}

// wait waits for something to change, at most until at where that is not zero.
func (l *lane) wait(at ...time.Time) {
	var first time.Time
	for _, t := range at {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if first.IsZero() {
		l.moved.Wait()
		return
	}
	timer := time.AfterFunc(time.Until(first), func() {
		l.wire.link.mu.Lock()
		l.moved.Broadcast()
		l.wire.link.mu.Unlock()
	})
	l.moved.Wait()
	timer.Stop()
}

func expired(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

func (l *lane) write(p []byte) (n int, err error) {
	l.wire.link.mu.Lock()
	defer l.wire.link.mu.Unlock()
	for {
		switch {
		case l.writeErr != nil:
			return n, l.writeErr
		case l.fin:
			return n, net.ErrClosed
		case expired(l.writeBy):
			return n, os.ErrDeadlineExceeded
		case l.gone && !l.void && !l.held && !l.way.held:
			return n, syscall.EPIPE
		case len(p) == 0:
			return n, nil
		case l.size >= windowBytes:
			l.wait(l.writeBy)
			continue
		}
		k := min(len(p), windowBytes-l.size)
		l.put(append([]byte(nil), p[:k]...))
		n, p = n+k, p[k:]
	}
}

func (l *lane) put(data []byte) {
	at := time.Now().Add(l.late)
	if l.way.delay != nil {
		at = at.Add(l.way.delay())
	}
	if l.last.After(at) {
		at = l.last
	}
	if l.way.rate > 0 {
		at = at.Add(time.Duration(len(data)) * time.Second / time.Duration(l.way.rate))
	}
	if l.way.mtu > 0 && len(data) > l.way.mtu {
		l.void = true
	}
	l.last = at
	l.chunks = append(l.chunks, chunk{data, at})
	l.size += len(data)
	l.moved.Broadcast()
}

func (l *lane) read(p []byte) (int, error) {
	l.wire.link.mu.Lock()
	defer l.wire.link.mu.Unlock()
	for {
		switch {
		case l.readDone:
			return 0, net.ErrClosed
		case l.readErr != nil:
			return 0, l.readErr
		case expired(l.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case l.void || l.held || l.way.held:
			l.wait(l.readBy)
		case len(l.chunks) == 0 && l.fin:
			return 0, io.EOF
		case len(l.chunks) == 0:
			l.wait(l.readBy)
		case l.chunks[0].at.After(time.Now()):
			l.wait(l.readBy, l.chunks[0].at)
		default:
			return l.take(p), nil
		}
	}
}

// hurry lets what is under way arrive now: it was on a slow network.
func (l *lane) hurry() {
	now := time.Now()
	for i := range l.chunks {
		if l.chunks[i].at.After(now) {
			l.chunks[i].at = now
		}
	}
	l.last = now
}

func (l *lane) take(p []byte) int {
	if l.way.sliced {
		p = p[:1]
	}
	if l.budget > 0 {
		p = p[:min(len(p), l.budget)]
	}
	c := &l.chunks[0]
	n := copy(p, c.data)
	if c.data = c.data[n:]; len(c.data) == 0 {
		l.chunks = l.chunks[1:]
	}
	l.size -= n
	l.passed += n
	l.moved.Broadcast()
	if l.budget > 0 {
		if l.budget -= n; l.budget == 0 {
			l.wire.reset() // after these bytes
		}
	}
	return n
}

// wire is one TCP connection of a link.
type wire struct {
	link     *link
	up, down *lane // up leads to the server
	to       *listener
	client   net.Conn
	server   net.Conn
	idle     *time.Timer
}

// reset tells both sides, at once, that the wire broke. What was under way is lost.
func (w *wire) reset() {
	for _, l := range []*lane{w.up, w.down} {
		l.fail(syscall.ECONNRESET, syscall.ECONNRESET)
	}
}

// fail tells the reader, and the writer, that the lane is broken. The first word counts.
func (l *lane) fail(reader, writer error) {
	l.readErr, l.writeErr = cmp.Or(l.readErr, reader), cmp.Or(l.writeErr, writer)
	l.moved.Broadcast()
}

// over tells whether both sides know that the wire is no more.
func (w *wire) over() bool {
	return w.up.fin && w.down.fin && w.up.readDone && w.down.readDone
}

// end is one side of a wire.
type end struct {
	wire        *wire
	read, write *lane
	local, peer net.Addr
}

var _ net.Conn = (*end)(nil)

func (e *end) Read(p []byte) (int, error) {
	n, err := e.read.read(p)
	e.wire.touch()
	return n, err
}

func (e *end) Write(p []byte) (int, error) {
	e.wire.touch()
	return e.write.write(p)
}

// touch begins the time anew after which an idle wire is cut.
func (w *wire) touch() {
	w.link.mu.Lock()
	defer w.link.mu.Unlock()
	if w.idle != nil {
		w.idle.Reset(w.link.idle)
	}
}

func (e *end) Close() error {
	e.wire.link.mu.Lock()
	defer e.wire.link.mu.Unlock()
	if e.read.readDone {
		return net.ErrClosed
	}
	e.read.readDone, e.read.gone, e.write.fin = true, true, true
	e.read.moved.Broadcast()
	e.write.moved.Broadcast()
	if e.wire.over() {
		e.wire.link.forget(e.wire)
	}
	return nil
}

func (e *end) LocalAddr() net.Addr  { return e.local }
func (e *end) RemoteAddr() net.Addr { return e.peer }

func (e *end) SetDeadline(t time.Time) error {
	return errors.Join(e.SetReadDeadline(t), e.SetWriteDeadline(t))
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.wire.link.mu.Lock()
	defer e.wire.link.mu.Unlock()
	e.read.readBy = t
	e.read.moved.Broadcast()
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.wire.link.mu.Lock()
	defer e.wire.link.mu.Unlock()
	e.write.writeBy = t
	e.write.moved.Broadcast()
	return nil
}
