// Package refusals remembers what was refused of late, and why, for people who look for the cause. It has a bound,
// however much is refused: the same counts together, and what was refused last is kept.
package refusals

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"tidings/protocol"
)

// Most is how many different refusals are remembered. The one that came last longest ago makes way for a new one.
const Most = 256

const maxText = 256 // bytes of each text of a refusal

// Refusal is what was refused. The same Where, Code, Reason and Channel are the same refusal; of the others the last
// one counts.
type Refusal struct {
	Where   string // a transport, "client" for a request of a connected client, or the path of a URL
	Code    protocol.Code
	Reason  string // what went wrong
	Hint    string // what to do about it
	Channel string // "" if it is about none

	User, Connection, Origin, Address, Key string // who asked, as far as it is known

	First, Last time.Time // set by Add
	Count       uint64    // set by Add
}

type kind struct {
	where, reason, channel string
	code                   protocol.Code
}

// Ring remembers refusals. The zero Ring is empty. It is safe for concurrent use.
type Ring struct {
	mu    sync.Mutex // guards kinds and what they point to
	kinds map[kind]*Refusal
}

// Add remembers a refusal that happened now.
func (r *Ring) Add(one Refusal) {
	for _, text := range []*string{&one.Where, &one.Reason, &one.Hint, &one.Channel, &one.User, &one.Connection, &one.Origin, &one.Address, &one.Key} {
		*text = protocol.Cut(*text, maxText)
	}
	k := kind{one.Where, one.Reason, one.Channel, one.Code}
	one.First, one.Last, one.Count = time.Now(), time.Now(), 1
	r.mu.Lock()
	defer r.mu.Unlock()
	if before := r.kinds[k]; before != nil {
		one.First, one.Count = before.First, before.Count+1
		*before = one
		return
	}
	if r.kinds == nil {
		r.kinds = map[kind]*Refusal{}
	}
	if len(r.kinds) >= Most {
		r.forget()
	}
	r.kinds[k] = &one
}

// forget forgets the refusal that came last longest ago.
func (r *Ring) forget() {
	var oldest kind
	for k, one := range r.kinds {
		if before := r.kinds[oldest]; before == nil || one.Last.Before(before.Last) {
			oldest = k
		}
	}
	delete(r.kinds, oldest)
}

// List returns what is remembered, the last one first.
func (r *Ring) List() []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Refusal, 0, len(r.kinds))
	for _, one := range r.kinds {
		list = append(list, *one)
	}
	slices.SortFunc(list, func(a, b Refusal) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Channel, b.Channel))
	})
	return list
}
