package transports

import (
	"net"
	"net/http"
	"time"
)

// Arrivals is how the conns of a listener begin.
type Arrivals struct {
	// Server serves what Listener returns. It gets the conns whose first request is of no known form.
	Server *http.Server
	// Guard is put around each conn that Server gets; nil for none.
	Guard func(net.Conn) net.Conn
	// Enter counts a conn on which nothing was said yet, and reports false for one too many, which is closed then.
	// Leave ends that. Both may be nil.
	Enter func(net.Conn) bool
	Leave func(net.Conn)
}

// Listener returns l for a.Server. The first request of each conn is read as those of conns that rest are. A WebSocket
// or a poll that is opened by a request of a known form thus costs nothing of net/http.
func (h *Handler) Listener(l net.Listener, a Arrivals) net.Listener {
	return &arrivals{Listener: l, Arrivals: a, h: h}
}

type arrivals struct {
	net.Listener
	Arrivals
	h *Handler
}

// Accept returns the next conn that cannot be watched.
func (a *arrivals) Accept() (net.Conn, error) {
	for {
		c, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !a.take(c) {
			return a.guarded(c), nil
		}
	}
}

func (a *arrivals) guarded(c net.Conn) net.Conn {
	if a.Guard == nil {
		return c
	}
	return a.Guard(c)
}

// take has the first request of a conn read here, or closes the conn if it is one too many. It reports false if the
// conn cannot be watched, or is to be net/http's since no conn is to rest any more.
func (a *arrivals) take(conn net.Conn) bool {
	ready, ok := a.h.readers.(*readiness)
	if !ok || !ready.system.can(conn.LocalAddr()) || a.h.unrested.Load() {
		return false
	}
	if a.Enter != nil && !a.Enter(conn) {
		conn.Close()
		return true
	}
	c := &restingConn{h: a.h, ready: ready, back: a.h.backTo(a.Server), again: a.Guard, peer: conn.RemoteAddr().String(), fresh: a, idle: true, since: time.Now()}
	c.conn, c.raw = conn, rawConn(conn)
	c.alarm.owner = c
	if !a.h.register(c) {
		c.close()
		return true
	}
	if a.Server.ReadHeaderTimeout > 0 {
		a.h.wheel.set(&c.alarm, c.since.Add(a.Server.ReadHeaderTimeout))
	}
	if !ready.add(c) {
		a.h.wheel.remove(&c.alarm)
		a.h.forget(c)
		a.leave(conn)
		return false
	}
	return true
}

func (a *arrivals) leave(c net.Conn) {
	if a.Leave != nil {
		a.Leave(c)
	}
}
