package actors

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"tidings/access"
	"tidings/protocol"
	"time"
)

// Hooks are what the application behind the bus decides, does and hears. One that is nil is not asked, and costs
// nothing. They may be called from many goroutines at once, at most maxAsking of them; each call has hookPatience to
// answer.
//
// An error of type *protocol.Error is what the client is told. Any other is logged, and the client is told
// CodeBackendUnavailable: what is not allowed in time is not allowed.
type Hooks struct {
	// Connect decides who a client is. It is given the identity from the verified token, or the anonymous one, and its
	// result replaces that identity. It is asked for each link, also of one that resumes.
	Connect func(ctx context.Context, peer protocol.Peer, id access.Identity) (access.Identity, error)
	// Subscribe reports whether a client, whom the rules let in, may hear a channel and read its history.
	Subscribe func(ctx context.Context, by Caller, ch protocol.Channel) error
	// Publish reports whether a client, whom the rules let, may publish. It may change what is published, and where to.
	Publish func(ctx context.Context, by Caller, p *Publish) error
	// Calls answer the calls of clients, by method: with one JSON value of at most protocol.MaxPayloadBytes, nil for
	// null.
	Calls map[string]CallFunc
	// Call is for calls of other methods. It fails with CodeNotFound for a method that does not exist.
	Call CallFunc
	// Tell hears what happened. It must not wait.
	Tell func(Event)
	// Told returns what became of the events, for the metrics.
	Told func() EventCount
}

// EventCount is what became of events.
type EventCount struct {
	Sent    uint64 // that the application has confirmed
	Lost    uint64 // because too many waited
	Waiting int
}

// CallFunc returns the answer to a call.
type CallFunc func(ctx context.Context, by Caller, call Call) ([]byte, error)

// Caller is the connection of a client that wants something.
type Caller struct {
	Connection string // its public name
	Identity   access.Identity
	Address    string // of the client, as limits count it; "" if it is not known for sure
}

// Call is what a client calls for.
type Call struct {
	Method string
	Data   []byte // compact JSON; nil if there is none
	Key    string // the same if a client repeats a call whose answer it did not get; "" for none
}

// Event is something that happened on this node.
type Event struct {
	What       string // EventConnected, …
	Time       time.Time
	Connection string           // public name of the connection that it is about
	User       string           // its user; "" for an anonymous one
	Channel    protocol.Channel // that it is about
	Code       protocol.Code    // why a connection ended; "" if its client left
}

// What can happen.
const (
	EventConnected    = "connected"    // a connection began
	EventDisconnected = "disconnected" // a connection ended: after its park, if its client did not say goodbye
	EventOccupied     = "occupied"     // a channel got its first subscriber on this node
	EventVacated      = "vacated"      // it has had none for Config.ChannelIdle
)

const (
	// maxAsking bounds the hooks that run at once for clients that are connected; further ones wait.
	maxAsking = 256
	// hookPatience is how long a hook has for its answer.
	hookPatience = 10 * time.Second
)

// concern reports whether a hook is asked before a request of this type is carried out.
func (h *Hooks) concern(frameType string) bool {
	switch frameType {
	case protocol.TypePublish:
		return h.Publish != nil
	case protocol.TypeHistory, protocol.TypePresence:
		return h.Subscribe != nil
	}
	return false
}

func (h *Hooks) tell(e Event) {
	if h.Tell != nil {
		e.Time = time.Now()
		h.Tell(e)
	}
}

var errBackend = &protocol.Error{Code: protocol.CodeBackendUnavailable, Reason: "the application behind the server does not answer", Hint: "Try again in a moment."}

// hookTally counts the answers of hooks.
type hookTally [len(hookNames)]struct{ yes, no, failed atomic.Uint64 }

var hookNames = [...]string{"connect", "subscribe", "publish", "call"}

func (t *hookTally) count(name string, fault *protocol.Error) {
	n := &t[slices.Index(hookNames[:], name)]
	switch {
	case fault == nil:
		n.yes.Add(1)
	case fault == errBackend || fault == protocol.Internal:
		n.failed.Add(1)
	default:
		n.no.Add(1)
	}
}

func (t *hookTally) counts() map[string]HookCount {
	out := make(map[string]HookCount, len(hookNames))
	for i, name := range hookNames {
		out[name] = HookCount{t[i].yes.Load(), t[i].no.Load(), t[i].failed.Load()}
	}
	return out
}

// HookCount is what came of one kind of hook.
type HookCount struct{ Allowed, Refused, Failed uint64 }

// hook runs a hook, and returns its failure as a client may see it.
func (b *Bus) hook(ctx context.Context, name string, fn func(context.Context) error) (fault *protocol.Error) {
	ctx, cancel := context.WithTimeout(ctx, hookPatience)
	defer cancel()
	defer func() {
		if reason := recover(); reason != nil {
			b.tally.failures.Add(1)
			b.log.Error("a hook failed", "hook", name, "panic", reason)
			fault = protocol.Internal
		}
		b.hookTally.count(name, fault)
	}()
	err := fn(ctx)
	if err == nil {
		return nil
	}
	var known *protocol.Error
	if errors.As(err, &known) {
		return known
	}
	b.log.Warn("a hook did not answer", "hook", name, "error", err)
	return errBackend
}

// askConnect asks the application for the identity of a client.
func (b *Bus) askConnect(ctx context.Context, peer protocol.Peer, id access.Identity) (access.Identity, *protocol.Error) {
	ask := b.hooks.Connect
	if ask == nil {
		return id, nil
	}
	fault := b.hook(ctx, "connect", func(ctx context.Context) (err error) {
		id, err = ask(ctx, peer, id)
		return err
	})
	return id, fault
}

// mayHear asks the application whether a client may hear a channel that the rules let it hear.
func (b *Bus) mayHear(by Caller, ch protocol.Channel) *protocol.Error {
	ask := b.hooks.Subscribe
	if _, _, reply := ch.ReplyParts(); ask == nil || reply {
		return nil
	}
	return b.hook(b.ctx, "subscribe", func(ctx context.Context) error { return ask(ctx, by, ch) })
}

// revise asks the application about a client's publish, which it may change or refuse. What comes of it is checked
// again, but not against the rules, which are about clients.
func (b *Bus) revise(by Caller, p *Publish) *protocol.Error {
	ask := b.hooks.Publish
	if ask == nil {
		return nil
	}
	if fault := b.hook(b.ctx, "publish", func(ctx context.Context) error { return ask(ctx, by, p) }); fault != nil {
		return fault
	}
	_, err := protocol.ParseChannel(string(p.Channel))
	if err == nil {
		p.Data, err = protocol.CompactJSON(p.Data)
	}
	if err != nil {
		b.log.Warn("a hook made a publish that cannot be", "hook", "publish", "error", err)
		return protocol.Internal
	}
	return nil
}
