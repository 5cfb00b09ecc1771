package protocol

// Peer is who stands at the other end of a transport, as far as the transport can tell.
type Peer struct {
	Transport string // WebSocket, SSE or Poll
	Address   string // host of the client, for limits and the log; "" where unknown
	Origin    string // of the page, checked by the transport; "" where there is none
	UserAgent string // at most 256 bytes
	Token     string // of the Authorization header; a secret
	Ticket    string // of the URL of a browser's EventSource, in the place of a token; a secret
	Cookie    string // the Cookie header; a secret
	Plain     bool   // came by ?channel= without frames of its own: never parked, cannot resume
}
