package actors

import (
	"tidings/broker"
	"tidings/protocol"
)

// Stats is what a bus holds now and has done since its start.
type Stats struct {
	Connections   map[string]int // with a transport, by transport
	Parked        int            // without
	Channels      int
	Subscriptions int
	Rooms         int    // different filters, with their scopes, of all channels
	Always        int    // of them, those that are looked at for each message
	Matches       uint64 // messages that one of them matched, each once per filter

	Published    uint64            // by this node
	Deduplicated uint64            // publishes whose key was used before
	Delivered    uint64            // messages, each to one subscription
	Replayed     uint64            // of them, from history
	Skipped      uint64            // left out under load, to be read from history
	Routed       map[string]uint64 // publishes without a channel: routed, nobody (no route, or one to nobody), refused
	Excluded     uint64            // not delivered to the connection that their publish named in exclude

	Gaps          map[protocol.GapReason]uint64
	Recoveries    map[string]uint64 // by transport
	Resumes       map[string]uint64 // by the transport on which they went on
	ResumesFailed map[string]uint64 // unknown, foreign (of another identity), forgotten (frames)
	SlowConsumers uint64
	Turned        map[string]uint64 // connections that a limit refused, by the limit's name
	Lost          map[Cause]uint64  // transports of connections that were lost: a code, or "cut"
	Ended         map[Cause]uint64  // connections: a code, or "goodbye"
	Faults        map[Cause]uint64  // requests of clients that were answered with an error
	Fallbacks     map[Cause]uint64  // connects of clients that are not on their first transport, by protocol.FallbackRefused and so on, or "other"
	FallenBack    map[Cause]int     // connections now, parked ones included, that are not on their client's first transport, by the same
	Evicted       uint64            // parked connections that ended before their time, since there were too many
	Withdrawn     uint64            // frames that were taken back, since their channel is not allowed any more
	Revoked       uint64            // subscriptions that other rules, or another token of the user, ended

	ActorFailures uint64 // panics, those of links and of the broker included
	ActorRestarts uint64
	DeadLetters   uint64 // requests to an actor that is no more: should stay 0

	RepliesOpened uint64 // reply channels given to a client
	RepliesClosed uint64 // of them, with a final reply
	Mailboxes     int    // that hold replies

	Hooks  map[string]HookCount // by hook: connect, subscribe, publish, call
	Events EventCount           // that the application was to be told of

	Members        int               // who are in channels here, each counted once per channel, if presence is kept
	Watchers       int               // subscriptions that hear who comes and goes
	Joined, Left   uint64            // members whom this node told the broker of
	News           map[string]uint64 // frames made, by type: presence, joined, left
	NewsUnnamed    uint64            // of those of presence, without names because there are too many
	PresenceLost   uint64            // times that changes were missing, so that all was read again
	PresenceFailed uint64            // calls of the broker for presence that failed

	Grants     int    // channels that were granted and are remembered
	Waiting    int    // users, sessions and pages for whom they wait: nobody of them is connected
	Put        uint64 // subscriptions that the server made
	Removed    uint64 // of them, that it took away
	PutFull    uint64 // connections that had no space for all that the server wanted to make
	JoinsLeft  uint64 // channels that clients were not put in, because their name would be another, or there are too many
	Pages      uint64 // connections with a signed connection id
	PagesWrong uint64 // with one that was not signed so

	Tails       int    // who follow what is published
	TailDropped uint64 // messages left out of a tail

	PendingPublishes int // with the broker now
	Pressure         Pressure
	Holdings         broker.Holdings
	Broker           broker.Doing
	BrokerQueue      int // reads and requests that wait for a goroutine
	ActiveLanes      int // (channel, shard) pairs that wait for their turn
	InFlight         int // messages and operations under way to channels and through lanes
	DeepestChannel   int // most of them of one channel
	PendingFrames    int // of clients, that their actors have not yet seen
}

// Stats counts. It walks all channels and connections: call it for a scrape, not for a message.
func (b *Bus) Stats() Stats {
	t := &b.tally
	s := Stats{
		Connections:   map[string]int{},
		Parked:        int(t.parked.Load()),
		Published:     t.published.Load(),
		Deduplicated:  t.deduplicated.Load(),
		Replayed:      t.replayed.Load(),
		Skipped:       t.skipped.Load(),
		Rooms:         int(t.groups.Load()),
		Always:        int(t.always.Load()),
		Matches:       t.matches.Load(),
		Excluded:      t.excluded.Load(),
		Routed:        map[string]uint64{"routed": t.routed.Load(), "nobody": t.unrouted.Load(), "refused": t.unroutable.Load()},
		Gaps:          map[protocol.GapReason]uint64{},
		Recoveries:    t.recoveries.snapshot(),
		Resumes:       t.resumes.snapshot(),
		ResumesFailed: map[string]uint64{"unknown": t.resumesUnknown.Load(), "foreign": t.resumesForeign.Load(), "forgotten": t.resumesForgotten.Load()},
		SlowConsumers: t.slow.Load(),
		Turned:        b.quotas.stats(),
		Revoked:       t.revoked.Load(),
		Lost:          t.lost.Snapshot(),
		Ended:         t.ended.Snapshot(),
		Faults:        t.faults.Snapshot(),
		Fallbacks:     t.fallbacks.Snapshot(),
		FallenBack:    map[Cause]int{},
		Evicted:       t.evicted.Load(),
		Withdrawn:     t.withdrawn.Load(),
		ActorFailures: t.failures.Load(),
		ActorRestarts: t.restarts.Load(),
		DeadLetters:   t.deadLetters.Load(),

		RepliesOpened: t.repliesOpened.Load(),
		RepliesClosed: t.repliesClosed.Load(),
		Mailboxes:     b.replyBoxes.len(),

		Put:        t.put.Load(),
		Removed:    t.removed.Load(),
		PutFull:    t.putFull.Load(),
		JoinsLeft:  t.joinsLeft.Load(),
		Pages:      t.pages.Load(),
		PagesWrong: t.pagesWrong.Load(),

		Hooks: b.hookTally.counts(),

		Members:        int(t.members.Load()),
		Watchers:       int(t.watchers.Load()),
		Joined:         t.joined.Load(),
		Left:           t.left.Load(),
		News:           map[string]uint64{protocol.TypePresence: t.newsPresence.Load(), protocol.TypeJoined: t.newsJoined.Load(), protocol.TypeLeft: t.newsLeft.Load()},
		NewsUnnamed:    t.newsUnnamed.Load(),
		PresenceLost:   t.presenceLost.Load(),
		PresenceFailed: t.presenceFailed.Load(),

		Tails:       int(b.tails.n.Load()),
		TailDropped: b.tails.dropped.Load(),

		PendingPublishes: int(b.publishing.Load()),
		BrokerQueue:      b.reads.Depth() + b.publishes.Depth() + b.asking.Depth() + b.documents.Depth(),
	}
	s.Holdings = b.holdings()
	s.Broker.Answers = true
	if o, ok := b.broker.(broker.Observed); ok {
		s.Broker = o.Doing()
	}
	if told := b.hooks.Told; told != nil {
		s.Events = told()
	}
	s.Grants, s.Waiting = b.grants.stats()
	s.Pressure = Pressure(b.pressure.Load())
	for k := range kinds {
		s.Connections[k.String()] = int(t.linked[k].Load())
	}
	for i, r := range gapReasons {
		s.Gaps[r] = t.gaps[i].Load()
	}
	for _, shard := range b.shards {
		pushed, passedBy := shard.Delivered()
		s.Delivered += pushed
		s.Excluded += passedBy
		s.ActiveLanes += shard.Depth()
	}
	b.router.each(func(e *entry) {
		s.Channels++
		s.Subscriptions += int(e.live.Load())
		n := e.traffic.Len()
		s.InFlight += n
		s.DeepestChannel = max(s.DeepestChannel, n)
	})
	for _, c := range b.registry.all() {
		s.PendingFrames += int(c.pending.Load())
		if reason := c.fallback(); reason != "" {
			s.FallenBack[Cause{c.kind().String(), reason}]++
		}
	}
	return s
}

// holdings returns what the broker keeps in this process.
func (b *Bus) holdings() (held broker.Holdings) {
	if h, ok := b.broker.(broker.Holder); ok {
		held = h.Holdings()
	}
	return held
}
