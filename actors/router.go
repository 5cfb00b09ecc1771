package actors

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"tidings/core"
	"tidings/protocol"
)

// entry is a channel as the node knows it: what outlives a failure of its actor. It is in the router as long as its actor runs.
type entry struct {
	name protocol.Channel
	pid  *actor.PID // set before the router hands the entry out

	holders int // subscriptions that have, or are about to have, a Join under way; guarded by the router's lock

	live     atomic.Int64 // members that hear messages now
	parked   atomic.Int32 // subscriptions whose connections have no transport
	polling  atomic.Int32 // subscriptions whose connections are on long-poll
	inFlight atomic.Int64 // messages on their way to the actor, and operations on their way through lanes
	waiting  atomic.Bool  // the actor wants to hear when inFlight has fallen
	skipped  atomic.Bool  // a message was left out because inFlight was too high, and the actor was told

	state channelState // of the actor alone
}

// channelState is what a channel's actor hands over to its next incarnation when it fails.
type channelState struct {
	incarnation uint32
	lanes       []*lane           // by shard, nil where the channel has, and had, no member
	members     int               // joined and not gone, in whatever stage
	at          protocol.Position // of the feed, after the last message that was handled without failure
	displaced   []*joining        // members that have to join again
	occupied    bool              // the application was told of a first member
	presenceState
}

// joining is a member on its way in.
type joining struct {
	core.Join[*subscription]
	entered   bool               // the feed has it
	answered  bool               // subscribed was sent: were it to join again, then in silence and from at
	settle    bool               // its connection waits for Settled
	at        protocol.Position  // up to here it was told
	recovered *protocol.Position // after which it recovers; nil where it does not
}

// finished counts n that were on their way and are there.
func (e *entry) finished(b *Bus, n int) {
	if e.inFlight.Add(int64(-n)) <= lowWater && e.waiting.Load() && e.waiting.CompareAndSwap(true, false) {
		b.send(e.pid, Drained{})
	}
}

// router finds channels by name, and starts them. A channel's actor stops only with the router's leave (retire), which it
// does not give while anybody holds the entry: so nobody ever joins a channel that is going away.
type router struct {
	start  func(*entry) // spawns the actor and sets pid
	seed   maphash.Seed
	shards [64]routerShard
}

type routerShard struct {
	mu      sync.Mutex // guards entries and their holders
	entries map[protocol.Channel]*entry
	_       [40]byte // apart from the next one
}

func newRouter(start func(*entry)) *router {
	r := &router{start: start, seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].entries = map[protocol.Channel]*entry{}
	}
	return r
}

func (r *router) shard(name protocol.Channel) *routerShard {
	return &r.shards[maphash.String(r.seed, string(name))%uint64(len(r.shards))]
}

// hold gives the channel's entry, started if need be, and holds it for one subscription. The channel releases it.
func (r *router) hold(name protocol.Channel) *entry {
	s := r.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[name]
	if e == nil {
		e = &entry{name: name}
		r.start(e)
		s.entries[name] = e
	}
	e.holders++
	return e
}

func (r *router) release(e *entry) {
	s := r.shard(e.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.holders--
}

// retire forgets an entry that nobody holds. Where it answers true the actor must stop.
func (r *router) retire(e *entry) bool {
	s := r.shard(e.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.holders > 0 {
		return false
	}
	delete(s.entries, e.name)
	return true
}

// find gives the channel's entry, or nil.
func (r *router) find(name protocol.Channel) *entry {
	s := r.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries[name]
}

// each calls fn for every entry, without the lock.
func (r *router) each(fn func(*entry)) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		list := make([]*entry, 0, len(s.entries))
		for _, e := range s.entries {
			list = append(list, e)
		}
		s.mu.Unlock()
		for _, e := range list {
			fn(e)
		}
	}
}
