package transports

import (
	"errors"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
)

// readiness reads a conn only when the system says that something is there, so that an idle conn has no goroutine. Who reads is one of
// a few workers, or a goroutine of its own where they are busy; one at a time for each conn.
type readiness struct {
	system  notifier
	plain   goroutines // for what the system cannot watch
	work    chan place
	waiting atomic.Int32 // workers
	once    sync.Once
	quit    chan struct{}

	mu    sync.Mutex // guards all below
	spots []spot
	free  []uint32
}

// notifier tells readiness.fire when a conn that was added becomes readable or is closed by the client: at each change, whether
// or not what came before was read. A conn that we close is forgotten by itself.
type notifier interface {
	add(s *source, at place) error
	remove(s *source)
	can(local net.Addr) bool
	close()
}

// place names a spot and which of its users is meant, so that what is said too late reaches nobody: 0 is nowhere.
type place struct{ index, turn uint32 }

type spot struct {
	in    inbound
	turn  uint32
	state uint8
}

const (
	vacant  uint8 = iota
	resting       // nobody reads; who makes it reading shall
	reading
	recall // reading, and something came meanwhile
)

var errDry = errors.New("transports: nothing is there to be read now")

func newReadiness() *readiness {
	return &readiness{work: make(chan place), quit: make(chan struct{})}
}

func (r *readiness) watch(in inbound) {
	if !r.try(in) {
		r.plain.watch(in)
	}
}

// try watches what can be watched, and reads what is there. Where it answers false nothing is read.
func (r *readiness) try(in inbound) bool {
	s := in.base()
	at := r.enter(in)
	s.settle(at)
	s.watched = true
	if err := r.system.add(s, at); err != nil {
		s.settle(place{})
		s.watched = false
		r.leave(at)
		return false
	}
	r.serve(at) // here, where the stack has grown already: what came with the request is there
	return true
}

// canWatch reports whether the conn of a request is of a kind that the system can watch.
func (r *readiness) canWatch(req *http.Request) bool {
	local, _ := req.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return r.system.can(local)
}

func (r *readiness) release(s *source) {
	if at := s.place(); at.turn != 0 {
		r.system.remove(s)
		r.fire(at)
	}
}

// enter gives in a spot, with its first reading begun.
func (r *readiness) enter(in inbound) place {
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
	sp.in, sp.state = in, reading
	sp.turn++
	return place{i, sp.turn}
}

func (r *readiness) leave(at place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sp := &r.spots[at.index]
	sp.in, sp.state = nil, vacant
	r.free = append(r.free, at.index)
}

// fire says that a conn is to be read: it may be readable, or was closed.
func (r *readiness) fire(at place) {
	r.mu.Lock()
	if at.turn == 0 || int(at.index) >= len(r.spots) || r.spots[at.index].turn != at.turn {
		r.mu.Unlock()
		return
	}
	sp := &r.spots[at.index]
	start := sp.state == resting
	switch sp.state {
	case resting:
		sp.state = reading
	case reading:
		sp.state = recall
	}
	r.mu.Unlock()
	if start {
		r.dispatch(at)
	}
}

// rest ends a reading that found nothing more. It answers false where something came meanwhile: then the reading goes on.
func (r *readiness) rest(at place) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	sp := &r.spots[at.index]
	if sp.state == recall {
		sp.state = reading
		return false
	}
	sp.state = resting
	return true
}

func (r *readiness) dispatch(at place) {
	select {
	case r.work <- at:
	default:
		go r.worker(at)
	}
}

func (r *readiness) worker(at place) {
	for {
		r.serve(at)
		if r.waiting.Add(1) > int32(2*runtime.GOMAXPROCS(0)) {
			r.waiting.Add(-1)
			return
		}
		select {
		case at = <-r.work:
			r.waiting.Add(-1)
		case <-r.quit:
			return
		}
	}
}

// serve reads until nothing is there.
func (r *readiness) serve(at place) {
	r.mu.Lock()
	in := r.spots[at.index].in
	r.mu.Unlock()
	defer func() {
		if cause := recover(); cause != nil {
			in.crashed(cause)
			r.leave(at)
		}
	}()
	for in.read() {
		if in.base().dry && r.rest(at) {
			return
		}
	}
	r.leave(at)
}

// close ends the waiting workers; those that read end after it.
func (r *readiness) close() {
	r.once.Do(func() { close(r.quit) })
	r.system.close()
}
