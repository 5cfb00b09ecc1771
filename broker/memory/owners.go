package memory

import (
	"sync"
	"sync/atomic"
	"tidings/protocol"
)

// owners count the channels that clients have made.
type owners struct {
	refused atomic.Uint64 // channels that an owner had no space for

	mu sync.Mutex // guards m, and the counts of all owners; taken after a channel's lock, never before
	m  map[string]*owner
}

// owner is one of whom channels are counted.
type owner struct {
	name string
	n    int
}

// take counts one channel more of an owner, unless it has max.
func (o *owners) take(name string, max int) *owner {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := o.m[name]
	if of == nil {
		of = &owner{name: name}
	}
	if of.n >= max {
		return nil
	}
	if o.m == nil {
		o.m = map[string]*owner{}
	}
	of.n++
	o.m[name] = of
	return of
}

// give counts one channel less. of may be nil.
func (o *owners) give(of *owner) {
	if of == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if of.n--; of.n == 0 {
		delete(o.m, of.name)
	}
}

var errShare = &protocol.Error{Code: protocol.CodeLimitReached, Reason: "this user, or address, has made as many channels as one may", Hint: "Use the channels that there are: those that nobody uses are forgotten after some hours. limits.channels_per_user is how many there may be."}
