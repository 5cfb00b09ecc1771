package transports

import (
	"net"
	"net/http"
	"sync"
)

// readiness reads a conn only when the system reports that something is there, so that an idle conn has no goroutine.
// A worker of its crew reads, and never two for one conn.
type readiness struct {
	system notifier
	plain  goroutines // for what the system cannot watch
	crew   crew

	mu    sync.Mutex // guards all below
	spots []spot
	free  []uint32
}

// notifier calls readiness.note when a conn that was added becomes readable or is closed by the client: at each change,
// whether or not the bytes before it were read, and with whether the client's end is there or something is wrong. A
// conn that we close is removed without a call.
type notifier interface {
	add(s *source, at place) error
	remove(s *source)
	can(local net.Addr) bool
	close()
}

type spot struct {
	in    inbound
	use   uint32
	state uint8
	ended bool // the client's end may be there to be read: the last event said so, or there was none
}

const (
	vacant uint8 = iota
	quiet        // nobody reads; the goroutine that sets reading has to
	reading
	recall // reading, and something came meanwhile
)

func newReadiness() *readiness {
	r := &readiness{}
	r.crew.serve = r.serve
	return r
}

func (r *readiness) watch(in inbound) {
	if !r.try(in) {
		r.plain.watch(in)
	}
}

// try watches in and reads what is there. If in cannot be watched it reads nothing and reports false.
func (r *readiness) try(in inbound) bool {
	at, ok := r.begin(in)
	if ok {
		r.serve(at) // on this goroutine, whose stack has grown already: what came with the request is there
	}
	return ok
}

// begin watches in, and begins its first reading.
func (r *readiness) begin(in inbound) (at place, ok bool) {
	s := in.base()
	at = r.occupy(in)
	s.setPlace(at)
	s.watched = true
	if err := r.system.add(s, at); err != nil {
		s.setPlace(place{})
		s.watched = false
		r.vacate(at)
		return at, false
	}
	return at, true
}

// add watches in, and leaves what is there to a worker. If in cannot be watched it reports false.
func (r *readiness) add(in inbound) bool {
	at, ok := r.begin(in)
	if ok && !r.rest(at, true) {
		r.crew.add(at)
	}
	return ok
}

// canWatch reports whether the conn of a request is of a kind that the system can watch.
func (r *readiness) canWatch(req *http.Request) bool {
	local, _ := req.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return r.system.can(local)
}

func (r *readiness) release(s *source) {
	if at := s.place(); at.use != 0 {
		r.system.remove(s)
		r.fire(at)
	}
}

// occupy returns the place of a spot for in, with its first reading begun.
func (r *readiness) occupy(in inbound) place {
	r.mu.Lock()
	defer r.mu.Unlock()
	var i uint32
	if n := len(r.free); n > 0 {
		i, r.free = r.free[n-1], r.free[:n-1]
	} else {
		i = uint32(len(r.spots))
		r.spots = append(r.spots, spot{})
	}
	sp := &r.spots[i]
	sp.in, sp.state, sp.ended = in, reading, true
	sp.use++
	return place{i, sp.use}
}

// inboundAt returns what reads a place. Only the goroutine that reads it may call inboundAt.
func (r *readiness) inboundAt(at place) inbound {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spots[at.index].in
}

// replace has another inbound read what comes on a watched conn. The goroutine that reads it calls it.
func (r *readiness) replace(at place, by inbound) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spots[at.index].in = by
}

func (r *readiness) vacate(at place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sp := &r.spots[at.index]
	sp.in, sp.state = nil, vacant
	r.free = append(r.free, at.index)
}

// fire has a conn read, which may be readable or was closed.
func (r *readiness) fire(at place) { r.note(at, true) }

// note has a conn read, which is readable. ended is whether the client's end, or an error, may be there to be read.
func (r *readiness) note(at place, ended bool) {
	r.mu.Lock()
	if at.use == 0 || int(at.index) >= len(r.spots) || r.spots[at.index].use != at.use {
		r.mu.Unlock()
		return
	}
	sp := &r.spots[at.index]
	start := sp.state == quiet
	switch sp.state {
	case quiet:
		sp.state, sp.ended = reading, ended
	case reading, recall:
		sp.state, sp.ended = recall, sp.ended || ended
	}
	r.mu.Unlock()
	if start {
		r.crew.add(at)
	}
}

// rest ends a reading that found nothing more (dry), or less than it had space for. If something came meanwhile, or may
// still be there, it reports false, and the reading goes on.
func (r *readiness) rest(at place, dry bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	sp := &r.spots[at.index]
	if sp.state == recall {
		sp.state = reading
		return false
	}
	if sp.ended && !dry {
		return false
	}
	sp.state = quiet
	return true
}

// serve reads until nothing is there.
func (r *readiness) serve(at place) {
	in := r.inboundAt(at)
	defer func() {
		if cause := recover(); cause != nil {
			in.crashed(cause)
			r.vacate(at)
		}
	}()
	for in.read() {
		s := in.base()
		if s.passed {
			in = r.inboundAt(at)
			continue
		}
		if (s.dry || s.short) && r.rest(at, s.dry) {
			return
		}
	}
	r.vacate(at)
}

// close ends the waiting workers. Those that are reading end afterwards.
func (r *readiness) close() {
	r.crew.close()
	r.system.close()
}
