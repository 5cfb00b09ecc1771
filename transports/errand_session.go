package transports

import (
	"context"
	"sync"
	"time"

	"tidings/core"
	"tidings/protocol"
)

// errandSession is the session of a client's errand.
type errandSession struct {
	h      *Handler
	tongue *tongue
	rates  *errandRates
	ctx    context.Context // of the request
	peer   protocol.Peer

	link  *errandLink // nil: there is no session yet
	bound binding
}

// errandPatience is how long the bus has to answer. It is more than any hook and any store has.
const errandPatience = 30 * time.Second

// ask implements Ask.
func (s *errandSession) ask(frames []protocol.ClientFrame) []*protocol.ServerFrame {
	if s.link == nil {
		if first := &frames[0]; first.Type == protocol.TypeRefresh {
			s.peer.Token = first.Token // the refresh then finds out whether tokens count here at all
		}
		if fault := s.open(); fault != nil {
			return refuseAll(frames, fault)
		}
	}
	if err := s.bound.session.Receive(s.bound.gen, frames); err != nil {
		return refuseAll(frames, s.h.asError(err))
	}
	return s.await(frames)
}

// open begins the session.
func (s *errandSession) open() *protocol.Error {
	link := &errandLink{wake: make(chan struct{}, 1), done: make(chan struct{})}
	session, gen, err := s.h.bus.Open(s.ctx, s.peer, connectFrame(), link)
	if err != nil {
		return s.h.asError(err)
	}
	s.link, s.bound = link, binding{session, session.Outbox(), gen}
	s.tongue.tally.begin()
	if !s.h.register(link) {
		link.End(nil)
	}
	if !s.rates.take(s.peer, time.Now()) {
		return errErrands
	}
	return nil
}

var errErrands = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "requests come faster than 50 a second", Hint: "Send fewer, or use one connection; backends use an API key."}

// await returns an answer for each frame.
func (s *errandSession) await(frames []protocol.ClientFrame) (answers []*protocol.ServerFrame) {
	waiting := map[uint64]bool{}
	for i := range frames {
		waiting[frames[i].ID] = true
	}
	patience := time.NewTimer(errandPatience)
	defer patience.Stop()
	for {
		for _, e := range s.bound.outbox.Take(s.bound.gen, nil, protocol.MaxOutboxFrames, protocol.RecoveryPageBytes) {
			if f := e.Frame; f != nil && (f.Type == protocol.TypeReply || f.Type == protocol.TypeError) && waiting[f.ID] {
				delete(waiting, f.ID)
				answers = append(answers, f)
			}
		}
		if len(waiting) == 0 {
			return answers
		}
		fault := errPatience
		select {
		case <-s.link.wake:
			continue
		case <-s.link.done:
			fault = &protocol.Error{Code: protocol.CodeShuttingDown, Reason: "this node is going down", Hint: "Come back."}
			if last := s.link.last; last != nil {
				fault = &protocol.Error{Code: codeOf(last), Reason: "the server ended the connection", Hint: "Ask again where the error may be retried."}
			}
		case <-patience.C:
		case <-s.ctx.Done(): // nobody reads the answer
		}
		for id := range waiting {
			answers = append(answers, protocol.ErrorFrame(id, fault).Frame)
		}
		return answers
	}
}

var errPatience = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the bus did not answer in time", Hint: "Ask again; what was asked for may have been done."}

// close ends the session, if there is one.
func (s *errandSession) close() {
	if s.link != nil {
		s.bound.session.Lost(s.bound.gen, "")
		s.h.forget(s.link)
		s.tongue.tally.end()
	}
}

func refuseAll(frames []protocol.ClientFrame, fault *protocol.Error) (answers []*protocol.ServerFrame) {
	for i := range frames {
		answers = append(answers, protocol.ErrorFrame(frames[i].ID, fault).Frame)
	}
	return answers
}

// errandLink is the link of an errand's session.
type errandLink struct {
	wake chan struct{} // has space for one signal
	once sync.Once
	done chan struct{}     // closed by End
	last *protocol.Encoded // the farewell, or nil; set before done is closed
}

var _ core.Link = (*errandLink)(nil)

// Wake implements core.Link.
func (l *errandLink) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// End implements core.Link.
func (l *errandLink) End(last *protocol.Encoded) {
	l.once.Do(func() {
		l.last = last
		close(l.done)
	})
}

func (l *errandLink) closeNow() { l.End(nil) }
