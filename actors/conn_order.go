package actors

import (
	"slices"
	"sync"
	"tidings/core"
	"tidings/protocol"
)

// sequencer puts the bodies of POST /bus/send in order. A body that comes too early waits on its own goroutine.
type sequencer struct {
	mu    sync.Mutex // guards all below
	inbox core.Inbox
	early []*earlyBody
	over  error // the connection has ended
}

type earlyBody struct {
	seq  uint64
	turn chan struct{} // closed when its turn has come, or the connection has ended
}

// maxEarly bounds the bodies of one session that wait for a predecessor.
const maxEarly = 16

var errSequence = &protocol.Error{Code: protocol.CodeSequenceGap, Reason: "the bodies before this one did not arrive", Hint: "Send the missing ones again, in order; seq counts up by one from 1."}

// turn applies the body if its turn has come, or returns what to wait for.
func (o *sequencer) turn(seq uint64, apply func() error) (*earlyBody, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over != nil {
		return nil, o.over
	}
	switch o.inbox.Turn(seq) {
	case core.Repeat:
		return nil, nil
	case core.Apply:
		if err := apply(); err != nil {
			return nil, err
		}
		o.inbox.Done()
		o.call(seq + 1)
		return nil, nil
	}
	if len(o.early) >= maxEarly {
		return nil, errSequence
	}
	e := &earlyBody{seq, make(chan struct{})}
	o.early = append(o.early, e)
	return e, nil
}

// call wakes body seq.
func (o *sequencer) call(seq uint64) {
	for _, e := range o.early {
		if e.seq == seq {
			close(e.turn)
		}
	}
	o.early = slices.DeleteFunc(o.early, func(e *earlyBody) bool { return e.seq == seq })
}

func (o *sequencer) leave(e *earlyBody) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.early = slices.DeleteFunc(o.early, func(f *earlyBody) bool { return f == e })
}

// end makes all bodies fail with err, those that wait too.
func (o *sequencer) end(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = err
	for _, e := range o.early {
		close(e.turn)
	}
	o.early = nil
}
