package core

import "tidings/protocol"

// Stage is how far a message has come on its way from an outbox to its client.
type Stage string

// The stages.
const (
	Waiting Stage = "waiting" // not yet written
	Written Stage = "written" // written, and not yet reported as received
	Absent  Stage = "absent"  // never pushed, or received, or forgotten
)

// Find returns how far the message at an offset of a channel has come. It looks through all frames: use it for an
// operator's question, not for each message.
func (o *Outbox) Find(ch protocol.Channel, offset uint64) Stage {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, e := range o.slots[o.head:] {
		if m := e.Message; m == nil || m.Volatile || m.Channel != ch || m.Offset != offset {
			continue
		}
		if i < o.written {
			return Written
		}
		return Waiting
	}
	return Absent
}
