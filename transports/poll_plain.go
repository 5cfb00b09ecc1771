package transports

import (
	"net/http"
	"time"

	"tidings/protocol"
)

// pollPlain answers one GET of a client without a session: a connection that lives as long as the request.
func (h *Handler) pollPlain(w http.ResponseWriter, r *http.Request, peer protocol.Peer) error {
	q, err := plainQuery(r, false)
	switch {
	case err != nil:
		return err
	case q == nil:
		return badQuery("the URL names no channel")
	}
	peer.Plain = true
	p := h.newPoll()
	session, gen, err := h.bus.Open(r.Context(), peer, connectFrame(), p)
	if err != nil {
		return err
	}
	h.tallies[pollKind].opened.Add(1)
	p.bind(session, gen)
	defer p.lose("")
	if err := session.Receive(gen, q.frames()); err != nil {
		return err
	}
	return p.waitPlain(w, r, newPlain(q))
}

// waitPlain answers when all channels are subscribed and the first frame has come, or when the hold ends.
func (p *pollLink) waitPlain(w http.ResponseWriter, r *http.Request, plain *plain) error {
	waiter := p.listen()
	hold := time.NewTimer(p.h.cfg.PollHold)
	defer hold.Stop()
	var taken answerFrames
	for {
		space := protocol.RecoveryPageBytes - taken.size
		for _, e := range p.bound.outbox.Take(p.bound.gen, nil, protocol.MaxOutboxFrames, space) {
			plain.follow(e)
			taken.add(e)
		}
		switch {
		case plain.refused == len(plain.channels):
			f := plain.failed
			return &protocol.Error{Code: f.Code, Reason: f.Message, Hint: f.Hint}
		case len(taken.frames) > 0 && plain.answered >= len(plain.channels), taken.size >= protocol.RecoveryPageBytes:
			p.write(w, taken.frames, plain.cursor())
			return nil
		}
		select {
		case <-waiter.wake:
		case <-waiter.done:
			return p.endedPlain()
		case <-hold.C:
			p.write(w, taken.frames, plain.cursor())
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// endedPlain returns why the bus ended the connection.
func (p *pollLink) endedPlain() error {
	last := p.farewell()
	if last == nil {
		return &protocol.Error{Code: protocol.CodeShuttingDown, Reason: "this node is going down", Hint: "Come back."}
	}
	return &protocol.Error{Code: codeOf(last), Reason: "the server ended the connection", Hint: "Ask again where the error may be retried."}
}

// answerFrames gathers the frames for a plain client: all but the answers to frames that the client never sent itself.
type answerFrames struct {
	frames []*protocol.Encoded
	size   int
}

func (a *answerFrames) add(e *protocol.Encoded) {
	if f := e.Frame; f != nil && (f.Type == protocol.TypeConnected || f.Type == protocol.TypeSubscribed) {
		return
	}
	a.frames = append(a.frames, e)
	a.size += e.Size()
}
