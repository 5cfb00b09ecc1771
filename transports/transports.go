// Package transports turns bytes into frames and back: WebSocket, Server-Sent Events and long-polling, with negotiation, origin
// checks and the liveness of what is connected. It knows no channel and no actor; what is said through it goes to a Bus, and
// what a connection is to hear lies in its core.Outbox.
//
// The life of a connection's bytes:
//
//	handler (websocket.go, sse.go, poll.go) checks the request (gate.go), opens a Session and puts a link under its Outbox
//	link    (stream.go, poll.go) is woken by the bus, takes frames in batches and writes them without blocking its caller
//	reader  (reader.go, readiness.go) brings what the client sends; on Linux an idle conn has no goroutine (epoll_linux.go)
//	machine (machine.go) is the WebSocket library's part of a reader: sockets that are read share some
//	holding (poll_held.go) is the conn of a poll that waits, taken from net/http and given back for the next request
//	wheel   (wheel.go) keeps all deadlines of all links in one goroutine
package transports

import (
	"context"
	"net/http"
	"sync"
	"time"

	"tidings/core"
	"tidings/internal/counts"
	"tidings/protocol"
)

// Bus opens and finds connections. Its errors are *protocol.Error; any other is CodeInternal to the client.
type Bus interface {
	// Open signs a client in, makes or resumes its connection and puts link under its outbox. The link may be woken
	// before Open returns.
	Open(ctx context.Context, peer protocol.Peer, connect *protocol.ClientFrame, link core.Link) (s Session, gen uint64, err error)
	// Find gives the connection of a session for a poll or a send. It fails with CodeSessionGone for every wrong answer alike.
	Find(session string, peer protocol.Peer) (Session, error)
}

// Ticketer is a Bus that gives tickets for browsers' own EventSource.
type Ticketer interface {
	// Ticket gives a ticket for the client of peer's token, and when it is over.
	Ticket(peer protocol.Peer) (ticket string, until time.Time, err error)
}

// Session is one connection, seen from its transport. gen is the generation that the outbox gave to the transport's link; what
// an older one says is ignored. Only Send waits.
type Session interface {
	Outbox() *core.Outbox
	// Poll puts the link of a further long-poll under the outbox. It fails with CodeBadCursor, and changes nothing then, where so
	// many frames were never sent.
	Poll(link core.Link, received uint64) (gen uint64, err error)
	// Receive takes the frames of one message, in order. Where it fails the transport ends with that error.
	Receive(gen uint64, frames []protocol.ClientFrame) error
	// Send takes one numbered body of POST /bus/send, when its turn has come.
	Send(ctx context.Context, s *protocol.Send) error
	// Fault reports an inbound message of which no frame is taken. Each of the requests in it, by their ids, is answered with err.
	Fault(gen uint64, ids []uint64, err *protocol.Error)
	// Lost says, once, that the link is gone: park. code says why where the transport knows: CodeSlowConsumer,
	// CodeHeartbeatTimeout, CodeRotated, or what the client did wrong; it is "" where the client or the network just left.
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
	answers  answers
	machines sync.Pool // of *machine
	hello    []byte    // the negotiation document

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu    sync.Mutex // guards all below
	links map[closer]struct{}
	backs map[*http.Server]*handback
}

// closer is a link that Close ends.
type closer interface{ closeNow() }

// New makes the handlers. It starts one goroutine, which Close ends. It fails where Config.Validate does.
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

// Close cuts what is still connected, without a word: the bus says goodbye before (Drain). It does not wait for handlers that
// still run; http.Server.Shutdown does.
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

// enter registers a link. It answers false after Close.
func (h *Handler) enter(l closer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.links == nil {
		return false
	}
	h.links[l] = struct{}{}
	return true
}

func (h *Handler) linked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.links)
}

func (h *Handler) leave(l closer) {
	h.mu.Lock()
	delete(h.links, l)
	h.mu.Unlock()
}
