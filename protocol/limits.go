package protocol

import "time"

// Limits of the wire. SPEC.md section 9 lists them.
const (
	MaxMessageBytes        = 64 << 10 // inbound WebSocket message, or body of an SSE, poll or send request
	MaxPayloadBytes        = 64 << 10 // data of one message
	MaxFrames              = 64       // frames in one inbound message or body
	MaxDepth               = 32       // nesting of JSON
	MaxTokens              = 10_000   // JSON tokens of one inbound message or body
	MaxChannelBytes        = 200
	MaxURLChannels         = 32   // ?channel= in one URL
	MaxURLFilterBytes      = 4096 // ?filter=, decoded
	MaxCursorBytes         = 4096 // ?cursor= or Last-Event-ID
	MaxSubscriptions       = 128  // of one connection
	MaxIdempotencyKeyBytes = 128
	MaxEventBytes          = 64
	MaxTabBytes            = 64      // name of a tab in exclude
	MaxSpreadMS            = 300_000 // of spread
	MaxMetaBytes           = 4 << 10 // of meta
	MaxChangedPaths        = 100     // paths that changed names
	MaxChangedBytes        = 4 << 10 // of changed
	MaxTokenBytes          = 8 << 10
	MaxConnectionIDBytes   = 256       // connectionId of connect
	MaxHistoryLimit        = 256       // messages in one answer to history
	MaxOutboxFrames        = 4096      // not yet written, of one connection
	MaxOutboxBytes         = 1 << 20   // not yet written, of one connection
	MaxUnackedFrames       = 1024      // written and not yet reported as received
	MaxUnackedBytes        = 256 << 10 // written and not yet reported as received
	RecentIDs              = 1024      // message ids that a client remembers per channel
	RecoveryPageFrames     = 256
	RecoveryPageBytes      = 256 << 10
	MaxAPIBodyBytes        = 1 << 20 // body of an HTTP API request
	MaxPublishChannels     = 100     // channels of one publish
	MaxPatternChannels     = 1000    // that one publish to a pattern reaches
	MaxSendUsers           = 100     // of one /api/send
	MaxBatchItems          = 1000    // publishes of one batch
	MaxReplyMessages       = 256     // kept in a reply channel's mailbox
	MaxReplyBytes          = 128 << 10
	MaxReplayBurst         = 32 << 20 // bytes of history that recoveries bring one connection at once
	MaxReplayRate          = 4 << 20  // and per second, after that
	MaxReplies             = 32       // open reply channels of one connection
	MaxPresenceMembers     = 1000     // members that presence names; where there are more it only counts them
	MaxPresenceChanges     = 256      // members of one joined or left
	MaxErrors              = 20       // errors of one connection in ErrorWindow
	MaxEpochBytes          = 32
	MaxTagBytes            = 16
	MaxNameBytes           = 128       // session id, room, method, scope
	MaxInteger             = 1<<53 - 1 // what JavaScript counts exactly
)

// Default times of the wire. A server may be configured otherwise; it announces what it uses.
const (
	DefaultHeartbeat = 25 * time.Second // of silence, after which a client pings
	PongDeadline     = 10 * time.Second // after a ping
	DefaultPark      = 30 * time.Second // a connection outlives its transport by so much
	ConnectDeadline  = 10 * time.Second // from the upgrade to the connect frame
	DefaultPollHold  = 25 * time.Second // below the 30 s after which common proxies cut an idle request
	SequenceHold     = 5 * time.Second  // a /bus/send body waits so long for its predecessor
	TicketLife       = 30 * time.Second // a ticket opens an EventSource within so long
	ErrorWindow      = 10 * time.Second
)
