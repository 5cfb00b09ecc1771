package core

import "tidings/protocol"

// Replace puts what fn gives for a counted frame in its place, whether it waits or was written and may have to be written again: the same frame to keep
// it, another counted one to take it back. The numbers of frames stay as they are. fn is called with the lock, for each frame that is held.
func (o *Outbox) Replace(fn func(*protocol.Encoded) *protocol.Encoded) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, e := range o.slots[o.head:] {
		other := fn(e)
		if other == e {
			continue
		}
		o.slots[o.head+i] = other
		if i < o.written {
			o.unacked += other.Size() - e.Size()
		} else {
			o.waiting += other.Size() - e.Size()
		}
	}
}
