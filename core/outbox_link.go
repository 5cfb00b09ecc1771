package core

import "tidings/protocol"

// Link is the transport under an outbox, seen from above. Its methods never block: a link that cannot write at once
// goes on in a goroutine of its own.
type Link interface {
	// Wake reports that frames wait: take them and write them.
	Wake()
	// End asks the link to write last (a disconnect frame), if it is not nil, and to close. Nothing more will come.
	End(last *protocol.Encoded)
}

// A link leaves an outbox in one of four ways:
//
//	Attach  another link takes over       the old one is fenced and ended; frames go on over the new one
//	Detach  the transport was lost        nothing can be written any more; frames stay for a resume
//	Part    the server ends the transport the link writes a last frame and closes; frames stay for a resume
//	End     the connection is over        the link writes a last frame and closes; frames are dropped

// Attach puts link under the outbox and fences the one before it, which it ends with fence. If fence is nil the one
// before is told nothing, and finds out when it wants to write. Frames go on after number
// received: what was written and not received waits again. It returns the link's generation. It returns false, with
// nothing changed, if the outbox is broken or the frames after received are no longer here or never were. connected
// makes the frame that leaves first, from the generation. If connected is nil, link is the same client's next request,
// and uncounted frames that wait stay.
func (o *Outbox) Attach(link Link, received uint64, connected func(gen uint64) *protocol.Encoded, fence *protocol.Encoded) (gen uint64, ok bool) {
	gen, _, ok = o.attach(link, received, connected, fence)
	return gen, ok
}

// Succeed is Attach for the same client's next request. It reports whether it took over from a link that was there:
// then the connection was linked all the time.
func (o *Outbox) Succeed(link Link, received uint64, fence *protocol.Encoded) (gen uint64, tookOver, ok bool) {
	gen, old, ok := o.attach(link, received, nil, fence)
	return gen, old != nil, ok
}

func (o *Outbox) attach(link Link, received uint64, connected func(gen uint64) *protocol.Encoded, fence *protocol.Encoded) (gen uint64, old Link, ok bool) {
	o.mu.Lock()
	if o.broken || received < o.forgot || received > o.reached {
		o.mu.Unlock()
		return 0, nil, false
	}
	old = o.link
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
	onSpace := o.takeOnSpace() // maybe nothing waits, and then the link takes nothing
	o.mu.Unlock()
	if old != nil && fence != nil {
		old.End(fence)
	}
	if onSpace != nil {
		onSpace()
	}
	return gen, old, true
}

// Detach takes away the link of generation gen, whose transport was lost, without calling it. It returns false if that
// link was fenced or taken away before.
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

// Part takes the link away and ends it with last. What waits stays, as if the transport had been lost. It returns false
// if there is no link.
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

// End breaks the outbox, drops all frames, and ends the link, if there is one, with last.
func (o *Outbox) End(last *protocol.Encoded) {
	o.mu.Lock()
	link := o.link
	o.link = nil
	o.abandon()
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

// Link returns the link under the outbox, nil if there is none.
func (o *Outbox) Link() Link {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.link
}
