package transports

import (
	"sync/atomic"

	"tidings/protocol"
)

// Stats is what the transports have done since New.
type Stats struct {
	WebSocket, SSE, Poll TransportStats
	Refused              map[Refusal]uint64 // requests that were answered with an error before they were connected
}

// Refusal is what refused requests are counted by.
type Refusal struct {
	Endpoint string // websocket, sse, poll, send, or negotiate
	Code     protocol.Code
}

// TransportStats counts one transport.
type TransportStats struct {
	Open     int64  // links now; a poll's counts from its first request until it is lost
	Opened   uint64 // links since New
	Frames   uint64 // frames written
	Messages uint64 // of them, messages
	Bytes    uint64 // written, everything included
	Flushes  uint64 // write calls, or answers
	Slow     uint64 // cut because the client did not read in time
}

// The transports, as indexes of a Handler's tallies.
const (
	webSocketKind = iota
	sseKind
	pollKind
	kinds
)

// tally counts one transport. Its fields are apart from those of the next by more than a cache line.
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

func (t *tally) enter() {
	t.open.Add(1)
	t.opened.Add(1)
}

func (t *tally) leave() { t.open.Add(-1) }

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

// Stats counts what happened so far.
func (h *Handler) Stats() Stats {
	return Stats{
		WebSocket: h.tallies[webSocketKind].stats(),
		SSE:       h.tallies[sseKind].stats(),
		Poll:      h.tallies[pollKind].stats(),
		Refused:   h.refused.Snapshot(),
	}
}
