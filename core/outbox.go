package core

import (
	"sync"

	"tidings/protocol"
)

// Link is the transport under an outbox, seen from above. Its methods never block: a link that cannot write at once goes on in
// a goroutine of its own.
type Link interface {
	// Wake says that frames wait: take them and write them.
	Wake()
	// End says that nothing more will come: write last (a disconnect frame), if it is not nil, and close.
	End(last *protocol.Encoded)
}

// Outbox holds the frames of one connection that are not yet written, and those that are written and not yet reported as
// received, so that it outlives a transport. It is bounded by the protocol's limits. All methods may be called from any
// goroutine; none blocks, and links are called without the lock.
//
// Counted frames are numbered from 1 in the order of Push. Frames that are not counted belong to the link of the moment and
// leave first.
type Outbox struct {
	mu        sync.Mutex
	link      Link
	gen       uint64
	resumable bool

	control []*protocol.Encoded // not counted, for this link
	slots   []*protocol.Encoded // slots[head] has number forgot+1; before it are dropped ones
	head    int
	one     [1]*protocol.Encoded // slots of a connection that hears one message at a time
	forgot  uint64               // counted frames that were received, or forgotten
	written int                  // of those from head
	reached uint64               // the highest number ever written; above forgot+written where a new link begins again
	unacked int                  // bytes of the written ones
	waiting int                  // bytes of those behind them
	broken  bool                 // overflowed or ended
	drained func()
}

// NewOutbox makes an empty outbox. One that is not resumable forgets what it wrote.
func NewOutbox(resumable bool) *Outbox { return &Outbox{resumable: resumable} }

// Push appends a frame; Flush tells the link. It answers false exactly once, when the frame does not fit: then the outbox is
// broken, holds nothing more, and the connection must be cut with slow_consumer. Without a link less fits.
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
	waiting := o.held() - o.written
	// A single frame always fits an empty outbox, however long it is.
	if waiting >= frames || waiting > 0 && o.waiting+e.Size() > bytes {
		o.overflow()
		return false
	}
	o.append(e)
	o.waiting += e.Size()
	return true
}

// held is the number of counted frames here, written or not.
func (o *Outbox) held() int { return len(o.slots) - o.head }

// append takes the room of dropped frames before it asks for more.
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

// maxControlFrames bounds pongs and the like that a link did not take yet; more are dropped, since the link is stuck.
const maxControlFrames = 16

func (o *Outbox) overflow() {
	o.broken = true
	o.control, o.slots, o.drained = nil, nil, nil
	o.one[0] = nil
	o.head, o.written, o.waiting, o.unacked = 0, 0, 0, 0
}

// Flush wakes the link where frames wait for it.
func (o *Outbox) Flush() {
	o.mu.Lock()
	link := o.link
	if len(o.control) == 0 && o.written == o.held() {
		link = nil
	}
	o.mu.Unlock()
	if link != nil {
		link.Wake()
	}
}

// Take moves waiting frames to dst, at most maxFrames and, but for the first, at most maxBytes of JSON, and counts
// the counted ones as written. It gives nothing to a link that was fenced: gen is what Attach gave it.
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
		for o.written < o.held() && fits(o.slots[o.head+o.written]) {
			e := o.slots[o.head+o.written]
			dst = append(dst, e)
			o.written++
			o.waiting -= e.Size()
			o.unacked += e.Size()
		}
	}
	o.reached = max(o.reached, o.forgot+uint64(o.written))
	o.forget()
	drained := o.takeDrained()
	o.mu.Unlock()
	if drained != nil {
		drained()
	}
	return dst
}

func (o *Outbox) takeDrained() func() {
	if o.drained == nil || !o.roomy() {
		return nil
	}
	fn := o.drained
	o.drained = nil
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

func (o *Outbox) dropFirst(n int) {
	if n == 0 {
		return
	}
	clear(o.slots[o.head : o.head+n])
	o.head += n
	o.written -= n
	o.forgot += uint64(n)
	if o.held() == 0 {
		o.slots, o.head = nil, 0 // an idle connection keeps no ring
	}
}

// Ack forgets the frames up to number received. It fails with CodeBadCursor where so many were never written; a
// number that was reported before changes nothing. What an older link brought while a new one was being opened is written again all the
// same, since the client counts it there.
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

// Attach puts link under the outbox, fences and ends the one before it with fence, and lets frames go on after number received:
// what was written and not received waits again. It answers the link's generation, and false, with nothing changed, where the
// frames after received are not there any more or never were. connected leaves first; it is given the generation. Where it is nil,
// link is the same client's next request, and what waits without a number stays.
func (o *Outbox) Attach(link Link, received uint64, connected func(gen uint64) *protocol.Encoded, fence *protocol.Encoded) (gen uint64, ok bool) {
	o.mu.Lock()
	if o.broken || received < o.forgot || received > o.reached {
		o.mu.Unlock()
		return 0, false
	}
	old := o.link
	n := int(received - o.forgot)
	for _, e := range o.slots[o.head : o.head+n] {
		o.waiting -= e.Size()
	}
	o.waiting += o.unacked
	o.unacked, o.written = 0, n
	o.dropFirst(n)
	o.link = link
	o.gen++
	gen = o.gen
	if connected != nil {
		o.control = []*protocol.Encoded{connected(gen)}
	}
	drained := o.takeDrained() // nothing may wait that would wake the link
	o.mu.Unlock()
	if old != nil {
		old.End(fence)
	}
	if drained != nil {
		drained()
	}
	return gen, true
}

// Detach takes the link of generation gen away: its transport is lost. It answers false where that link was fenced before.
func (o *Outbox) Detach(gen uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if gen != o.gen || o.link == nil {
		return false
	}
	o.link = nil
	o.control = nil
	return true
}

// Part ends the link with last, as if its transport were lost after it; what waits stays. It answers false where there is none.
func (o *Outbox) Part(last *protocol.Encoded) bool {
	o.mu.Lock()
	link := o.link
	o.link, o.control = nil, nil
	o.mu.Unlock()
	if link == nil {
		return false
	}
	link.End(last)
	return true
}

// End breaks the outbox and ends its link with last.
func (o *Outbox) End(last *protocol.Encoded) {
	o.mu.Lock()
	link := o.link
	o.link = nil
	o.overflow()
	o.mu.Unlock()
	if link != nil {
		link.End(last)
	}
}

// Attached reports whether a link is under the outbox, and its generation.
func (o *Outbox) Attached() (gen uint64, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gen, o.link != nil
}

// Link gives the link under the outbox, nil where there is none.
func (o *Outbox) Link() Link {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.link
}

// Sent is the number of counted frames written so far.
func (o *Outbox) Sent() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.forgot + uint64(o.written)
}

// Waiting tells how many frames and bytes are not yet written.
func (o *Outbox) Waiting() (frames, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.control) + o.held() - o.written, o.waiting
}

// WhenRoomy calls fn once, as soon as a recovery page fits well: at once, on this goroutine, or later from Take or Attach.
// It replaces a fn that still waits. A broken outbox never calls.
func (o *Outbox) WhenRoomy(fn func()) {
	o.mu.Lock()
	if o.broken {
		o.mu.Unlock()
		return
	}
	if !o.roomy() {
		o.drained = fn
		o.mu.Unlock()
		return
	}
	o.mu.Unlock()
	fn()
}

// roomy: less than a page waits, so that with the page the outbox is at most half full.
func (o *Outbox) roomy() bool {
	return o.link != nil && o.held()-o.written < protocol.RecoveryPageFrames && o.waiting < protocol.RecoveryPageBytes
}
