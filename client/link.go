package client

import (
	"context"
	"sync"

	"tidings/protocol"
)

// link is one transport's attempt to carry the session. Its methods never block. What it brings comes as events.
type link interface {
	// send sends frames in order. The first is connect.
	send(frames ...protocol.ClientFrame)
	// close ends the link at once; what waits is lost.
	close()
	// moving reports whether another link is being tried. While it is, no more may be reported as received than its
	// connect says.
	moving(bool)
	// finish sends what waits. The channel is closed when the server has it, as far as the link can tell.
	finish() <-chan struct{}
}

// base is what the links have in common.
type base struct {
	c      *Client
	id     int
	token  string
	ctx    context.Context // ended by close
	cancel context.CancelFunc
	out    outbound
	ended  chan struct{} // see finish; closed by stop
	once   sync.Once
}

// readMax bounds what one message, event or answer of the server may take, in bytes: above a history answer of 256
// messages of ordinary size, and above any single frame.
const readMax = 4 << 20

// open starts a link. It dials when connect is sent.
func (c *Client) open(id int, transport string) link {
	b := &base{c: c, id: id, token: c.token, ended: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(c.ctx)
	b.out.more = make(chan struct{}, 1)
	var l interface {
		link
		run() error
	}
	switch transport {
	case protocol.WebSocket:
		l = &webSocket{b}
	case protocol.SSE:
		l = &sse{b}
	default:
		l = &poll{base: b}
	}
	b.spawn(func() { b.up(event{err: l.run()}) })
	return l
}

func (b *base) spawn(fn func()) {
	b.c.workers.Add(1)
	go func() {
		defer b.c.workers.Done()
		fn()
	}()
}

func (b *base) send(frames ...protocol.ClientFrame) { b.out.push(frames) }

func (b *base) close() { b.cancel() }

func (b *base) moving(bool) {} // what these report passes the state machine, which knows

func (b *base) finish() <-chan struct{} {
	b.out.finish()
	return b.ended
}

// stop notes that everything was sent.
func (b *base) stop() { b.once.Do(func() { close(b.ended) }) }

// up hands an event to the loop. It waits where the program is slow, and answers false when the link was closed.
func (b *base) up(e event) bool {
	e.link = b.id
	select {
	case b.c.events <- e:
		return true
	case <-b.ctx.Done():
		return false
	}
}

// outbound is what waits to be sent over a link.
type outbound struct {
	more chan struct{} // holds a token while frames wait, or the end

	mu        sync.Mutex
	frames    []protocol.ClientFrame // guarded by mu
	finishing bool                   // guarded by mu
}

func (o *outbound) push(frames []protocol.ClientFrame) {
	o.mu.Lock()
	o.frames = append(o.frames, frames...)
	o.mu.Unlock()
	o.signal()
}

func (o *outbound) finish() {
	o.mu.Lock()
	o.finishing = true
	o.mu.Unlock()
	o.signal()
}

func (o *outbound) signal() {
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// take returns frames that wait: at most protocol.MaxFrames and, but for the first, maxBytes of JSON. last says that
// nothing will follow them.
func (o *outbound) take(maxBytes int) (frames []protocol.ClientFrame, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, size := 0, 0
	var scratch []byte
	for n < len(o.frames) && n < protocol.MaxFrames {
		scratch = protocol.AppendClientFrame(scratch[:0], &o.frames[n])
		size += len(scratch) + len(",")
		if n > 0 && size > maxBytes {
			break
		}
		n++
	}
	frames, o.frames = o.frames[:n:n], o.frames[n:]
	if len(o.frames) > 0 {
		o.signal()
	}
	return frames, o.finishing && len(o.frames) == 0
}

// wait is take, but it waits for something to take. It answers false when ctx ended.
func (o *outbound) wait(ctx context.Context, maxBytes int) (frames []protocol.ClientFrame, last, ok bool) {
	for {
		select {
		case <-o.more:
		case <-ctx.Done():
			return nil, false, false
		}
		if frames, last = o.take(maxBytes); len(frames) > 0 || last {
			return frames, last, true
		}
	}
}
