package transports

import (
	"sync/atomic"

	"tidings/protocol"
)

// Stats counts what the transports have done since New.
type Stats struct {
	WebSocket, SSE, Poll TransportStats
	Refused              map[Refusal]uint64 // requests that were answered with an error before they were connected
	Gateways             []GatewayStats
}

// GatewayStats counts the clients of one gateway, in the order of Speak. Those are not counted as WebSocket.
type GatewayStats struct {
	Gateway protocol.Gateway
	TransportStats
	Heard       uint64            // messages of clients
	Malformed   uint64            // messages of clients that could not be read
	Unsupported map[string]uint64 // requests for what the gateway does not offer, by the action; nil if it does not count them
}

// Refusal is a kind of refused request.
type Refusal struct {
	Endpoint string // websocket, sse, poll, send, negotiate, or a gateway
	Code     protocol.Code
}

// TransportStats counts one transport.
type TransportStats struct {
	Open     int64  // links now; that of a poll counts from its first request until it is lost
	Opened   uint64 // links since New
	Frames   uint64 // frames written
	Messages uint64 // frames written that are messages
	Bytes    uint64 // bytes written, everything included
	Flushes  uint64 // write calls, or answers of polls
	Slow     uint64 // links cut because the client did not read in time
}

// The transports, as indexes of a Handler's tallies.
const (
	webSocketKind = iota
	sseKind
	pollKind
	kinds
)

// tally counts one transport. Padding keeps it a cache line apart from the next.
type tally struct {
	open                                           atomic.Int64
	opened, frames, messages, bytes, flushes, slow atomic.Uint64
	_                                              [72]byte
}

func (t *tally) stats() TransportStats {
	return TransportStats{
		Open:     t.open.Load(),
		Opened:   t.opened.Load(),
		Frames:   t.frames.Load(),
		Messages: t.messages.Load(),
		Bytes:    t.bytes.Load(),
		Flushes:  t.flushes.Load(),
		Slow:     t.slow.Load(),
	}
}

// begin counts a link that opens.
func (t *tally) begin() {
	t.open.Add(1)
	t.opened.Add(1)
}

// end counts a link that has ended.
func (t *tally) end() { t.open.Add(-1) }

// wrote counts one batch that was handed to the kernel.
func (t *tally) wrote(frames, messages int) {
	if frames > 0 {
		t.frames.Add(uint64(frames))
	}
	if messages > 0 {
		t.messages.Add(uint64(messages))
	}
}

// flushed counts one write call.
func (t *tally) flushed(n int) {
	t.flushes.Add(1)
	if n > 0 {
		t.bytes.Add(uint64(n))
	}
}

// Stats returns the counts so far.
func (h *Handler) Stats() Stats {
	return Stats{
		WebSocket: h.tallies[webSocketKind].stats(),
		SSE:       h.tallies[sseKind].stats(),
		Poll:      h.tallies[pollKind].stats(),
		Refused:   h.refused.Snapshot(),
		Gateways:  h.gatewayStats(),
	}
}

// tongue is a Language that is spoken here.
type tongue struct {
	Language
	tally            tally
	heard, malformed atomic.Uint64
	visitors         visitors
}

// gatewayStats returns the counts of all gateways.
func (h *Handler) gatewayStats() []GatewayStats {
	h.mu.Lock()
	spoken := h.spoken
	h.mu.Unlock()
	all := make([]GatewayStats, 0, len(spoken))
	for _, t := range spoken {
		g := GatewayStats{Gateway: t.Gateway(), TransportStats: t.tally.stats(), Heard: t.heard.Load(), Malformed: t.malformed.Load()}
		if u, ok := t.Language.(Unsupporter); ok {
			g.Unsupported = u.Unsupported()
		}
		all = append(all, g)
	}
	return all
}
