package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"tidings/access"
	"tidings/actors/ground"
	"tidings/broker"
	"tidings/core"
	"tidings/internal/counts"
	"tidings/internal/patience"
	"tidings/internal/refusals"
	"tidings/protocol"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Bus is one node of the message bus.
type Bus struct {
	cfg         Config
	broker      broker.Broker
	hooks       *Hooks
	replies     access.Replies
	policy      atomic.Pointer[access.Policy]
	routing     atomic.Pointer[access.Router]
	targets     targets
	tokens      atomic.Pointer[access.Tokens]
	revocations access.Revocations
	tickets     tickets
	quotas      quotas
	userRates   userRates
	grants      *grants
	log         *slog.Logger
	announce    *protocol.Announce
	started     time.Time

	system       *ground.System
	supervision  *ground.Supervision
	channelProps func(*entry) *actor.Props
	sessionProps *actor.Props
	router       *router
	registry     *registry
	cluster      *clustered   // nil for a node that is alone
	heard        *heard       // nil for such a node, and if the broker does not count who hears
	pressure     atomic.Int32 // a Pressure
	refusals     refusals.Ring
	endings      endings // of sessions that ended for good, for clients between two polls
	parking      *parking
	chronicle    *chronicle
	replyBoxes   replyBoxes
	tails        tails
	shards       []*shard
	nextShard    atomic.Uint64
	alarms       *ground.Alarms
	workers      *ground.Workers // of the channels
	clerks       *ground.Workers // of the connections
	reads        *ground.Pool    // subscriptions and history, for the channels
	publishes    *ground.Pool    // what clients ask of the broker
	asking       *ground.Pool    // what clients ask of the application
	documents    *ground.Pool    // what clients ask of the store
	publishing   atomic.Int64

	retiring   atomic.Bool // no new clients are to be sent here
	draining   atomic.Bool // new clients are refused
	stopping   atomic.Bool
	ctx        context.Context // ends with Stop
	stop       context.CancelFunc
	channels   ground.Census
	sessions   ground.Census
	background sync.WaitGroup

	tally     tally
	hookTally hookTally
}

func (b *Bus) send(to *actor.PID, message any) { b.system.Send(to, message) }

// clock is the time since the start, which no change of the wall clock touches.
func (b *Bus) clock() time.Duration { return time.Since(b.started) }

// alone reports whether this node is the only one that its broker can have.
func (b *Bus) alone() bool { return b.cluster == nil }

// collectWindow is what the rule of a channel says, or the node's. It counts for lanes that begin from now on.
func (b *Bus) collectWindow(ch protocol.Channel) time.Duration {
	if limits, _ := b.policy.Load().Limits(ch); limits.CollectWindow != 0 {
		return max(limits.CollectWindow, 0)
	}
	return b.cfg.CollectWindow
}

// quietMessages is how many messages of a channel a group lets pass before it is told the position: a quarter of what
// history keeps, so that the cursors of its members stay in the window.
func (b *Bus) quietMessages(ch protocol.Channel) int {
	kept := b.cfg.HistoryMessages
	if limits, _ := b.policy.Load().Limits(ch); limits.HistoryMessages != 0 {
		kept = limits.HistoryMessages
	}
	return max(kept/4, core.MinQuiet)
}

// call calls the broker on the bus's own behalf.
func (b *Bus) call(fn func(context.Context) error) error { return b.callWith(b.ctx, fn) }

// callWith calls the broker, for at most BrokerTimeout. A panic there is an error like others.
func (b *Bus) callWith(ctx context.Context, fn func(context.Context) error) (err error) {
	if b.ctx.Err() != nil {
		return errStopped
	}
	p := patience.New(ctx, b.cfg.BrokerTimeout)
	defer p.End()
	defer func() {
		if reason := recover(); reason != nil {
			b.tally.failures.Add(1)
			b.log.Error("the broker failed", "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
			err = protocol.Internal
		}
	}()
	return fn(p)
}

// failure is what a caller may see of an error of the broker; late is for one that did not answer in time.
func (b *Bus) failure(err error, late *protocol.Error) *protocol.Error {
	var known *protocol.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return late
	}
	b.log.Error("the broker failed", "error", err)
	return protocol.Internal
}

// claim has the broker count a channel, if it is new, for the client that asks for it.
func (b *Bus) claim(ch protocol.Channel, owner string) *protocol.Error {
	if o, ok := b.broker.(broker.Owned); ok && ch != "" {
		if err := o.Claim(ch, owner); err != nil {
			return b.failure(err, errBroker)
		}
	}
	return nil
}

// keeper is the broker as far as it keeps presence; nil if it does not.
func (b *Bus) keeper() broker.Presence {
	p, _ := b.broker.(broker.Presence)
	return p
}

// keepsPresence reports whether it is kept who is in a channel: of a reply channel, which has one reader, never.
func (b *Bus) keepsPresence(ch protocol.Channel) bool {
	_, _, reply := ch.ReplyParts()
	return !reply && b.keeper() != nil && b.policy.Load().KeepsPresence(ch)
}

// Pressure is how short of memory the process is.
type Pressure int32

// The pressures.
const (
	Easy  Pressure = iota
	Tight          // new connections are refused; who is connected, and who resumes, is not touched
	Full           // publishes are refused, too: history is what grows
)

// Cause is what something is counted by: the transport that the connection was on, and why.
type Cause struct {
	Transport string
	Code      string // of protocol.Code, or another word that the count's field names
}

// causes counts by transport and cause.
type causes struct{ counts.Map[Cause] }

func (t *causes) add(kind transportKind, code string, n int) {
	t.Add(Cause{kind.String(), code}, uint64(n))
}

// perTransport counts by transport alone.
type perTransport [kinds]atomic.Uint64

func (t *perTransport) add(kind transportKind) { t[kind].Add(1) }

func (t *perTransport) snapshot() map[string]uint64 {
	m := make(map[string]uint64, kinds)
	for k := range kinds {
		m[k.String()] = t[k].Load()
	}
	return m
}

// What is counted if there is no code.
const (
	causeCut     = "cut"     // the transport broke, or the client left without a word
	causeGoodbye = "goodbye" // the client said so, or a plain one left
)

func causeOf(code protocol.Code, otherwise string) string {
	if code == "" {
		return otherwise
	}
	return string(code)
}

// tally is what Stats counts.
type tally struct {
	linked [kinds]atomic.Int64
	parked atomic.Int64

	published, deduplicated, replayed, skipped          atomic.Uint64
	excluded, routed, unrouted, unroutable              atomic.Uint64
	recoveries, resumes                                 perTransport
	evicted, withdrawn                                  atomic.Uint64
	lost, ended, faults, fallbacks                      causes
	resumesUnknown, resumesForeign, resumesForgotten    atomic.Uint64
	slow, revoked, failures, restarts, deadLetters      atomic.Uint64
	repliesOpened, repliesClosed                        atomic.Uint64
	put, removed, putFull, joinsLeft, pages, pagesWrong atomic.Uint64
	gaps                                                gapTally

	groups, always                                  atomic.Int64
	matches                                         atomic.Uint64
	members, watchers                               atomic.Int64
	joined, left, presenceLost, presenceFailed      atomic.Uint64
	newsPresence, newsJoined, newsLeft, newsUnnamed atomic.Uint64
}

var gapReasons = [...]protocol.GapReason{
	protocol.GapHistoryExpired, protocol.GapEpochChanged, protocol.GapPositionUnknown, protocol.GapFeedLost, protocol.GapUnrecovered,
	protocol.GapRulesChanged,
}

type gapTally [len(gapReasons)]atomic.Uint64

func (t *gapTally) add(reason protocol.GapReason, n uint64) {
	for i, r := range gapReasons {
		if r == reason {
			t[i].Add(n)
		}
	}
}

// transportKind is a transport as a small number, for counting.
type transportKind uint32

const (
	webSocketKind transportKind = iota
	sseKind
	pollKind
	kinds
)

func kindOf(transport string) transportKind {
	switch transport {
	case protocol.SSE:
		return sseKind
	case protocol.Poll:
		return pollKind
	}
	return webSocketKind
}

func (k transportKind) String() string {
	return [...]string{protocol.WebSocket, protocol.SSE, protocol.Poll}[k]
}

// What is said to clients in several places.
var (
	errBroker  = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker does not answer", Hint: "Try again in a moment."}
	errTimeout = &protocol.Error{Code: protocol.CodeTimeout, Reason: "no answer in time; it may or may not have happened", Hint: "Repeat it with the same idempotency key."}
	errStopped = &protocol.Error{Code: protocol.CodeShuttingDown, Reason: "this node is going down", Hint: "Come back after a moment."}
	errBusy    = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many publishes wait for the broker", Hint: "Try again in a moment."}
	errMemory  = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "the server is short of memory", Hint: "Try again in a moment. The operator may shorten history, or give it more memory."}
	errRevoked = &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "the token was revoked", Hint: "Sign in again."}
	errRate    = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "too many requests in too short a time", Hint: "Send fewer, or spread them."}
	errPayload = &protocol.Error{Code: protocol.CodeTooLarge, Reason: "data is longer than the rules of this channel allow", Hint: "Publish less, or a reference; the rule's payload says how much."}
)

func unsupported(what string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeUnsupported, Reason: what + " is not offered by this server", Hint: "Leave it out."}
}
