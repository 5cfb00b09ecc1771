package transports

import (
	"net/http"
	"time"

	"tidings/protocol"
)

// Poll serves GET and POST /bus/poll.
func (h *Handler) Poll(w http.ResponseWriter, r *http.Request) {
	origin, ok := h.admit(w, r, http.MethodGet, http.MethodPost)
	if !ok {
		return
	}
	peer, err := h.peer(r, protocol.Poll, origin)
	switch {
	case err != nil:
	case r.Method == http.MethodGet:
		err = h.pollPlain(w, r, peer)
	default:
		err = h.poll(w, r, peer)
	}
	if err != nil {
		h.refuse(w, r, err)
	}
}

// poll opens a session, or resumes one. If it fails nothing has been answered yet.
func (h *Handler) poll(w http.ResponseWriter, r *http.Request, peer protocol.Peer) error {
	frames, body, err := opening(w, r)
	if err != nil {
		return err
	}
	p := h.newPoll()
	first, rest := &frames[0], frames[1:]
	if err := opens(frames, protocol.TypeConnect, protocol.TypePoll, protocol.TypeDisconnect); err != nil {
		return err
	}
	switch first.Type {
	case protocol.TypeConnect:
		var left bool
		if left, err = p.open(r, peer, first, rest); left {
			return nil
		}
	case protocol.TypePoll:
		var handed bool
		if handed, err = h.handOn(w, r, first.Session, body); handed {
			return nil
		}
		if err == nil {
			err = p.resume(peer, first, rest)
		}
	case protocol.TypeDisconnect:
		return h.disconnect(w, r, peer, frames, body)
	case protocol.TypePing: // proves the path, and makes no session
		p.write(w, []*protocol.Encoded{protocol.PongFrame(first.ID)}, "0")
		return nil
	}
	if err != nil {
		return err
	}
	return p.wait(w, r)
}

// open opens or resumes a session, and waits until the answer has in it what the frames behind connect ask for. It
// reports whether the client has left meanwhile.
func (p *pollLink) open(r *http.Request, peer protocol.Peer, connect *protocol.ClientFrame, rest []protocol.ClientFrame) (left bool, err error) {
	p.max = connect.Max
	session, gen, err := p.h.bus.Open(r.Context(), peer, connect, p)
	if err != nil {
		return false, err
	}
	p.h.tallies[pollKind].opened.Add(1)
	p.h.endElsewhere(connect, peer, whenceOf(r))
	p.bind(session, gen)
	if len(rest) == 0 {
		return false, nil
	}
	if err := session.Receive(gen, rest); err != nil {
		p.lose("")
		return false, err
	}
	resumed := gen > 1
	if n := subscribes(rest, resumed); n > 0 {
		return !p.waitOpened(r, n), nil
	}
	gather(p.bound.outbox, 1+len(rest))
	return false, nil
}

func (p *pollLink) resume(peer protocol.Peer, poll *protocol.ClientFrame, rest []protocol.ClientFrame) error {
	if len(rest) > 0 {
		return &protocol.Error{Code: protocol.CodeBadRequest, Reason: "a poll frame goes alone", Hint: "Send other frames with POST /bus/send."}
	}
	p.max, p.received = poll.Max, *poll.Received
	session, err := p.h.bus.Find(poll.Session, peer)
	if err != nil {
		return err
	}
	gen, err := session.Poll(p, poll)
	if err != nil {
		return err
	}
	p.bind(session, gen)
	return nil
}

// wait answers with the first frames that come, or with none when the hold ends.
func (p *pollLink) wait(w http.ResponseWriter, r *http.Request) error {
	frames := p.take()
	if len(frames) > 0 {
		return p.answer(w, frames)
	}
	if p.takeConn(w, r) {
		return nil
	}
	waiter := p.listen()
	hold := time.NewTimer(p.h.cfg.PollHold)
	defer hold.Stop()
	for {
		frames = p.take()
		if len(frames) > 0 {
			return p.answer(w, frames)
		}
		select {
		case <-waiter.wake:
		case <-waiter.done:
			return p.answerLast(w)
		case <-hold.C:
			return p.answer(w, nil)
		case <-r.Context().Done():
			p.lose("")
			return nil
		}
	}
}
