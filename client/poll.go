package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"tidings/protocol"
)

// poll carries the session over POST /bus/poll downstream and POST /bus/send upstream.
type poll struct {
	*base
	mu    sync.Mutex
	still chan struct{} // guarded by mu: closed when moving is over; nil if there is none
}

const (
	// pollDeadline is how long an answer may take: the longest hold that a server may be configured to, and as long
	// again as a pong may take.
	pollDeadline = 70 * time.Second
	// pollTries is how often a poll without answer is repeated before the link counts as lost.
	pollTries = 3
)

func (l *poll) run() error {
	connect, _, ok := l.out.wait(l.ctx, protocol.MaxMessageBytes)
	if !ok {
		return l.ctx.Err()
	}
	f, received, err := l.connect(connect)
	if err != nil {
		return l.given(err)
	}
	l.spawn(l.sendAll)
	for {
		l.stand()
		f.Received = &received
		frames, cursor, err := l.again(f)
		if err != nil {
			return l.given(err)
		}
		if received, err = counted(received, frames, cursor); err != nil {
			return err
		}
		if !l.up(event{frames: frames}) {
			return l.ctx.Err()
		}
	}
}

func (l *poll) moving(is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case is && l.still == nil:
		l.still = make(chan struct{})
	case !is && l.still != nil:
		close(l.still)
		l.still = nil
	}
}

// stand waits while the client is moving: what a poll reports as received is forgotten, and the connect that is on its
// way says less.
func (l *poll) stand() {
	l.mu.Lock()
	still := l.still
	l.mu.Unlock()
	if still != nil {
		select {
		case <-still:
		case <-l.ctx.Done():
		}
	}
}

// connect opens the session and returns the poll frame to go on with. An answer without connected is handed up (it is a
// disconnect) and ends the link.
func (l *poll) connect(connect []protocol.ClientFrame) (next *protocol.ClientFrame, received uint64, err error) {
	connect[0].Max = l.c.answers.most()
	frames, cursor, err := l.ask(protocol.AppendClientFrames(nil, connect))
	if err != nil {
		return nil, 0, err
	}
	for i := range frames {
		if f := &frames[i]; f.Type == protocol.TypeConnected {
			next = &protocol.ClientFrame{Type: protocol.TypePoll, Session: f.Session, Generation: f.Generation}
			if f.Resumed && connect[0].Received != nil {
				received = *connect[0].Received
			}
		}
	}
	if next != nil {
		if received, err = counted(received, frames, cursor); err != nil {
			return nil, 0, err
		}
	}
	l.up(event{frames: frames})
	if next == nil {
		return nil, 0, errors.New("client: POST /poll: an answer without connected")
	}
	return next, received, nil
}

// counted is the count of frames after an answer. A cursor that says otherwise would lose messages, so it ends the
// link.
func counted(received uint64, frames []protocol.ServerFrame, cursor string) (uint64, error) {
	for i := range frames {
		if protocol.Counted(frames[i].Type) {
			received++
		}
	}
	if n, err := strconv.ParseUint(cursor, 10, 64); err != nil || n != received {
		return 0, fmt.Errorf("client: POST /poll: cursor %q after %d counted frames", cursor, received)
	}
	return received, nil
}

// again polls, and repeats a poll whose answer was lost: the server sends the same frames again. Each try has the next
// attempt, so that the server knows a late copy of an earlier one and refuses that instead of the one that waits.
func (l *poll) again(f *protocol.ClientFrame) (frames []protocol.ServerFrame, cursor string, err error) {
	for try := range pollTries {
		if try > 0 && !pause(l.ctx, backoffBase<<try) {
			break
		}
		f.Attempt++
		f.Max = l.c.answers.most()
		frames, cursor, err = l.ask(protocol.AppendClientFrame(nil, f))
		var r *refused
		if err == nil || errors.As(err, &r) || l.ctx.Err() != nil {
			break
		}
	}
	return frames, cursor, err
}

func (l *poll) ask(body []byte) ([]protocol.ServerFrame, string, error) {
	ctx, cancel := context.WithTimeout(l.ctx, pollDeadline)
	defer cancel()
	answer, err := l.exchange(ctx, "/poll", body)
	l.c.answers.came(err)
	if err != nil {
		return nil, "", err
	}
	return protocol.DecodePollAnswer(answer)
}
