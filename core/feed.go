package core

import (
	"slices"

	"tidings/protocol"
)

// Page is a broker's answer to a read of history.
type Page struct {
	Messages []*protocol.Message // strictly after the position asked for, in order, without a hole
	Top      protocol.Position   // of the channel, when the page was read
	Lost     protocol.GapReason  // why history cannot continue from the position asked for; "" if it can
}

// Join asks a feed to deliver to a member.
type Join[M comparable] struct {
	Member M
	ID     uint64             // of the subscribe frame
	Since  *protocol.Position // nil: from the top
	Room   string             // "" for all messages
	Match  func(*protocol.Message) bool

	after uint64 // if not 0, the read whose answer it waits for: that read shows whether the node is behind Since
}

// Gap is where completeness could not be shown.
type Gap struct {
	Reason protocol.GapReason
	Last   protocol.Position // zero if there was none
	From   protocol.Position
}

// FeedPort is what a Feed asks of its node. It is called from within the Feed's methods, in order, and must not call
// back.
type FeedPort[M comparable] interface {
	// Read asks the broker for the messages strictly after a position, at most one recovery page. A zero position asks
	// for the top only. HistoryRead or ReadFailed returns the answer later, with the same ticket.
	Read(ticket uint64, after protocol.Position)
	// Subscribed confirms j; the member's frames go on from at.
	Subscribed(j *Join[M], at protocol.Position, recovered bool)
	// Refused fails j: the broker cannot be reached.
	Refused(j *Join[M])
	// Replay hands missed messages to one member. prev is the offset up to which it was told before. If more is set the
	// feed waits for Continue before it reads the next page.
	Replay(j *Join[M], messages []*protocol.Message, prev uint64, more bool)
	// Gap informs one member of a gap. answering is set if the gap comes before Subscribed and carries its id.
	Gap(j *Join[M], g Gap, answering bool)
	// Position moves one member's cursor.
	Position(j *Join[M], at protocol.Position)
	// Enter makes the member live: from now on Live, GapAll and PositionAll reach it.
	Enter(j *Join[M])
	// Live hands a message to all live members of a room. prev is the offset up to which they were told before.
	Live(room string, m *protocol.Message, prev uint64)
	// GapAll informs all live members of a room of a gap.
	GapAll(room string, g Gap)
	// PositionAll moves the cursors of all live members of a room.
	PositionAll(room string, at protocol.Position)
}

// Feed is a node's copy of one channel. It takes what the broker brings, in whatever order and with whatever losses,
// and hands each member every message in order, or one gap. It registers first: the node must have subscribed at the
// broker, confirmed, before it calls Start.
//
//	                 Start, and the top was read         a message that does not follow, or Interrupted
//	starting (!ready) --------------------------> live --------------------------------------------------> hole
//	      messages are kept in early               ^                              messages are kept in early |
//	      joins wait                               |                                                         |
//	                                               +---- the read was answered: take its page, or lose ------+
//	                                               +---- the read failed, and the feed is not suspect -------+
//
// One read of the feed's own is under way at a time. Four marks qualify that read:
//
//   - suspect: the live stream was interrupted. Only a read that was asked after that ends the hole; a failed one does not.
//   - stale: the read under way was asked before the interruption. Its answer is dropped and another read is asked.
//   - again: another read follows this one, since something came that its answer may not show.
//   - doubt: history had expired at this position, though no hole was seen. The messages may still come live. If the feed
//     stands there at the next check they are lost.
type Feed[M comparable] struct {
	Omit Mechanism // set by the simulator only

	port    FeedPort[M]
	pos     protocol.Position // up to which live members were told
	started bool              // the node is subscribed at the broker: reads may begin
	ready   bool              // the top was read: pos is valid
	hole    bool              // pos may be behind, or of another past

	reading uint64            // ticket of the feed's own read, 0 for none
	asked   protocol.Position // position that this read was asked from
	suspect bool
	stale   bool
	again   bool
	doubt   protocol.Position

	early      []*protocol.Message // messages that came while starting or behind a hole; history has what does not fit
	earlyBytes int

	waiting  []*Join[M] // joins that wait for ready, or for the read that shows whether this node is behind
	catching map[M]*recovery[M]
	reads    map[uint64]*recovery[M]
	stalled  []*recovery[M] // recoveries whose page the broker failed to return; the next check asks again
	groups   []*group
	tickets  uint64
}

// group is all live members of one room, who hear the same messages. The room "" is that of members without a filter.
type group struct {
	room    string
	match   func(*protocol.Message) bool
	live    int    // members
	told    uint64 // offset up to which they were told
	skipped int    // messages since then that did not match
}

const (
	maxEarly      = 1024    // messages kept while starting or behind a hole; the rest is read from history
	maxEarlyBytes = 1 << 20 // their bytes
	maxSkipped    = 64      // messages that a group did not match before it is told the position
)

// NewFeed returns a feed that does nothing until Start.
func NewFeed[M comparable](port FeedPort[M]) *Feed[M] {
	return &Feed[M]{port: port, catching: map[M]*recovery[M]{}, reads: map[uint64]*recovery[M]{}}
}

// Start reads the channel's top. The node must be subscribed at the broker by now. Members that joined before have
// waited for it.
func (f *Feed[M]) Start() {
	f.started = true
	f.catchUp()
}

// Position returns the position up to which live members were told; zero before the first read was answered.
func (f *Feed[M]) Position() protocol.Position { return f.pos }

// Members returns the number of members that are live, recovering or waiting.
func (f *Feed[M]) Members() int {
	n := len(f.waiting) + len(f.catching)
	for _, g := range f.groups {
		n += g.live
	}
	return n
}

// Check compares the feed with the broker and mends what it finds. Nothing else finds the loss of a last message. Call
// it every ten seconds or so.
func (f *Feed[M]) Check() {
	f.catchUp()
	stalled := f.stalled
	f.stalled = nil
	for _, r := range stalled {
		if f.catching[r.Member] == r {
			f.read(r)
		}
	}
}

// Interrupted reports that the broker's live stream broke and is there again. What comes now may follow another past,
// even under the same epoch and at the next offset. So nothing is handed on before history was read.
func (f *Feed[M]) Interrupted() {
	f.suspect, f.hole = f.ready, f.ready
	f.stale = f.ready && f.reading != 0
	f.early, f.earlyBytes = nil, 0
	f.Check()
}

// Tick sends each group that skipped messages its position. Call it every five seconds.
func (f *Feed[M]) Tick() {
	for _, g := range f.groups {
		if g.skipped > 0 {
			f.tellPosition(g)
		}
	}
}

// Join adds a member, which must not be one already.
func (f *Feed[M]) Join(j Join[M]) {
	if !f.ready {
		f.waiting = append(f.waiting, &j)
		f.catchUp()
		return
	}
	f.join(&j)
}

// enter makes j's member live in the group of its room.
func (f *Feed[M]) enter(j *Join[M]) {
	i := slices.IndexFunc(f.groups, func(g *group) bool { return g.room == j.Room })
	if i < 0 {
		i = len(f.groups)
		f.groups = append(f.groups, &group{room: j.Room, match: j.Match, told: f.pos.Offset})
	}
	f.groups[i].live++
	f.port.Enter(j)
}

// Leave removes a member, whether it waits, recovers or is live. room is the one that it joined.
func (f *Feed[M]) Leave(member M, room string) {
	if _, ok := f.catching[member]; ok {
		delete(f.catching, member)
		return
	}
	if i := slices.IndexFunc(f.waiting, func(j *Join[M]) bool { return j.Member == member }); i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
		return
	}
	for i, g := range f.groups {
		if g.room == room {
			if g.live--; g.live == 0 {
				f.groups = slices.Delete(f.groups, i, i+1)
			}
			return
		}
	}
}
