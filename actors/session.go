package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"tidings/actors/ground"
	"tidings/core"
	"tidings/protocol"
)

// session is the actor of one connection: its control plane. What its channels bring does not pass through it.
type session struct {
	bus  *Bus
	conn *Connection // from Begun on
	self *actor.PID

	state sessionState
	kind  transportKind
	gen   uint64
	park  *ground.Alarm // made with the first parking

	subs       []*subscription
	mandate    *mandate      // nil where the server wants nothing of it
	joins      []waitingJoin // recoveries that wait for others to end
	recovering int           // subscriptions that are gated
	awaiting   bool          // Roomed will come

	expiry    *ground.Alarm // of the token; nil where it has no end
	warned    bool          // that it is over
	verifying bool          // the token of a refresh; what comes meanwhile waits
	held      []Handle

	jobs []protocol.ClientFrame // requests for the broker, in order
	busy bool                   // one is with the broker

	commands, subscribes, publishes core.Bucket
	rates                           map[string]*core.Bucket // of rules that say one, by their group; of an anonymous client
	errors                          *errorBudget            // made with the first error
	replies                         []protocol.Channel      // that it opened, at most protocol.MaxReplies
	calls                           *calls                  // made with the first call
}

type waitingJoin struct {
	sub   *subscription
	since protocol.Position
}

type sessionState uint8

const (
	fresh  sessionState = iota // no link yet
	linked                     // a link is under the outbox
	parked
	ended
)

// Receive implements actor.Actor.
func (s *session) Receive(c actor.Context) {
	defer s.bus.supervision.Note(c)
	switch m := c.Message().(type) {
	case *actor.Started:
		s.self = c.Self()
	case *actor.Stopping:
		s.onStopping()
	case *actor.Stopped:
		s.bus.sessions.Leave()
	case Begun:
		s.conn = m.Conn
		s.mandate = m.Mandate
	case Handle:
		s.onHandle(m)
	case Faulted:
		s.onFaulted(m)
	case Attached:
		s.onAttached(m)
	case Detached:
		s.onDetached(m)
	case ParkOver:
		s.onParkOver()
	case Joined:
		s.ungate(m.Sub)
	case Refused:
		s.onRefused(m)
	case Settled:
		s.onSettled(m)
	case Verified:
		s.onVerified(m)
	case GrantsChanged:
		s.onGrantsChanged()
	case RulesChanged:
		s.onRulesChanged()
	case TokenOver:
		s.onTokenOver()
	case Roomed:
		s.onRoomed()
	case Answered:
		s.onAnswered(m)
	case Permitted:
		s.onPermitted(m)
	case Called:
		s.onCalled(m)
	case Describe:
		m.Reply <- s.describe(m.Channel)
	case End:
		if !s.conn.over.Load() {
			s.conn.out.Flush() // what a hot channel collects for it leaves before
		}
		s.finish(disconnectFrame(m.Err, m.AfterMS), m.Err.Code)
	}
}

// onHandle handles frames, unless a connect over a newer link fenced theirs: its client says again, over that one, what was not answered.
func (s *session) onHandle(m Handle) {
	if s.verifying {
		s.held = append(s.held, m)
		return
	}
	s.conn.pending.Add(int32(-len(m.Frames)))
	if m.Gen != anyGeneration && m.Gen < s.conn.since.Load() {
		return
	}
	for i := range m.Frames {
		if s.state == ended {
			return
		}
		s.onFrame(&m.Frames[i])
		if rest := m.Frames[i+1:]; s.verifying && len(rest) > 0 {
			s.conn.pending.Add(int32(len(rest)))
			s.held = append(s.held, Handle{Gen: m.Gen, Frames: rest})
			break
		}
	}
	s.conn.out.Flush()
}

func (s *session) onFaulted(m Faulted) {
	if s.state != ended && (m.Gen == anyGeneration || m.Gen >= s.conn.since.Load()) {
		s.refuse(m.Err, m.IDs...)
		s.conn.out.Flush()
	}
}

func (s *session) onAttached(m Attached) {
	if s.state == ended || m.Gen < s.gen {
		return
	}
	s.gen = m.Gen
	if m.Identity != nil {
		if s.become(m.Identity); s.state == ended {
			return
		}
	}
	if s.state == parked {
		s.note(Record{What: RecordResumed})
		s.bus.parking.remove(s.conn)
		s.bus.alarms.Cancel(s.park)
	}
	begins := s.state == fresh
	if begins {
		s.bus.cfg.Hooks.tell(Event{What: EventConnected, Connection: s.conn.id, User: s.conn.Identity().User})
	}
	s.enter(linked, m.Kind)
	if begins {
		if s.wish(); s.mandate != nil { // a connection without one is not woken for it
			s.fill()
			s.conn.out.Flush()
		}
	}
}

func (s *session) onDetached(m Detached) {
	if s.state == ended || m.Gen < s.gen {
		return
	}
	if m.Code == protocol.CodeSlowConsumer {
		s.bus.tally.slow.Add(1)
	}
	s.bus.tally.lost.add(s.kind, causeOf(m.Code, causeCut), 1)
	if s.conn.plain || m.Code != "" && !m.Code.Row().Retry {
		s.finish(nil, m.Code)
		return
	}
	s.enter(parked, s.kind)
	s.note(Record{What: RecordParked, Code: string(m.Code)})
	for _, c := range s.bus.parking.add(s.conn) {
		s.bus.tally.evicted.Add(1)
		s.bus.send(c.pid, ParkOver{})
	}
	if s.park == nil {
		s.park = &ground.Alarm{To: s.self, Message: ParkOver{}}
	}
	s.bus.alarms.Set(s.park, s.bus.cfg.Park)
}

func (s *session) onParkOver() {
	if _, attached := s.conn.out.Attached(); s.state == parked && !attached {
		code := protocol.CodeSessionGone
		if s.conn.lapsed.Load() != 0 {
			code = protocol.CodeTokenExpired
		}
		s.finish(disconnectFrame(errGone, 0), code)
	}
}

// enter moves the connection to another state, for the counts.
func (s *session) enter(state sessionState, kind transportKind) {
	if s.state == state && s.kind == kind {
		return
	}
	for _, sub := range s.subs {
		if sub.entry != nil {
			sub.entry.stand(s.state, s.kind, -1)
			sub.entry.stand(state, kind, 1)
		}
	}
	s.bus.tally.moved(s.state, s.kind, -1)
	s.state, s.kind = state, kind
	s.bus.tally.moved(s.state, s.kind, 1)
}

// finish ends the connection and its actor. last, if not nil, is the last thing that its link writes.
func (s *session) finish(last *protocol.Encoded, code protocol.Code) {
	if s.state == ended {
		return
	}
	b, c := s.bus, s.conn
	if code == protocol.CodeSlowConsumer {
		b.tally.slow.Add(1)
	}
	b.tally.ended.add(s.kind, causeOf(code, causeGoodbye), 1)
	begun := s.state != fresh
	s.enter(ended, s.kind)
	if begun {
		b.cfg.Hooks.tell(Event{What: EventDisconnected, Connection: c.id, User: c.Identity().User, Code: code})
	}
	s.note(Record{What: RecordEnded, Code: string(code)})
	if last != nil && last.Frame != nil && !code.Row().Retry {
		b.endings.Add(c.key, &protocol.Error{Code: code, Reason: last.Frame.Reason, Hint: last.Frame.Hint})
	}
	c.ended.Store(true) // after its final word can be found
	b.give(c.held)
	b.tickets.left(c, code != "" && !code.Row().Retry, b.cfg.Park)
	b.registry.remove(c)
	b.parking.remove(c)
	b.alarms.Cancel(s.park)
	s.unregister()
	if s.expiry != nil {
		b.alarms.Cancel(s.expiry)
	}
	made(&c.order).end()
	c.out.End(last) // before the lanes push more
	for _, sub := range s.subs {
		if sub.entry != nil {
			b.send(sub.entry.pid, Leave{Sub: sub})
		}
	}
	s.subs, s.joins, s.jobs, s.held = nil, nil, nil, nil
	b.system.Stop(s.self)
}

// onStopping runs after finish, and where the actor failed or the bus stops without it.
func (s *session) onStopping() {
	switch {
	case s.state == ended, s.conn == nil:
	case s.bus.ctx.Err() != nil:
		s.finish(disconnectFrame(errStopped, 0), protocol.CodeShuttingDown)
	default:
		s.finish(disconnectFrame(protocol.Internal, 0), protocol.CodeInternal)
	}
}

func (s *session) note(r Record) { s.bus.chronicle.ofConnection(s.conn.id, r) }

// push hands a frame to the client.
func (s *session) push(frame *protocol.Encoded) {
	if !s.conn.out.Push(frame) {
		s.conn.overflowed()
	}
}

// refuse answers the requests of one fault with an error, or tells it once, without an id, where there are none. Too many faults of the
// client's own end the connection; one that says retry is not counted: who is told to go more slowly, and does, must not be thrown out for good.
func (s *session) refuse(err *protocol.Error, ids ...uint64) {
	s.bus.tally.faults.add(s.kind, string(err.Code), max(1, len(ids)))
	if !err.Code.Row().Retry && !s.mayErr() {
		s.finish(disconnectFrame(errErrors, 0), protocol.CodeTooManyErrors)
		return
	}
	if len(ids) == 0 {
		s.push(errorFrame(0, err))
	}
	for _, id := range ids {
		s.push(errorFrame(id, err))
	}
}

// mayErr counts one fault of the client's.
func (s *session) mayErr() bool {
	if s.errors == nil {
		s.errors = new(errorBudget)
	}
	return s.errors.spend(s.bus.clock())
}
