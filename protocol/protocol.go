// Package protocol is the contract between Tidings' parts and its clients: frames and their codec, codes, limits,
// channel names and positions. SPEC.md beside it is normative; tests compare its tables with the constants here. It
// does no I/O, starts no goroutine and imports nothing but the standard library.
package protocol

// Version is the protocol version that this package speaks.
const Version = 1

// Names of the transports, as they stand in the negotiation document and in metrics.
const (
	WebSocket = "websocket"
	SSE       = "sse"
	Poll      = "poll"
)
