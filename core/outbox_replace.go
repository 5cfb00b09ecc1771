package core

import "tidings/protocol"

// Replace puts the result of fn in the place of each counted frame that is kept, waiting or written. fn returns the
// same frame to keep it, or another counted one to take it back. The numbers of frames do not change. fn is called with
// the lock.
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
