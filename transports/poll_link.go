package transports

import (
	"sync"
	"sync/atomic"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// heldPoll is the link of one long-poll request. After its answer it rests under the outbox, which so keeps its room for frames,
// until the next request takes its place or the client was silent too long.
type heldPoll struct {
	h     *Handler
	bound binding
	alarm alarm

	held atomic.Pointer[holding] // the conn, when the answer may be given without a handler

	mu      sync.Mutex // guards all below
	waiter  *waiter    // of the handler that waits, if one does
	resting bool       // answered: no request waits
	ended   bool
	last    *protocol.Encoded
	heard   time.Time // when the client was heard last
	retired bool
}

var _ core.Link = (*heldPoll)(nil)

// waiter lets a handler hear of its link.
type waiter struct {
	wake chan struct{} // holds one
	done chan struct{} // closed by End
}

func (h *Handler) newPoll() *heldPoll {
	p := &heldPoll{h: h}
	p.alarm.owner = p
	return p
}

// listen makes the handler hear of what happens from now on.
func (p *heldPoll) listen() *waiter {
	w := &waiter{wake: make(chan struct{}, 1), done: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiter = w
	if p.ended {
		close(w.done)
	}
	return w
}

// enter puts the link among those that the handler knows.
func (p *heldPoll) enter(session Session, gen uint64) {
	p.bound = binding{session, session.Outbox(), gen}
	p.h.tallies[pollKind].open.Add(1)
	if !p.h.enter(p) {
		p.End(nil)
	}
}

// Wake tells the request that frames wait.
func (p *heldPoll) Wake() {
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

// End lets the request answer last. Where it is answered already there is nobody to tell: the next request will be told.
func (p *heldPoll) End(last *protocol.Encoded) {
	p.mu.Lock()
	resting := p.resting
	if !p.ended {
		p.ended, p.last = true, last
		if p.waiter != nil {
			close(p.waiter.done)
		}
	}
	p.mu.Unlock()
	if resting {
		p.retire()
	}
	p.poke()
}

func (p *heldPoll) closeNow() { p.End(nil) }

func (p *heldPoll) farewell() *protocol.Encoded {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// rest begins the time between two requests.
func (p *heldPoll) rest() {
	p.mu.Lock()
	p.resting, p.heard, p.waiter = true, time.Now(), nil
	ended := p.ended
	at := p.heard.Add(p.h.cfg.silence())
	p.mu.Unlock()
	if ended {
		p.retire()
		return
	}
	p.h.wheel.set(&p.alarm, at)
}

// due ends the hold, and takes the client for lost that sends no further request.
func (p *heldPoll) due(now time.Time) time.Time {
	p.mu.Lock()
	if !p.resting {
		p.mu.Unlock()
		p.poke()
		return now.Add(p.h.wheel.tick) // until it is answered
	}
	lost := p.heard.Add(p.h.cfg.silence())
	p.mu.Unlock()
	if now.Before(lost) {
		return lost
	}
	p.lose(protocol.CodeHeartbeatTimeout)
	return time.Time{}
}

// touch notes what the client sends by POST /bus/send.
func (p *heldPoll) touch() {
	p.mu.Lock()
	p.heard = time.Now()
	p.mu.Unlock()
}

// lose tells the bus that the client is gone.
func (p *heldPoll) lose(code protocol.Code) {
	p.bound.session.Lost(p.bound.gen, code)
	p.retire()
}

// retire takes the link out of the handler's books.
func (p *heldPoll) retire() {
	p.mu.Lock()
	retired := p.retired
	p.retired = true
	p.mu.Unlock()
	if retired {
		return
	}
	p.h.wheel.remove(&p.alarm)
	p.h.leave(p)
	p.h.tallies[pollKind].leave()
}
