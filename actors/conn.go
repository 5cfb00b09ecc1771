package actors

import (
	"slices"
	"sync"
	"sync/atomic"
	"tidings/access"
	"tidings/core"
	"tidings/protocol"

	"github.com/asynkron/protoactor-go/actor"
)

func (c *Connection) gone() error { return c.bus.endings.of(c.key) }

// anonymous is the identity of all who have none.
var anonymous = new(access.Identity)

func sharedIdentity(id access.Identity) *access.Identity {
	if id == (access.Identity{}) {
		return anonymous
	}
	return &id
}

// hand pushes a frame from outside of the connection's actor.
func (c *Connection) hand(frame *protocol.Encoded) {
	if !c.out.Push(frame) {
		c.overflowed()
	}
	c.shard.Wake(c.out)
}

// owner is of whom the channels that the client makes are counted: its user, or its address, if that is known for sure.
func (c *Connection) owner() string {
	if id := c.Identity(); !id.Anonymous() {
		return "user " + id.User
	}
	if q := c.places.ofAddress; q != nil {
		return "address " + q.address.String()
	}
	return ""
}

func (c *Connection) caller() Caller {
	by := Caller{Connection: c.id, Identity: c.Identity()}
	if q := c.places.ofAddress; q != nil {
		by.Address = q.address.String()
	}
	return by
}

// principal is whose idempotency keys a connection's are. Those without an identity share one: a client repeats its
// publish on a new session when the old one is gone, and its keys are as random as the session was.
func (c *Connection) principal() string {
	id := c.Identity()
	if id.Anonymous() {
		return "anonymous"
	}
	return "user:" + id.User
}

// Connection is one client as the node knows it: what a transport holds of it. It outlives its transport. Its methods
// may be called from any goroutine.
type Connection struct {
	bus      *Bus
	pid      *actor.PID // set before anybody else has the connection
	id       string
	key      sessionKey
	out      *core.Outbox
	shard    *shard
	ticket   atomic.Pointer[ticket]          // that opened it; nil for most
	places   places                          // its actor's
	identity atomic.Pointer[access.Identity] // who the client is; its actor changes it

	transport atomic.Uint32 // of the last link: transportKind, and 8 bits above it the place in fallbacks
	pending   atomic.Int32  // frames on their way to the actor
	since     atomic.Uint64 // generation of the link that the last connect came over; polls go on with newer ones
	replayed  atomic.Int64  // bytes of messages that recoveries brought, and that its actor has not charged
	lapsed    atomic.Uint64 // up to which generation its token is over: only connect or refresh go on; 0: it is not
	ended     atomic.Bool
	over      atomic.Bool // the outbox overflowed, and the actor was told
	opened    uint32      // seconds after the node's start
	plain     bool
	via       protocol.Gateway

	attaching sync.Mutex  // one connect or poll at a time; guards latest
	latest    core.Latest // which of them took the session over

	waitlist atomic.Pointer[waitlist]  // made with the first recovery
	order    atomic.Pointer[sequencer] // made with the first body of POST /bus/send
}

// maxPendingFrames bounds the frames of a client that its actor has not yet seen.
const maxPendingFrames = 8 * protocol.MaxFrames

// fleeting reports whether the connection ends with its transport, and has no session.
func (c *Connection) fleeting() bool { return c.plain || c.via != protocol.NoGateway }

// ID is the connection's public name.
func (c *Connection) ID() string { return c.id }

// Identity is who the client is.
func (c *Connection) Identity() access.Identity { return *c.identity.Load() }

// Outbox is what the client is to hear.
func (c *Connection) Outbox() *core.Outbox { return c.out }

// Poll puts the link of a further long-poll under the outbox: what was not received goes out again. It fails with
// CodeBadCursor, and changes nothing, if so many frames were never sent; with CodeSuperseded, and changes nothing, if a
// newer connect or poll of the client came before; with CodeWrongTransport if the connection is on another transport;
// and with CodeSessionGone, or the code of its end for good, if it cannot go on.
func (c *Connection) Poll(link core.Link, poll *protocol.ClientFrame) (gen uint64, err error) {
	if c.ended.Load() {
		return 0, c.gone()
	}
	c.attaching.Lock() // a client that was told connected is past that connect
	defer c.attaching.Unlock()
	if c.latest.Late(poll) {
		return 0, errOvertaken
	}
	if c.kind() != pollKind {
		return 0, &protocol.Error{Code: protocol.CodeWrongTransport, Reason: "the session is not on long-polling", Hint: "Send connect with the session to change the transport."}
	}
	if lapsed := c.lapsed.Load(); lapsed != 0 && lapsed >= c.since.Load() {
		return 0, access.ErrTokenExpired
	}
	if err := c.out.Ack(*poll.Received); err != nil {
		return 0, err
	}
	fence := fencedFrame
	if c.latest.Copies(poll) {
		fence = nil // the client may be waiting for the answer to either
	}
	gen, tookOver, ok := c.out.Succeed(link, *poll.Received, fence)
	if !ok {
		return 0, c.gone()
	}
	c.latest.Took(poll, gen)
	if !tookOver { // else the actor knows of a link, and of none that is lost
		c.bus.send(c.pid, attached{gen: gen, kind: pollKind})
	}
	return gen, nil
}

// Receive takes the frames of one message, in order; they are the connection's from now on. Frames of a link that was
// fenced are dropped. It never waits: it fails with CodeRateLimited if too many wait to be handled, and with
// CodeSessionGone after the connection's end.
func (c *Connection) Receive(gen uint64, frames []protocol.ClientFrame) error {
	if c.ended.Load() {
		return c.gone()
	}
	n := int32(len(frames))
	if c.pending.Add(n) > maxPendingFrames {
		c.pending.Add(-n)
		return errRate
	}
	c.bus.send(c.pid, handle{gen: gen, frames: frames})
	return nil
}

// Fault reports an inbound message of which no frame is taken: each request in it, by its id, is answered with err, or
// the client is told once if there are none. The message counts as one error.
func (c *Connection) Fault(gen uint64, ids []uint64, fault *protocol.Error) {
	if !c.ended.Load() {
		c.bus.send(c.pid, faulted{gen: gen, ids: ids, fault: fault})
	}
}

// Lost reports that the link of generation gen is gone: the connection is parked, or ends if it is fleeting. code says
// why, "" if the client or the network just left.
func (c *Connection) Lost(gen uint64, code protocol.Code) {
	if c.out.Detach(gen) {
		c.bus.send(c.pid, detached{gen: gen, code: code})
	}
}

// overflowed reports that the outbox took no more.
func (c *Connection) overflowed() {
	if c.over.CompareAndSwap(false, true) {
		c.bus.send(c.pid, end{fault: errSlow})
	}
}

// fail ends the connection because of a fault of ours.
func (c *Connection) fail() {
	if c.over.CompareAndSwap(false, true) {
		c.bus.send(c.pid, end{fault: protocol.Internal})
	}
}

func (c *Connection) kind() transportKind { return transportKind(c.transport.Load() & 0xff) }

// fallback returns why the client is not on its first transport, or "".
func (c *Connection) fallback() string { return fallbacks[c.transport.Load()>>8] }

// made returns what p points to, made now if need be.
func made[T any](p *atomic.Pointer[T]) *T {
	if v := p.Load(); v != nil {
		return v
	}
	p.CompareAndSwap(nil, new(T))
	return p.Load()
}

var errSlow = &protocol.Error{Code: protocol.CodeSlowConsumer, Reason: "messages come faster than they are read", Hint: "Read faster, or subscribe to less; connect anew to recover what was missed."}

// whenSpace sends message to pid as soon as a recovery page fits the outbox.
func (c *Connection) whenSpace(pid *actor.PID, message any) {
	made(&c.waitlist).add(pid, message)
	c.out.WhenSpace(func() {
		for _, w := range made(&c.waitlist).take() {
			c.bus.send(w.pid, w.message)
		}
	})
}

var errFenced = &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a newer transport or request took over", Hint: "Nothing: the newer one goes on."}

var errOvertaken = &protocol.Error{Code: protocol.CodeSuperseded, Reason: "a newer connect or poll of this client came before this one", Hint: "Do nothing: the newer one goes on."}

var fencedFrame = protocol.DisconnectFrame(errFenced, 0)

var errNoConnection = &protocol.Error{Code: protocol.CodeNotFound, Reason: "there is no connection of this id on this node", Hint: "It may have ended, or be on another node; GET /api/connections lists those that are here."}

var withdrawnFrame = protocol.Encode(&protocol.ServerFrame{Type: protocol.TypeWithdrawn})

// withdraw takes what waits of hidden channels out of the outbox, also what was written and may have to be written
// again. The count of frames stays as it is. The answer to a subscribe stays: it was allowed when it was given, and
// shows no message.
func (c *Connection) withdraw(hidden func(protocol.Channel) bool) {
	c.out.Replace(func(e *protocol.Encoded) (with *protocol.Encoded) {
		defer func() {
			if with != e {
				c.bus.tally.withdrawn.Add(1)
			}
		}()
		if m := e.Message; m != nil {
			if hidden(m.Channel) {
				return withdrawnFrame
			}
			return e
		}
		f := e.Frame
		switch {
		case f == nil:
		case f.Type == protocol.TypeReply:
			if len(f.Messages) > 0 && hidden(f.Messages[0].Channel) || f.Channel != "" && hidden(f.Channel) {
				return protocol.ErrorFrame(f.ID, errWithdrawn)
			}
		case f.Channel == "" || f.Type == protocol.TypeUnsubscribed || f.Type == protocol.TypeSubscribed || !hidden(f.Channel):
		default:
			return withdrawnFrame
		}
		return e
	})
}

var errWithdrawn = &protocol.Error{Code: protocol.CodeForbidden, Reason: "the rules of this channel have changed while the answer waited", Hint: "Ask again: that is forbidden, too, if the channel is not allowed any more."}

// The words that a client may give for fallback in connect, "" for a client that is on its first transport; others
// count as otherFallback.
var fallbacks = [...]string{
	"", protocol.FallbackRefused, protocol.FallbackUnproven, protocol.FallbackUnstable, protocol.FallbackRemembered, protocol.FallbackChosen, otherFallback,
}

const otherFallback = "other"

// fallbackOf returns the place of a client's word in fallbacks.
func fallbackOf(word string) uint32 {
	if i := slices.Index(fallbacks[:], word); i >= 0 {
		return uint32(i)
	}
	return uint32(len(fallbacks) - 1)
}

// fellBack notes of a client that has just connected why it has another transport than its first choice, if it has.
func (c *Connection) fellBack(reason string) {
	if place := fallbackOf(reason); place != 0 {
		c.bus.tally.fallbacks.add(c.kind(), fallbacks[place], 1)
		c.transport.Or(place << 8)
	}
}
