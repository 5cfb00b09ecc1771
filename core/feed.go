package core

import (
	"slices"

	"tidings/protocol"
)

// Page is a broker's answer to a read of history.
type Page struct {
	Messages []*protocol.Message // strictly after the position asked for, in order, without a hole
	Top      protocol.Position   // of the channel, when the page was read
	Lost     protocol.GapReason  // not empty: history cannot go on from the position asked for, and why
}

// Join asks a feed to deliver to a member.
type Join[M comparable] struct {
	Member M
	ID     uint64             // of the subscribe frame
	Since  *protocol.Position // nil: from the top
	Room   string             // "" for all messages
	Match  func(*protocol.Message) bool

	after uint64 // not 0: it waits for the answer to this read, which tells whether the node is behind Since
}

// Gap is where completeness could not be shown.
type Gap struct {
	Reason protocol.GapReason
	Last   protocol.Position // zero where there was none
	From   protocol.Position
}

// FeedPort is what a Feed asks of the node that it runs on. It is called from within the Feed's methods, in order, and must not call back.
type FeedPort[M comparable] interface {
	// Read asks the broker for the messages strictly after a position, at most one recovery page; a zero position asks for the top
	// only. HistoryRead or ReadFailed answers with the same ticket, later.
	Read(ticket uint64, after protocol.Position)
	// Subscribed answers j; the member's frames go on from at.
	Subscribed(j *Join[M], at protocol.Position, recovered bool)
	// Refused answers j: the broker cannot be reached.
	Refused(j *Join[M])
	// Replay hands missed messages to one member; prev is what it was told before. More tells that the feed waits for
	// Continue before it reads the next page.
	Replay(j *Join[M], messages []*protocol.Message, prev uint64, more bool)
	// Gap tells one member; answering is set where it comes before Subscribed and carries its id.
	Gap(j *Join[M], g Gap, answering bool)
	// Position moves one member's cursor.
	Position(j *Join[M], at protocol.Position)
	// Enter makes the member live: from now on it is one of those that Live, GapAll and PositionAll speak to.
	Enter(j *Join[M])
	// Live hands a message to all live members of a room; prev is what they were told before.
	Live(room string, m *protocol.Message, prev uint64)
	GapAll(room string, g Gap)
	PositionAll(room string, at protocol.Position)
}

// Feed is a node's copy of one channel: it takes what the broker brings, in whatever order and with whatever losses, and hands
// each member every message in order, or one gap. It is register-first: the node must have subscribed at the broker,
// confirmed, before it calls Start.
type Feed[M comparable] struct {
	Omit Mechanism // set by the simulator only

	port    FeedPort[M]
	pos     protocol.Position
	started bool // the node is subscribed at the broker: reads may begin
	ready   bool
	reading uint64 // ticket of the feed's own read, 0 for none
	asked   protocol.Position
	again   bool                // another own read is wanted after this one
	hole    bool                // pos may be behind, or of another past: hold what comes
	suspect bool                // the live stream was interrupted, and no read that was asked since has answered
	stale   bool                // … and the read under way was asked before that
	held    []*protocol.Message // bounded by maxHeld and maxHeldBytes; history has what does not fit
	size    int                 // of held, in bytes
	doubt   protocol.Position   // where history had expired, though no hole was seen: once more there, and it is a loss

	waiting  []*Join[M] // for ready, or for the answer whether this node is behind
	catching map[M]*recovery[M]
	reads    map[uint64]*recovery[M]
	stalled  []*recovery[M] // answered, but the broker did not give the next page: the next check asks again
	rooms    []*room
	tickets  uint64
}

type room struct {
	name    string
	match   func(*protocol.Message) bool
	live    int
	told    uint64 // offset up to which its live members were told
	skipped int    // messages since then
}

type recovery[M comparable] struct {
	*Join[M]
	at    protocol.Position
	told  uint64
	first bool
}

const (
	maxHeld      = 1024    // messages held behind a hole; the rest is read from history
	maxHeldBytes = 1 << 20 // so much of them
	maxSkipped   = 64      // messages that a room did not match before it is told the position
)

// NewFeed makes a feed that does nothing until Start.
func NewFeed[M comparable](port FeedPort[M]) *Feed[M] {
	return &Feed[M]{port: port, catching: map[M]*recovery[M]{}, reads: map[uint64]*recovery[M]{}}
}

// Start reads the channel's top. The node must be subscribed at the broker by now. Who joined before has waited for it.
func (f *Feed[M]) Start() {
	f.started = true
	f.catchUp()
}

// Position is where the feed is; zero before the first read was answered.
func (f *Feed[M]) Position() protocol.Position { return f.pos }

// Members counts those who are live, recovering or waiting.
func (f *Feed[M]) Members() int {
	n := len(f.waiting) + len(f.catching)
	for _, r := range f.rooms {
		n += r.live
	}
	return n
}

// Check compares the feed with the broker and mends what it finds: the only thing that finds the loss of a last message. Call it
// every ten seconds or so.
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

// Interrupted says that the broker's live stream broke and is there again. What comes now may follow another past, even under the
// same epoch and at the next offset, so nothing is handed on before history was read.
func (f *Feed[M]) Interrupted() {
	f.suspect, f.hole = f.ready, f.ready
	f.stale = f.ready && f.reading != 0
	f.held, f.size = nil, 0
	f.Check()
}

// Tick tells filtered rooms their position where they skipped messages. Call it every five seconds.
func (f *Feed[M]) Tick() {
	for _, r := range f.rooms {
		if r.skipped > 0 {
			f.tellPosition(r)
		}
	}
}

// Message takes one message from the broker's live stream.
func (f *Feed[M]) Message(m *protocol.Message) {
	if !f.ready || f.hole {
		f.hold(m)
		if f.ready && f.reading == 0 { // a read has failed
			f.catchUp()
		}
		return
	}
	f.apply(m)
}

func (f *Feed[M]) hold(m *protocol.Message) {
	if len(f.held) == 0 {
		f.size = 0
	}
	if len(f.held) < maxHeld && f.size+m.Size() <= maxHeldBytes {
		f.held, f.size = append(f.held, m), f.size+m.Size()
	}
}

func (f *Feed[M]) apply(m *protocol.Message) {
	switch {
	case m.Volatile:
		f.live(m)
	case f.follows(m):
		f.advance(m)
	case m.Epoch == f.pos.Epoch && m.Offset < f.pos.Offset, m.Position() == f.pos: // a repetition
		if f.Omit.Has(MergeDrop) {
			f.live(m)
		}
	default: // a hole, another epoch, or another message at our offset: history decides
		f.hole = true
		f.hold(m)
		f.catchUp()
	}
}

// follows reports whether nothing is missing between pos and m, and m is of the same past.
func (f *Feed[M]) follows(m *protocol.Message) bool {
	if m.Prev == f.pos.Offset && m.PrevTag != "" && m.PrevTag != f.pos.Tag {
		return false
	}
	return m.Epoch == f.pos.Epoch && (m.Prev <= f.pos.Offset || f.Omit.Has(NodeContiguity)) && m.Offset > f.pos.Offset
}

func (f *Feed[M]) advance(m *protocol.Message) {
	f.pos = m.Position()
	f.live(m)
}

func (f *Feed[M]) live(m *protocol.Message) {
	for _, r := range f.rooms {
		if r.match != nil && !r.match(m) {
			if m.Volatile {
				continue
			}
			if r.skipped++; r.skipped > maxSkipped {
				f.tellPosition(r)
			}
			continue
		}
		prev := r.told
		if r.match == nil {
			prev = m.Prev
		}
		f.port.Live(r.name, m, prev)
		if !m.Volatile {
			r.told, r.skipped = m.Offset, 0
		}
	}
}

func (f *Feed[M]) tellPosition(r *room) {
	r.told, r.skipped = f.pos.Offset, 0
	f.port.PositionAll(r.name, f.pos)
}

// catchUp reads what came after pos; one read at a time.
func (f *Feed[M]) catchUp() {
	if !f.started {
		return
	}
	if f.reading != 0 {
		f.again = f.again || f.hole
		return
	}
	f.tickets++
	f.reading, f.asked = f.tickets, f.pos
	f.port.Read(f.reading, f.pos)
}

// HistoryRead takes the answer to a Read.
func (f *Feed[M]) HistoryRead(ticket uint64, p Page) {
	if r := f.reads[ticket]; r != nil {
		delete(f.reads, ticket)
		f.onPage(r, p)
		return
	}
	if ticket != f.reading {
		return // of a member that left
	}
	f.reading = 0
	if f.stale {
		f.stale, f.again = false, false
		f.catchUp()
		return
	}
	if f.replaced(p) {
		p.Lost = protocol.GapPositionUnknown
	}
	switch {
	case !f.ready:
		f.pos, f.ready = p.Top, true
	case f.asked.Epoch != f.pos.Epoch:
		f.catchUp() // a member's page told of the new epoch first: the answer is about the old one
		return
	case p.Lost == protocol.GapHistoryExpired && p.Top.Epoch == f.pos.Epoch && f.mayBeLive(p.Top):
	case p.Lost != "":
		f.lose(p)
	default:
		f.take(p)
		if p.Lost == "" && p.Top.Epoch == f.pos.Epoch && len(p.Messages) > 0 && f.pos.Offset < p.Top.Offset {
			f.catchUp() // another page
			return
		}
	}
	f.settle(ticket)
}

// mayBeLive reports whether what history no longer has, from the position asked for up to top, came live meanwhile or still may: no
// hole was seen. A feed that stands at the same place for two checks has lost it.
func (f *Feed[M]) mayBeLive(top protocol.Position) bool {
	switch {
	case top.Offset <= f.pos.Offset:
		return true
	case f.hole || f.pos == f.doubt:
		return false
	}
	f.doubt = f.pos
	return true
}

// replaced reports whether a page has another message at pos: the read was asked from an older pos, and history was replaced since.
func (f *Feed[M]) replaced(p Page) bool {
	return slices.ContainsFunc(p.Messages, func(m *protocol.Message) bool {
		return m.Epoch == f.pos.Epoch && m.Offset == f.pos.Offset && m.Tag != f.pos.Tag
	})
}

func (f *Feed[M]) take(p Page) {
	for _, m := range p.Messages {
		if f.follows(m) {
			f.advance(m)
		}
	}
}

// lose tells every live member that messages are missing, and goes on from the broker's top.
func (f *Feed[M]) lose(p Page) {
	reason := p.Lost
	if reason == protocol.GapHistoryExpired {
		reason = protocol.GapFeedLost
	}
	g := Gap{Reason: reason, Last: f.pos, From: p.Top}
	f.again = f.again || len(f.held) > 0
	if p.Top.Epoch == f.pos.Epoch {
		f.held, f.size = nil, 0 // it may be of the past that was lost; what is not is in history
	}
	f.pos = p.Top
	for _, r := range f.rooms {
		r.told, r.skipped = f.pos.Offset, 0
		f.port.GapAll(r.name, g)
	}
}

// settle ends a read of the feed's own: what was held goes on, and those who waited for it are answered.
func (f *Feed[M]) settle(ticket uint64) {
	f.hole, f.suspect = false, false
	held := f.held
	f.held = nil
	for _, m := range held {
		if m.Volatile || f.follows(m) || f.Omit.Has(MergeDrop) {
			f.apply(m)
		} else if m.Epoch != f.pos.Epoch || m.Offset > f.pos.Offset {
			f.again = true // another hole: history has by now what it lacks
		}
	}
	waiting := f.waiting
	f.waiting = nil
	for _, j := range waiting {
		if j.after > ticket {
			f.waiting = append(f.waiting, j)
			continue
		}
		f.join(j)
	}
	if f.again {
		f.again = false
		f.catchUp()
	}
}

// ReadFailed takes the failure of a Read: the broker did not answer. Who waited for an answer to its subscribe is refused; who has one,
// and the feed itself, go on with the next message or check.
func (f *Feed[M]) ReadFailed(ticket uint64) {
	if r := f.reads[ticket]; r != nil {
		delete(f.reads, ticket)
		switch {
		case f.catching[r.Member] != r: // it left
		case r.first:
			delete(f.catching, r.Member)
			f.port.Refused(r.Join)
		default:
			f.stalled = append(f.stalled, r)
		}
		return
	}
	if ticket != f.reading {
		return
	}
	f.reading, f.again, f.stale = 0, false, false
	f.hole, f.held = f.suspect, nil // the next message finds the hole again
	waiting := f.waiting
	f.waiting = nil
	for _, j := range waiting {
		f.port.Refused(j)
	}
}

// Join takes a member in. It must not be one already.
func (f *Feed[M]) Join(j Join[M]) {
	if !f.ready {
		f.waiting = append(f.waiting, &j)
		f.catchUp()
		return
	}
	f.join(&j)
}

func (f *Feed[M]) join(j *Join[M]) {
	since := j.Since
	switch {
	case since == nil:
		f.port.Subscribed(j, f.pos, false)
		f.enter(j)
	case *since == f.pos:
		f.port.Subscribed(j, f.pos, true)
		f.enter(j)
	case since.Epoch == f.pos.Epoch && since.Offset < f.pos.Offset:
		r := &recovery[M]{Join: j, at: *since, told: since.Offset, first: true}
		f.catching[j.Member] = r
		f.read(r)
	case j.after == 0: // this node may be behind what the client heard from another
		f.again = f.again || f.reading != 0 // the answer that is under way may be older than what the client heard
		j.after = f.tickets + 1
		f.waiting = append(f.waiting, j)
		f.catchUp()
	default:
		reason := protocol.GapPositionUnknown
		if since.Epoch != f.pos.Epoch {
			reason = protocol.GapEpochChanged
		}
		f.fail(&recovery[M]{Join: j, at: *since, first: true}, reason)
	}
}

func (f *Feed[M]) read(r *recovery[M]) {
	f.tickets++
	f.reads[f.tickets] = r
	f.port.Read(f.tickets, r.at)
}

// Continue reads a member's next page: its outbox has room again.
func (f *Feed[M]) Continue(member M) {
	if r := f.catching[member]; r != nil {
		f.read(r)
	}
}

// onPage hands a page to a recovering member. It stops at pos: what is newer comes live.
func (f *Feed[M]) onPage(r *recovery[M], p Page) {
	if f.catching[r.Member] != r {
		return // it left
	}
	if p.Lost == protocol.GapEpochChanged && r.at.Epoch == f.pos.Epoch {
		f.lose(p) // the feed stands in that epoch too: one gap now, not a second one for this member later
	}
	if p.Lost != "" {
		f.fail(r, p.Lost)
		return
	}
	if r.at.Epoch != f.pos.Epoch {
		f.fail(r, protocol.GapEpochChanged)
		return
	}
	if r.first {
		r.first = false
		f.port.Subscribed(r.Join, r.at, true)
	}
	from := r.at
	messages := f.matching(r, p.Messages)
	prev := r.told
	if len(messages) > 0 {
		r.told = messages[len(messages)-1].Offset
	}
	done := r.at == f.pos
	if !done && r.at == from {
		f.fail(r, protocol.GapFeedLost) // the broker says neither "lost" nor what comes next
		return
	}
	f.port.Replay(r.Join, messages, prev, !done)
	if done {
		delete(f.catching, r.Member)
		if r.told != f.pos.Offset {
			f.port.Position(r.Join, f.pos)
		}
		f.enter(r.Join)
	}
}

// matching moves r.at over the page's messages up to pos and gives those that the member's room matches.
func (f *Feed[M]) matching(r *recovery[M], messages []*protocol.Message) []*protocol.Message {
	out := messages[:0:0]
	for _, m := range messages {
		if m.Epoch != r.at.Epoch || m.Prev > r.at.Offset || m.Offset > f.pos.Offset {
			break
		}
		if m.Offset <= r.at.Offset && !f.Omit.Has(ReplayAfter) {
			continue
		}
		r.at = m.Position()
		if r.Match == nil || r.Match(m) {
			out = append(out, m)
		}
	}
	return out
}

// fail tells a member one gap and lets it go on from pos.
func (f *Feed[M]) fail(r *recovery[M], reason protocol.GapReason) {
	delete(f.catching, r.Member)
	f.port.Gap(r.Join, Gap{Reason: reason, Last: r.at, From: f.pos}, r.first)
	if r.first {
		f.port.Subscribed(r.Join, f.pos, false)
	}
	f.enter(r.Join)
}

func (f *Feed[M]) enter(j *Join[M]) {
	i := slices.IndexFunc(f.rooms, func(r *room) bool { return r.name == j.Room })
	if i < 0 {
		i = len(f.rooms)
		f.rooms = append(f.rooms, &room{name: j.Room, match: j.Match, told: f.pos.Offset})
	}
	f.rooms[i].live++
	f.port.Enter(j)
}

// Leave lets a member go, wherever it stands. room is the one that it joined.
func (f *Feed[M]) Leave(member M, room string) {
	if _, ok := f.catching[member]; ok {
		delete(f.catching, member)
		return
	}
	if i := slices.IndexFunc(f.waiting, func(j *Join[M]) bool { return j.Member == member }); i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
		return
	}
	for i, r := range f.rooms {
		if r.name == room {
			if r.live--; r.live == 0 {
				f.rooms = slices.Delete(f.rooms, i, i+1)
			}
			return
		}
	}
}
