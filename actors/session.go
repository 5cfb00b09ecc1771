package actors

import (
	"slices"
	"tidings/access"
	"tidings/actors/ground"
	"tidings/core"
	"tidings/protocol"

	"github.com/asynkron/protoactor-go/actor"
)

// session is the actor of one connection: its control plane. What its channels bring does not pass through it.
type session struct {
	bus  *Bus
	conn *Connection // from begun on
	self *actor.PID

	state       sessionState
	awaitsSpace bool // spaceFree will come, or replayDue
	verifying   bool // the token of a refresh; what comes meanwhile waits
	busy        bool // one of jobs is with the broker
	kind        transportKind
	gen         uint64
	park        *ground.Alarm // made with the first parking

	subs       []*subscription
	ruled      ruling        // from begun on
	mandate    *mandate      // nil if the server wants nothing of it
	waiting    []waitingJoin // recoveries that wait for others to end
	recovering int32         // subscriptions that are gated
	warned     bool          // that the token is over
	replays    core.Bucket   // bytes of history that recoveries may still bring
	replayWait *ground.Alarm // made when they brought too many

	expiry *ground.Alarm // of the token; nil if it has no end

	jobs []protocol.ClientFrame // requests for the broker, in order

	commands, subscribes, publishes core.Bucket
	rates                           map[string]*core.Bucket // of rules that say one, by their group; of an anonymous client
	errors                          *errorBudget            // made with the first error
	seldom                          *seldom                 // made with the first that is in it
	calls                           *calls                  // made with the first call
	documents                       *documentCalls          // made with the first call about documents
}

// seldom is what few sessions have.
type seldom struct {
	afterRefresh []handle           // that came while a token was verified
	replies      []protocol.Channel // that the session opened, at most protocol.MaxReplies
	recovered    []chan<- struct{}  // closed when nothing is being recovered any more
}

// few returns the session's part of seldom, made if need be.
func (s *session) few() *seldom {
	if s.seldom == nil {
		s.seldom = &seldom{}
	}
	return s.seldom
}

type waitingJoin struct {
	sub   *subscription
	since protocol.Position
}

type sessionState uint8

const (
	sessionFresh  sessionState = iota // no link yet
	sessionLinked                     // a link is under the outbox
	sessionParked
	sessionEnded
)

// identity is who the client is.
func (s *session) identity() access.Identity { return s.conn.Identity() }

// caller is the client as the application hears of it.
func (s *session) caller() Caller { return s.conn.caller() }

// awaitSpace asks for spaceFree, once the outbox has space for a page of history.
func (s *session) awaitSpace() {
	if !s.awaitsSpace {
		s.awaitsSpace = true
		s.conn.whenSpace(s.self, spaceFree{})
	}
}

// flush wakes the link for what was pushed.
func (s *session) flush() { s.conn.out.Flush() }

func (s *session) note(r Record) { s.bus.chronicle.ofConnection(s.conn.id, r) }

// push hands a frame to the client.
func (s *session) push(frame *protocol.Encoded) {
	if !s.conn.out.Push(frame) {
		s.conn.overflowed()
	}
}

// refuse pushes an error for each of these requests, or one without an id if there are none. A refusal is no error of
// the connection, however many there are: what a page may not do must not take from it what it may.
func (s *session) refuse(fault *protocol.Error, ids ...uint64) {
	s.bus.tally.faults.add(s.kind, string(fault.Code), max(1, len(ids)))
	s.conn.refusedFor(fault, "")
	if len(ids) == 0 {
		s.push(protocol.ErrorFrame(0, fault))
	}
	for _, id := range ids {
		s.push(protocol.ErrorFrame(id, fault))
	}
}

// malformed refuses what no correct client sends. Too much of it ends the connection, unless its fault says retry.
func (s *session) malformed(fault *protocol.Error, ids ...uint64) {
	if !fault.Code.Row().Retry && !s.mayErr() {
		s.bus.tally.faults.add(s.kind, string(fault.Code), max(1, len(ids)))
		s.finish(protocol.DisconnectFrame(errErrors, 0), protocol.CodeTooManyErrors)
		return
	}
	s.refuse(fault, ids...)
}

// mayErr counts one fault of the client's.
func (s *session) mayErr() bool {
	if s.errors == nil {
		s.errors = new(errorBudget)
	}
	return s.errors.spend(s.bus.clock())
}

var errErrors = &protocol.Error{Code: protocol.CodeTooManyErrors, Reason: "more than 20 errors in 10 s", Hint: "Mend the client; it sends messages that no server can read."}

// find returns the index of the subscription to a channel with a room, or -1. The room "" is that of the one which
// hears everything.
func (s *session) find(ch protocol.Channel, room string) int {
	return slices.IndexFunc(s.subs, func(sub *subscription) bool { return sub.channel == ch && sub.room == room })
}

func (s *session) describe(ch protocol.Channel) description {
	d := description{id: s.conn.id, state: s.state, kind: s.kind, subscriptions: len(s.subs)}
	if ch == "" {
		return d
	}
	for _, sub := range s.subs {
		if sub.channel == ch && (!d.subscribed || sub.hears == nil) { // of several the one that hears everything counts
			d.subscribed, d.recovering, d.from = true, sub.entry == nil || sub.gated, sub.from.Load()
		}
		if sub.channel == ch {
			d.hears = append(d.hears, sub.hears)
		}
	}
	return d
}

// stand counts a subscription that hears everything, of a connection in this state, n being 1 or -1.
func (sub *subscription) stand(state sessionState, kind transportKind, n int32) {
	switch {
	case sub.hears != nil:
	case state == sessionParked:
		sub.entry.parked.Add(n)
	case state == sessionLinked && kind == pollKind:
		sub.entry.polling.Add(n)
	}
}

// moved counts connections that enter or leave a state.
func (t *tally) moved(state sessionState, kind transportKind, n int64) {
	switch state {
	case sessionLinked:
		t.linked[kind].Add(n)
	case sessionParked:
		t.parked.Add(n)
	}
}

// enter moves the connection to another state, for the counts.
func (s *session) enter(state sessionState, kind transportKind) {
	if s.state == state && s.kind == kind {
		return
	}
	for _, sub := range s.subs {
		if sub.entry != nil {
			sub.stand(s.state, s.kind, -1)
			sub.stand(state, kind, 1)
		}
	}
	s.bus.tally.moved(s.state, s.kind, -1)
	s.state, s.kind = state, kind
	s.bus.tally.moved(s.state, s.kind, 1)
}

// What the actor can be told.

// handle asks for the frames of one message to be handled, in order.
type handle struct {
	ground.Event // the connection may have ended; its client is told by the end of its link
	gen          uint64
	frames       []protocol.ClientFrame
}

// anyGeneration is the Gen of frames that came beside the link, by POST /bus/send.
const anyGeneration = 0

// end asks for the end of the connection, for a reason that its client is told. Its subscriptions end with it.
type end struct {
	ground.Event
	fault   *protocol.Error
	afterMS int64
}

// faulted reports that an inbound message was refused as a whole, with the requests in it.
type faulted struct {
	ground.Event
	gen   uint64
	ids   []uint64
	fault *protocol.Error
}

// begun is the first message. It names the connection whose actor it is.
type begun struct {
	ground.Event
	conn    *Connection
	policy  *access.Policy // at that time
	mandate *mandate       // nil for none
}

// attached reports that a link was put under the outbox. Identity is what its client showed, nil for the next poll of
// one. A poll that takes over from the one before is not reported.
type attached struct {
	ground.Event
	gen      uint64
	kind     transportKind
	identity *access.Identity
}

// detached reports that a link is gone.
type detached struct {
	ground.Event
	gen  uint64
	code protocol.Code
}

// parkOver reports that a connection has been parked for long enough, or has to go for one that was parked later. It is
// void if the connection has a link again.
type parkOver struct{ ground.Event }

// verified brings the identity of a refresh's token, or why the token does not count.
type verified struct {
	ground.Event
	id       uint64
	identity access.Identity
	fault    *protocol.Error
}

// grantsChanged reports that what the connection was granted may have changed, or that it may have what it did not get
// a short time ago.
type grantsChanged struct{ ground.Event }

// rulesChanged reports that other rules hold.
type rulesChanged struct{ ground.Event }

// tokenOver reports that the time of the connection's token may be over.
type tokenOver struct{ ground.Event }

// joined reports that a subscription which asked for recovery is live.
type joined struct {
	ground.Event
	sub *subscription
}

// permitted reports whether the application lets a subscription be, and if not, why.
type permitted struct {
	ground.Event
	sub   *subscription
	since *protocol.Position
	fault *protocol.Error
}

// called brings the answer to a call, or why there is none.
type called struct {
	ground.Event
	call  *madeCall
	data  []byte
	fault *protocol.Error
}

// documented brings the answer to a document call, or why there is none.
type documented struct {
	ground.Event
	id     uint64 // of the request
	call   *DocumentCall
	answer []byte
	fault  *protocol.Error
}

// settled reports that a join has its answer, whatever it is.
type settled struct {
	ground.Event
	sub *subscription
}

// refused reports that a channel did not take a subscription; its client was told.
type refused struct {
	ground.Event
	sub  *subscription
	code protocol.Code
}

// spaceFree reports that the outbox has space for a recovery.
type spaceFree struct{ ground.Event }

// description is how a connection says that it stands.
type description struct {
	id            string
	state         sessionState
	kind          transportKind
	subscriptions int
	subscribed    bool // to the channel that was asked about
	recovering    bool // in it
	from          uint64
	hears         []*hearing // of its subscriptions to that channel
}

// concerned reports whether a message is for one of the connection's subscriptions.
func (d *description) concerned(m *protocol.Message) bool {
	return slices.ContainsFunc(d.hears, func(h *hearing) bool { return h.scopeOf(m) != core.Passes })
}

// describe asks how the connection stands, and how its subscription to Channel, if that is not "". Reply has space for
// the answer. A connection that has ended meanwhile does not answer.
type describe struct {
	ground.Event
	channel protocol.Channel
	reply   chan<- description
}

// answered brings the broker's answer to a request of the client: a frame, or why there is none.
type answered struct {
	ground.Event
	id      uint64
	frame   *protocol.Encoded
	shows   protocol.Channel // whose messages, or members, the frame has; "" for none
	members bool
	asked   *protocol.ClientFrame // the history that was read; nil for other requests
	rows    string                // keyOfRows of the row filter that it was read with
	fault   *protocol.Error
}

// mandated returns the connection's mandate, made if there is none.
func (s *session) mandated() *mandate {
	if s.mandate == nil {
		s.mandate = &mandate{}
	}
	return s.mandate
}

// mandate is what the server wants of a connection: the joins of its client's identity, and grants. A connection that
// wants a channel itself has one subscription to it, its own; the server's follows when that ends.
type mandate struct {
	page     access.Page        // by a signed id; zero for none
	subjects []subject          // under which grants find the connection
	puts     []protocol.Channel // that the server wants it in
	left     int                // joins that were left out
	full     bool               // there is no space for all of puts
	retry    *ground.Alarm      // for those that a channel refused; made with the first
}

// mandateOf returns the mandate of a connection that begins; nil if nothing but its own name says under whom grants
// find it.
func mandateOf(id access.Identity, page *access.Page) *mandate {
	if id.Anonymous() && page == nil {
		return nil
	}
	m := &mandate{}
	if page != nil {
		m.page = *page
	}
	m.subjects = m.of(id)
	return m
}

// of returns the subjects under which grants find the connection.
func (m *mandate) of(id access.Identity) (as []subject) {
	if !id.Anonymous() {
		as = append(as, subject{ofUser, id.User})
	}
	if m.page.ID != "" {
		as = append(as, subject{ofPage, m.page.ID}, subject{ofSession, m.page.Session})
	}
	return as
}

func without(list, others []subject) []subject {
	return slices.DeleteFunc(slices.Clone(list), func(who subject) bool { return slices.Contains(others, who) })
}
