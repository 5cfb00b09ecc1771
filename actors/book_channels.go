package actors

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"tidings/actors/fanout"
	"tidings/actors/ground"
	"tidings/core"
	"tidings/protocol"

	"github.com/asynkron/protoactor-go/actor"
)

// entry is a channel as the node knows it: what outlives a failure of its actor. It is in the router as long as its
// actor runs.
type entry struct {
	name    protocol.Channel
	pid     *actor.PID             // set before the router hands the entry out
	changed func(protocol.Channel) // called when live or partial have changed; nil if nobody is to know. Set as pid is

	holders int // subscriptions that have, or are about to have, a join under way; guarded by the router's lock

	live    atomic.Int64   // members that hear messages now
	partial atomic.Int64   // of them, those that hear a part of them
	parked  atomic.Int32   // subscriptions to everything whose connections have no transport
	polling atomic.Int32   // the same, whose connections are on long-poll
	traffic fanout.Traffic // messages on their way to the actor, and operations on their way through lanes
	skipped atomic.Bool    // a message was left out because traffic was too much, and the actor was told

	state channelState // of the actor alone
}

// lane and shard are what fanout delivers with.
type (
	lane  = fanout.Lane[*subscription]
	shard = fanout.Shard[*subscription]
)

// channelState is what a channel's actor hands over to its next incarnation when it fails.
type channelState struct {
	incarnation   uint32
	lanes         []*lane                   // by shard, nil if the channel has, and had, no member
	members       int                       // joined and not gone, in whatever stage
	at            protocol.Position         // of the feed, after the last message that was handled without failure
	displaced     []*joining                // members that have to join again
	occupied      bool                      // the application was told of a first member
	groups        map[string]*group         // by their keys; nil if there is none
	always        int                       // of them, those whose filters are looked at for each message
	rounds        uint64                    // messages that were compared with them
	presenceState                           // of the channel
	rooms         map[string]*presenceState // by the filter; nil if there is none
}

// joining is a member on its way in.
type joining struct {
	core.Join[*subscription]
	entered   bool               // the feed has it
	answered  bool               // subscribed was sent: were it to join again, then in silence and from at
	settle    bool               // its connection waits for settled
	moved     bool               // it is a member already, and is told a gap when it goes on: it hears something else now
	at        protocol.Position  // up to here it was told
	recovered *protocol.Position // after which it recovers; nil if it does not
}

// counts counts a live member, n being 1 or -1.
func (e *entry) counts(sub *subscription, n int64) {
	e.live.Add(n)
	if sub.group != nil {
		e.partial.Add(n)
	}
	if e.changed != nil {
		e.changed(e.name)
	}
}

// reach counts the channel's members that hear messages now: how many are in all, parked, and on long-poll, and how
// many of all hear a part, which the messages at hand may not be of. The members are counted by the channel and the
// others by their connections, so that for a moment the parts may be behind the whole, but never exceed it.
func (e *entry) reach() (all, parked, polling, partial int) {
	all = int(e.live.Load())
	partial = min(int(e.partial.Load()), all)
	parked = min(int(e.parked.Load()), all-partial)
	polling = min(int(e.polling.Load()), all-partial-parked)
	return all, parked, polling, partial
}

// subscription is a member of a channel: one connection's interest in it.
type subscription struct {
	conn    *Connection
	channel protocol.Channel
	room    string        // what the client calls it; "" if it asked for neither a filter nor a scope
	id      uint64        // of the subscribe frame, 0 if the server made it; the channel's actor's once it has joined
	from    atomic.Uint64 // messages after this offset are, or were, brought; set by the channel, read by the connection
	entry   *entry        // nil as long as its join waits for other recoveries

	// Of the channel's actor.
	incarnation uint32 // of the actor that knows it
	stage       stage
	live        bool            // counted in entry.live
	group       *group          // of what it hears; nil for everything, and outside
	as          standing        // that it counts as being in the channel
	audience    fanout.Audience // what it hears of the users who come and go

	place fanout.Place // the lane's

	// Of the connection's actor.
	own           bool // the client asked for it; else the server did alone
	gated         bool // its recovery counts against maxRecoveries
	permission    permission
	wantsAudience fanout.Audience // what its client asked for
	hears         *hearing        // nil: everything. Its channel was told, by join or move
}

// join returns what the feed is asked for.
func (sub *subscription) join(since *protocol.Position) core.Join[*subscription] {
	j := core.Join[*subscription]{Member: sub, ID: sub.id, Since: since}
	if sub.group != nil {
		j.Group, j.Match = sub.group.key, sub.group.scopeOf
	}
	return j
}

// hearing is what the subscription hears, as its channel knows it.
func (sub *subscription) hearing() *hearing {
	if sub.group == nil {
		return nil
	}
	return sub.group.hearing
}

// tell sends a message to the actor of the subscription's connection.
func (sub *subscription) tell(message any) { sub.conn.bus.send(sub.conn.pid, message) }

// Outbox implements fanout.Member.
func (sub *subscription) Outbox() *core.Outbox { return sub.conn.out }

// Place implements fanout.Member.
func (sub *subscription) Place() *fanout.Place { return &sub.place }

// permission is what the connection knows of whether a subscription may be.
type permission uint8

const (
	undecided       permission = iota
	permissionAsked            // the application has not yet said; it has no entry until then
	joinAnswered               // its join has its answer, as far as anybody asked
)

// stage is if a subscription stands with its channel.
type stage uint8

const (
	memberOutside stage = iota // not yet joined
	memberInside               // joined: waiting, recovering or live
	memberGone
)

// standing is the member that a subscription counts as: nobody, its own connection, or, once the client has signed in,
// its user.
type standing uint8

const (
	asNobody standing = iota
	asItself
	asItsUser
)

// member is whom a connection stands for.
func (as standing) member(c *Connection) protocol.Member {
	if as == asItsUser {
		return protocol.Member{User: c.Identity().User}
	}
	return protocol.Member{Connection: c.id}
}

// counted is a bit of subscription.audience: the subscription is one of those that the channel counts as watchers.
const counted fanout.Audience = 1 << 7

func audienceOf(users string) fanout.Audience {
	switch users {
	case protocol.UsersAll:
		return fanout.Everybody
	case protocol.UsersIn:
		return fanout.HearsIn
	case protocol.UsersOut:
		return fanout.HearsOut
	}
	return 0
}

// presenceState is what the presence of a channel or of a room hands over to its next incarnation.
type presenceState struct {
	filter     string             // of the room: filter.Filter.ID; "" for the channel
	attendance *core.Attendance   // nil if presence was never kept
	counted    int                // of it, in Stats
	voices     []*voice           // one for each room's name that watchers hear
	watchers   int                // live members that watch
	answer     func(presenceDone) // to the call under way; nil for none: there is one at a time
}

// presenceDone is the answer to the call of the broker that is under way for the channel's presence, or a room's.
type presenceDone struct {
	ground.Event
	filter string           // of the room; "" for the channel
	page   core.MembersPage // of a read
	err    error
}

// voice is the live members that watch under one room's name: the names of a room differ by the scope.
type voice struct {
	room     string
	group    *fanout.Group // of the watchers; nil for the channel's
	watchers int
	snapshot *protocol.Encoded // what was told so far, for who begins to watch; nil if it has changed since it was made
}

// atRest reports whether nobody is there as far as anybody knows.
func (s *presenceState) atRest() bool {
	return s.answer == nil && (s.attendance == nil || s.attendance.Len() == 0)
}

// router finds channels by name, and starts them. A channel's actor stops only with the router's leave (retire), which
// it does not give while anybody holds the entry: so nobody ever joins a channel that is going away.
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

// hold returns the channel's entry, started if need be, and holds it for one subscription. The channel releases it.
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

// retire forgets an entry that nobody holds. If it answers true the actor must stop.
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

// find returns the channel's entry, or nil.
func (r *router) find(name protocol.Channel) *entry {
	s := r.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries[name]
}

// hearers returns how many hear all of a channel on this node.
func (r *router) hearers(name protocol.Channel) int {
	e := r.find(name)
	if e == nil {
		return 0
	}
	all, _, _, partial := e.reach()
	return all - partial
}

// count returns how many there are.
func (r *router) count() (n int) {
	r.each(func(*entry) { n++ })
	return n
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
