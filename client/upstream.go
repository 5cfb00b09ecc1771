package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"tidings/protocol"
)

// upstream is the sequence of a session's POST /bus/send bodies. It outlives links: the number of a body without answer
// must be used up before the next, whatever transport comes between.
type upstream struct {
	mu      sync.Mutex
	session string // guarded by mu
	owner   int    // guarded by mu: the link that may send
	seq     uint64 // guarded by mu: of the last body begun
	open    bool   // guarded by mu: that body has no answer
}

// carry notes that link owner carries session now.
func (u *upstream) carry(session string, owner int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.owner = owner
	if session != u.session {
		u.session, u.seq, u.open = session, 0, false
	}
}

// begin returns the next number; unsettled says that it is the last one once more. ok is false for a link that was
// replaced.
func (u *upstream) begin(owner int) (session string, seq uint64, unsettled, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if owner != u.owner {
		return "", 0, false, false
	}
	if unsettled = u.open; !unsettled {
		u.seq++
		u.open = true
	}
	return u.session, u.seq, unsettled, true
}

func (u *upstream) settled(session string, seq uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if session == u.session && seq == u.seq {
		u.open = false
	}
}

const (
	// sendDeadline is how long one try may take: twice what the server waits for a body's predecessor.
	sendDeadline = 2 * protocol.SequenceHold
	// sendTries is how often a body is sent before the link counts as lost.
	sendTries = 4
)

// sendAll posts what waits, one body at a time, until the link is over.
func (b *base) sendAll() {
	for {
		frames, last, ok := b.out.wait(b.ctx, protocol.MaxMessageBytes-envelopeMax)
		if !ok {
			return
		}
		if len(frames) > 0 {
			if err := b.sendBody(frames); err != nil {
				b.up(event{err: b.given(err)})
				return
			}
		}
		if last {
			b.stop()
		}
	}
}

func (b *base) sendBody(frames []protocol.ClientFrame) error {
	for {
		session, seq, unsettled, ok := b.c.upstream.begin(b.id)
		if !ok {
			return context.Canceled
		}
		s := protocol.Send{Session: session, Seq: seq, Frames: frames}
		if unsettled {
			// An older link left this number open. Its frames were sent again on connected where they still matter, and
			// may do harm by now (a late unsubscribe): the number is used up without them.
			s.Frames = []protocol.ClientFrame{{Type: protocol.TypePing}}
		}
		err := b.sendOnce(protocol.AppendSend(nil, &s))
		var box *foreignAnswer
		if errors.As(err, &box) && !unsettled {
			// Something on the way refuses these frames. If a ping passes under their number it is they, not the link.
			s.Frames = []protocol.ClientFrame{{Type: protocol.TypePing}}
			if err := b.sendOnce(protocol.AppendSend(nil, &s)); err != nil {
				return err
			}
			b.c.upstream.settled(session, seq)
			return b.refuse(frames, box.fault)
		}
		if err != nil {
			return err
		}
		b.c.upstream.settled(session, seq)
		if !unsettled {
			return nil
		}
	}
}

// refuse fails a frame that a box on the way refuses. Of several, each is sent alone, to see which one it is.
func (b *base) refuse(frames []protocol.ClientFrame, fault *protocol.Error) error {
	if len(frames) == 1 {
		b.up(event{refused: frames[0].ID, fault: fault})
		return nil
	}
	for i := range frames {
		if err := b.sendBody(frames[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// sendOnce posts a body until it is answered; the server applies it once.
func (b *base) sendOnce(body []byte) (err error) {
	for try := range sendTries {
		if try > 0 && !pause(b.ctx, backoffBase<<try) {
			return b.ctx.Err()
		}
		if err = b.sendTry(body); err == nil || b.ctx.Err() != nil {
			return err
		}
		var r *refused
		if errors.As(err, &r) && !transient(r.frame.Code) {
			return err
		}
		b.c.cfg.Logger.Debug("tidings: POST /send without answer", "try", try+1, "err", err)
	}
	return err
}

// transient lists the refusals of a body after which the same body may be taken on the same session.
func transient(code protocol.Code) bool {
	switch code {
	case protocol.CodeRateLimited, protocol.CodeTimeout, protocol.CodeInternal, protocol.CodeOverloaded, protocol.CodeBrokerUnavailable:
		return true
	}
	return false
}

func (b *base) sendTry(body []byte) error {
	ctx, cancel := context.WithTimeout(b.ctx, sendDeadline)
	defer cancel()
	resp, err := b.post(ctx, "/send", body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, protocol.MaxMessageBytes))
	if err != nil {
		return &cutAnswer{"/send", len(answer), err}
	}
	var accepted struct{ Seq uint64 }
	if json.Unmarshal(answer, &accepted) != nil || accepted.Seq == 0 {
		return foreign("/send", resp) // a page that says 200
	}
	return nil
}
