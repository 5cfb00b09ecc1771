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
	ID     uint64                        // of the subscribe frame
	Since  *protocol.Position            // nil: from the top
	Group  string                        // "" for all messages; else the name of those who hear the same
	Match  func(*protocol.Message) Scope // what a message is to the group; nil for the group ""

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
	Replay(j *Join[M], messages []Replayed, prev uint64, more bool)
	// Gap informs one member of a gap. answering is set if the gap comes before Subscribed and carries its id.
	Gap(j *Join[M], g Gap, answering bool)
	// Position moves one member's cursor.
	Position(j *Join[M], at protocol.Position)
	// Enter makes the member live: from now on Live, GapAll and PositionAll reach it.
	Enter(j *Join[M])
	// Live hands a message to all live members of the groups that it concerns. hits is the Feed's, and changes after
	// the call.
	Live(m *protocol.Message, hits []Hit)
	// GapAll informs all live members of all groups of a gap.
	GapAll(g Gap)
	// PositionAll moves the cursors of all live members of these groups, which are not "". at may be where a cursor is
	// already.
	PositionAll(groups []string, at protocol.Position)
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
//   - suspect: the live stream was interrupted. Only a read that was asked after that ends the hole; a failed one does
//     not.
//   - stale: the read under way was asked before the interruption. Its answer is dropped and another read is asked.
//   - again: another read follows this one, since something came that its answer may not show.
//   - doubt: history had expired at this position, though no hole was seen. The messages may still come live. If the
//     feed stands there at the next check they are lost.
type Feed[M comparable] struct {
	Omit Mechanism // set by the simulator only

	// Quiet is how many messages a group lets pass before it is told the position, so that its members' cursors stay in
	// the window: at most a quarter of the channel's history, if that is above MinQuiet. Zero means MinQuiet.
	Quiet int

	// Paced is set while messages make no group be told the position, however many it let pass. The port sets it in
	// PositionAll, so that many groups of a busy channel do not cost more than its messages.
	Paced bool

	port    FeedPort[M]
	filters Groups
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
	tickets  uint64

	unfiltered int // live members of the group ""
	inGroups   int // live members of all others
	groups     map[string]*group
	order      groupList
	seen       uint64 // messages handed on while there were groups
	hits       []Hit  // of the message at hand
}

const (
	maxEarly      = 1024    // messages kept while starting or behind a hole; the rest is read from history
	maxEarlyBytes = 1 << 20 // their bytes
)

// NewFeed returns a feed that does nothing until Start. filters decides which groups a message concerns; nil asks the
// Match of each in turn.
func NewFeed[M comparable](port FeedPort[M], filters Groups) *Feed[M] {
	if filters == nil {
		filters = &walk{}
	}
	return &Feed[M]{port: port, filters: filters, catching: map[M]*recovery[M]{}, reads: map[uint64]*recovery[M]{}, groups: map[string]*group{}}
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
	return len(f.waiting) + len(f.catching) + f.unfiltered + f.inGroups
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

// Join adds a member, which must not be one already.
func (f *Feed[M]) Join(j Join[M]) {
	if !f.ready {
		f.waiting = append(f.waiting, &j)
		f.catchUp()
		return
	}
	f.join(&j)
}

// Leave removes a member, whether it waits, recovers or is live. group is the one that it joined.
func (f *Feed[M]) Leave(member M, group string) {
	if _, ok := f.catching[member]; ok {
		delete(f.catching, member)
		return
	}
	if i := slices.IndexFunc(f.waiting, func(j *Join[M]) bool { return j.Member == member }); i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
		return
	}
	f.exit(group)
}
