package scenario

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

var errNoRoute = errors.New("scenario: the network is unreachable")

// link is the way of one party to a server: every connection that it opens. A link can do to them what networks do.
type link struct {
	name string
	to   func() *listener // whom a new connection reaches; nil for nobody

	mu       sync.Mutex // guards all below, and the lanes
	wires    []*wire
	up, down way
	dark     bool // no connection can be made: at once
	hidden   bool // no connection can be made: nobody answers
	idle     time.Duration
	changed  *sync.Cond
	address  byte
	ports    int
	dials    int
}

func newLink(name string, to func() *listener) *link {
	l := &link{name: name, to: to, address: 1}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// dial opens a connection.
func (l *link) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		l.changed.Broadcast()
		l.mu.Unlock()
	})
	defer stop()
	l.mu.Lock()
	l.dials++
	for (l.hidden || l.up.held || l.down.held) && !l.dark && ctx.Err() == nil {
		l.changed.Wait()
	}
	var rtt time.Duration
	for _, d := range []func() time.Duration{l.up.delay, l.down.delay} {
		if d != nil {
			rtt += d()
		}
	}
	dark := l.dark
	l.mu.Unlock()
	if dark {
		return nil, errNoRoute
	}
	if rtt > 0 {
		time.Sleep(rtt)
	}
	to := l.to()
	if to == nil {
		return nil, syscall.ECONNREFUSED
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	w := l.open(to)
	if err := to.offer(ctx, w.server); err != nil {
		w.client.Close()
		w.server.Close()
		return nil, err
	}
	return w.client, nil
}

func (l *link) open(listener *listener) *wire {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &wire{link: l, to: listener}
	lane := func(by *way) *lane { return &lane{wire: w, way: by, moved: sync.NewCond(&l.mu), budget: -1} }
	w.up, w.down = lane(&l.up), lane(&l.down)
	l.ports++
	from := &net.TCPAddr{IP: net.IPv4(192, 0, 2, l.address), Port: 40000 + l.ports}
	to := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 80}
	w.client = &end{wire: w, read: w.down, write: w.up, local: from, peer: to}
	w.server = &end{wire: w, read: w.up, write: w.down, local: to, peer: from}
	if l.idle > 0 {
		w.idle = time.AfterFunc(l.idle, func() {
			l.mu.Lock()
			w.reset()
			l.mu.Unlock()
		})
	}
	l.wires = slices.DeleteFunc(l.wires, (*wire).over)
	l.wires = append(l.wires, w)
	return w
}

func (l *link) forget(w *wire) {
	if w.idle != nil {
		w.idle.Stop()
	}
	l.wires = slices.DeleteFunc(l.wires, func(other *wire) bool { return other == w })
}

// change does something under the lock and tells everybody.
func (l *link) change(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
	l.changed.Broadcast()
	for _, w := range l.wires {
		w.up.moved.Broadcast()
		w.down.moved.Broadcast()
	}
}

func (l *link) each(fn func(*wire)) {
	for _, w := range l.wires {
		fn(w)
	}
}

// Cut breaks what is open, both sides hear of it, and nothing can be opened until Heal.
func (l *link) Cut() {
	l.change(func() { l.dark = true; l.each((*wire).reset) })
}

// Blink breaks what is open; new connections work at once.
func (l *link) Blink() { l.change(func() { l.each((*wire).reset) }) }

// CutAfter breaks each open connection when n more bytes have come down: in the middle of a frame.
func (l *link) CutAfter(n int) { l.change(func() { l.each(func(w *wire) { w.down.budget = n }) }) }

// Vanish lets no byte pass and tells nobody; what is open is dead for good, as under a NAT that forgot it.
func (l *link) Vanish() {
	l.change(func() {
		l.hidden = true
		l.each(func(w *wire) { w.up.void, w.down.void = true, true })
	})
}

// DeadDown lets nothing more arrive from the server over what is open, DeadUp nothing at the server; nobody is told.
func (l *link) DeadDown() { l.change(func() { l.each(func(w *wire) { w.down.void = true }) }) }
func (l *link) DeadUp()   { l.change(func() { l.each(func(w *wire) { w.up.void = true }) }) }

// Roam is another network: the client's side knows at once that its connections are gone, the server hears nothing.
func (l *link) Roam() {
	l.change(func() {
		l.address++
		l.each(func(w *wire) {
			w.up.void, w.down.void = true, true
			w.up.fail(nil, syscall.ENETRESET)
			w.down.fail(syscall.ENETRESET, nil)
		})
	})
}

// Stall holds all bytes; Heal lets them go on, none is lost.
func (l *link) Stall() { l.change(func() { l.up.held, l.down.held = true, true }) }

// StallDown holds what comes from the server, StallUp what goes to it.
func (l *link) StallDown() { l.change(func() { l.down.held = true }) }
func (l *link) StallUp()   { l.change(func() { l.up.held = true }) }

// Delay makes each direction take d and up to jitter more, without reordering: as TCP shows loss.
func (l *link) Delay(d, jitter time.Duration) {
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func() time.Duration {
		if jitter == 0 {
			return d
		}
		return d + time.Duration(rng.Int64N(int64(jitter)))
	}
	l.change(func() { l.up.delay, l.down.delay = draw, draw })
}

// DelayOpen delays what the server sends over the connections that are open now; new ones are fast.
func (l *link) DelayOpen(d time.Duration) {
	l.change(func() { l.each(func(w *wire) { w.down.late = d }) })
}

// Rate bounds each connection to n bytes per second each way.
func (l *link) Rate(n int) { l.change(func() { l.up.rate, l.down.rate = n, n }) }

// Slice lets bytes arrive one at a time.
func (l *link) Slice() { l.change(func() { l.up.sliced, l.down.sliced = true, true }) }

// Hole swallows every write of the server above n bytes, and what follows it on that connection.
func (l *link) Hole(n int) { l.change(func() { l.down.mtu = n }) }

// CutIdle breaks each connection from now on over which nothing went for d.
func (l *link) CutIdle(d time.Duration) { l.change(func() { l.idle = d }) }

// Heal makes the network whole. What Vanish or Cut did to open connections stays done.
func (l *link) Heal() {
	l.change(func() {
		l.dark, l.hidden, l.up, l.down = false, false, way{}, way{}
		l.each(func(w *wire) { w.up.hurry(); w.down.hurry() })
	})
}

// crash breaks what leads to a listener.
func (l *link) crash(to *listener) {
	l.change(func() {
		l.each(func(w *wire) {
			if w.to == to {
				w.reset()
			}
		})
	})
}

// freeze holds, or lets go, what is open to a listener.
func (l *link) freeze(to *listener, on bool) {
	l.change(func() {
		l.each(func(w *wire) {
			if w.to == to {
				w.up.held, w.down.held = on, on
			}
		})
	})
}

// whole tells whether nothing is wrong with it.
func (l *link) whole() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.dark && !l.hidden && !l.up.held && !l.down.held
}

// tries is how often a connection was dialled.
func (l *link) tries() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dials
}

// listener is where links end.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *listener) offer(ctx context.Context, c net.Conn) error {
	select {
	case l.conns <- c:
		return nil
	case <-l.done:
		return syscall.ECONNREFUSED
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 80} }
