package core

import (
	"sync"

	"tidings/protocol"
)

// Outbox keeps the frames of one connection that are not yet written, and those that are written and not yet reported
// as received, so that the connection outlives a transport. It is bounded by the protocol's limits. All methods may be
// called from any goroutine. None blocks, and links are called without the lock.
//
// Counted frames are numbered from 1 in the order of Push:
//
//	      1 ... forgot | forgot+1 ... forgot+written | forgot+written+1 ...
//	[   forgotten      |          written            |       waiting        ]
//	  received, or too     unacked bytes; kept for     bytes in waiting;
//	  many to be kept      a resume until Ack          taken by the next Take
//
// Push appends on the right. Take moves the second border to the right, Ack the first. Attach moves the second one back
// to what the client received, so that what was written and not received waits again; reached stays where it was.
//
// Frames that are not counted belong to the present link and leave first.
type Outbox struct {
	mu        sync.Mutex
	link      Link
	gen       uint64 // of link; one higher for each Attach
	resumable bool

	control []*protocol.Encoded // not counted, for this link
	slots   []*protocol.Encoded // slots[head] has number forgot+1; the slots before it are free
	head    int
	one     [1]*protocol.Encoded // the slots of a connection that never has more than one frame
	forgot  uint64               // counted frames that were received, or forgotten
	written int                  // frames from head on that were written to link
	reached uint64               // the highest number ever written; above forgot+written if a new link repeats
	unacked int                  // bytes of the written frames
	waiting int                  // bytes of the waiting frames
	broken  bool                 // overflowed or ended
	onSpace func()               // waits for space, see WhenSpace
}

// NewOutbox returns an empty outbox. One that is not resumable forgets what it wrote.
func NewOutbox(resumable bool) *Outbox { return &Outbox{resumable: resumable} }

// Push appends a frame; Flush wakes the link for it. Push returns false exactly once, when the frame does not fit. The
// outbox is broken and empty from then on, and the connection must be cut with slow_consumer. At most MaxOutboxFrames
// and MaxOutboxBytes wait, and without a link MaxUnackedFrames and MaxUnackedBytes.
func (o *Outbox) Push(e *protocol.Encoded) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken {
		return true
	}
	if !e.Counted {
		if o.link != nil && len(o.control) < maxControlFrames {
			o.control = append(o.control, e)
		}
		return true
	}
	frames, bytes := protocol.MaxOutboxFrames, protocol.MaxOutboxBytes
	if o.link == nil {
		frames, bytes = protocol.MaxUnackedFrames, protocol.MaxUnackedBytes
	}
	waiting := o.kept() - o.written
	// A single frame always fits an outbox in which nothing waits, however long it is.
	if waiting >= frames || waiting > 0 && o.waiting+e.Size() > bytes {
		o.abandon()
		return false
	}
	o.append(e)
	o.waiting += e.Size()
	return true
}

// kept is the number of counted frames here, written and waiting.
func (o *Outbox) kept() int { return len(o.slots) - o.head }

// append uses free slots before it asks for more.
func (o *Outbox) append(e *protocol.Encoded) {
	switch {
	case o.slots == nil:
		o.slots = o.one[:0]
	case cap(o.slots) == len(o.one) && len(o.slots) == len(o.one):
		o.slots = append(make([]*protocol.Encoded, 0, 4), o.slots...)
		o.one[0] = nil
	case len(o.slots) == cap(o.slots) && o.head > len(o.slots)/4:
		n := copy(o.slots, o.slots[o.head:])
		clear(o.slots[n:])
		o.slots, o.head = o.slots[:n], 0
	}
	o.slots = append(o.slots, e)
}

// maxControlFrames bounds the uncounted frames (pongs and the like) that a link has not taken yet. Further ones are
// dropped, since the link is stuck.
const maxControlFrames = 16

// abandon drops everything and refuses what follows.
func (o *Outbox) abandon() {
	o.broken = true
	o.control, o.slots, o.onSpace = nil, nil, nil
	o.one[0] = nil
	o.head, o.written, o.waiting, o.unacked = 0, 0, 0, 0
}

// Flush wakes the link if frames wait for it.
func (o *Outbox) Flush() {
	o.mu.Lock()
	link := o.link
	if len(o.control) == 0 && o.written == o.kept() {
		link = nil
	}
	o.mu.Unlock()
	if link != nil {
		link.Wake()
	}
}

// Take appends waiting frames to dst, at most maxFrames and, but for the first, at most maxBytes of JSON. The counted
// ones are written from then on. It appends nothing for a link that was fenced: gen is what Attach returned for it.
func (o *Outbox) Take(gen uint64, dst []*protocol.Encoded, maxFrames, maxBytes int) []*protocol.Encoded {
	o.mu.Lock()
	if gen != o.gen || o.link == nil {
		o.mu.Unlock()
		return dst
	}
	start, size := len(dst), 0
	fits := func(e *protocol.Encoded) bool {
		n := len(dst) - start
		size += e.Size()
		return n < maxFrames && (n == 0 || size <= maxBytes)
	}
	for len(o.control) > 0 && fits(o.control[0]) {
		dst = append(dst, o.control[0])
		o.control = o.control[1:]
	}
	if len(o.control) == 0 {
		o.control = nil
		for o.written < o.kept() && fits(o.slots[o.head+o.written]) {
			e := o.slots[o.head+o.written]
			dst = append(dst, e)
			o.written++
			o.waiting -= e.Size()
			o.unacked += e.Size()
		}
	}
	o.reached = max(o.reached, o.forgot+uint64(o.written))
	o.forget()
	onSpace := o.takeOnSpace()
	o.mu.Unlock()
	if onSpace != nil {
		onSpace()
	}
	return dst
}

// takeOnSpace returns the function that waits for space, if there is one and space.
func (o *Outbox) takeOnSpace() func() {
	if o.onSpace == nil || !o.hasSpace() {
		return nil
	}
	fn := o.onSpace
	o.onSpace = nil
	return fn
}

// forget drops written frames that need not, or can no longer, be kept for a resume.
func (o *Outbox) forget() {
	n := 0
	for n < o.written && (!o.resumable || o.written-n > protocol.MaxUnackedFrames || o.unacked > protocol.MaxUnackedBytes) {
		o.unacked -= o.slots[o.head+n].Size()
		n++
	}
	o.dropFirst(n)
}

// dropFirst forgets the first n frames, whose bytes the caller has taken off.
func (o *Outbox) dropFirst(n int) {
	if n == 0 {
		return
	}
	clear(o.slots[o.head : o.head+n])
	o.head += n
	o.written -= n
	o.forgot += uint64(n)
	if o.kept() == 0 {
		o.slots, o.head = nil, 0 // an idle connection keeps no ring
	}
}

// Ack forgets the frames up to number received. It fails with CodeBadCursor if so many were never written. A number
// that was reported before changes nothing. Frames that an older link brought while a new one was being opened are
// written again nevertheless, since the client counts them on the new link.
func (o *Outbox) Ack(received uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if received > o.reached {
		return &protocol.Error{Code: protocol.CodeBadCursor, Reason: "more frames are reported as received than were sent", Hint: "Count the server's counted frames of this session, from 1."}
	}
	received = min(received, o.forgot+uint64(o.written))
	if received <= o.forgot {
		return nil
	}
	n := int(received - o.forgot)
	for _, e := range o.slots[o.head : o.head+n] {
		o.unacked -= e.Size()
	}
	o.dropFirst(n)
	return nil
}

// Sent returns the number of counted frames written so far.
func (o *Outbox) Sent() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.forgot + uint64(o.written)
}

// Waiting returns how many frames and bytes are not yet written.
func (o *Outbox) Waiting() (frames, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.control) + o.kept() - o.written, o.waiting
}

// WhenSpace calls fn once, as soon as a recovery page fits well: at once, on this goroutine, or later from Take or
// Attach. It replaces a fn that still waits. A broken outbox never calls.
func (o *Outbox) WhenSpace(fn func()) {
	o.mu.Lock()
	if o.broken {
		o.mu.Unlock()
		return
	}
	if !o.hasSpace() {
		o.onSpace = fn
		o.mu.Unlock()
		return
	}
	o.mu.Unlock()
	fn()
}

// hasSpace reports whether less than a page waits, so that with the page the outbox is at most half full.
func (o *Outbox) hasSpace() bool {
	return o.link != nil && o.kept()-o.written < protocol.RecoveryPageFrames && o.waiting < protocol.RecoveryPageBytes
}
