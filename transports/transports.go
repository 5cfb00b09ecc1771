package transports

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tidings/core"
	"tidings/internal/counts"
	"tidings/protocol"
)

// Bus opens and finds connections. Its errors are *protocol.Error; a client sees any other error as CodeInternal.
type Bus interface {
	// Open signs a client in, makes or resumes its connection and puts link under its outbox. The link may be woken
	// before Open returns.
	Open(ctx context.Context, peer protocol.Peer, connect *protocol.ClientFrame, link core.Link) (s Session, gen uint64, err error)
	// Find returns the connection of a session for a poll or a send. It fails with CodeSessionGone whatever is wrong,
	// so that nobody learns which sessions exist.
	Find(session string, peer protocol.Peer) (Session, error)
}

// Ticketer is a Bus that issues tickets for browsers' own EventSource.
type Ticketer interface {
	// Ticket returns a ticket for the client of peer's token, and when it expires.
	Ticket(peer protocol.Peer) (ticket string, until time.Time, err error)
}

// Session is one connection, seen from its transport. gen is the generation that the outbox has given to the
// transport's link; calls with an older one are ignored. Only Send waits.
type Session interface {
	Outbox() *core.Outbox
	// Poll puts the link of a further long-poll under the outbox. It changes nothing if it fails: with CodeBadCursor if
	// the client cannot have received so many frames, and with CodeSuperseded if a newer connect or poll came before.
	Poll(link core.Link, poll *protocol.ClientFrame) (gen uint64, err error)
	// Receive takes the frames of one message, in order. If it fails the transport ends with that error.
	Receive(gen uint64, frames []protocol.ClientFrame) error
	// Recovered returns a channel that is closed when the subscribes which were received so far have brought what they
	// recover, or its first page at least, into the outbox. It is never closed if the session ends before.
	Recovered() <-chan struct{}
	// Send takes one numbered body of POST /bus/send, when its turn has come.
	Send(ctx context.Context, s *protocol.Send) error
	// Fault reports an inbound message of which no frame is taken. Each request in it, by its id, is answered with
	// fault.
	Fault(gen uint64, ids []uint64, fault *protocol.Error)
	// Lost reports, once, that the link is gone, so that the session is parked. code is why, if the transport knows it:
	// CodeSlowConsumer, CodeHeartbeatTimeout, CodeRotated, or what the client did wrong. It is "" if the client just
	// left.
	Lost(gen uint64, code protocol.Code)
}

// Handler serves the URLs of /bus. Its methods Negotiate, WebSocket, SSE, Poll, Send and Ticket are http.HandlerFuncs.
type Handler struct {
	bus      Bus
	cfg      Config
	gate     gate
	wheel    *wheel
	readers  readers
	tallies  [kinds]tally
	refused  counts.Map[Refusal]
	machines sync.Pool    // of *machine
	hello    []byte       // the negotiation document
	serving  atomic.Int64 // requests that were read on conns which rest
	unrested atomic.Bool  // net/http reads all requests from now on

	ctx  context.Context // done after Close
	stop context.CancelFunc

	mu     sync.Mutex // guards all below
	links  map[closer]struct{}
	spoken []*tongue
	backs  map[*http.Server]*handback
}

// closer is a link that Close ends.
type closer interface{ closeNow() }

// New returns the handlers of a bus. It starts one goroutine, which Close ends. It fails if Config.Validate does.
func New(bus Bus, cfg Config) (*Handler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	announce := cfg.Announce()
	ctx, stop := context.WithCancel(context.Background())
	h := &Handler{
		bus:     bus,
		cfg:     cfg,
		gate:    newGate(&cfg),
		wheel:   newWheel(cfg.Heartbeat),
		readers: newReaders(&cfg),
		hello:   announce.AppendJSON(nil),
		ctx:     ctx,
		stop:    stop,
		links:   make(map[closer]struct{}),
	}
	h.wheel.set(&alarm{owner: newSettler(h.linked)}, time.Now().Add(settleEvery))
	return h, nil
}

// Close cuts what is still connected, without a farewell: the bus has sent those before (Drain). It does not wait for
// handlers that still run; http.Server.Shutdown does.
func (h *Handler) Close() {
	h.stop()
	h.wheel.close()
	h.mu.Lock()
	links := h.links
	h.links = nil
	backs := h.backs
	h.mu.Unlock()
	for l := range links {
		l.closeNow()
	}
	for _, b := range backs {
		b.Close()
	}
	h.readers.close()
}

// register notes a link that Close has to end. After Close it reports false.
func (h *Handler) register(l closer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.links == nil {
		return false
	}
	h.links[l] = struct{}{}
	return true
}

// linked returns the number of links.
func (h *Handler) linked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.links)
}

// forget removes a link that has ended.
func (h *Handler) forget(l closer) {
	h.mu.Lock()
	delete(h.links, l)
	h.mu.Unlock()
}
