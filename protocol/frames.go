package protocol

// Types of frames from client to server.
const (
	TypeConnect     = "connect"
	TypeSubscribe   = "subscribe"
	TypeUnsubscribe = "unsubscribe"
	TypePublish     = "publish"
	TypeHistory     = "history"
	TypePresence    = "presence" // both ways
	TypeCall        = "call"
	TypeRefresh     = "refresh"
	TypePing        = "ping"
	TypePoll        = "poll"
	TypeDisconnect  = "disconnect" // both ways
)

// Types of frames from server to client.
const (
	TypeConnected    = "connected"
	TypeSubscribed   = "subscribed"
	TypeMessage      = "message"
	TypePosition     = "position"
	TypeGap          = "gap"
	TypeUnsubscribed = "unsubscribed"
	TypeJoined       = "joined"
	TypeLeft         = "left"
	TypeWithdrawn    = "withdrawn"
	TypeEvent        = "event"
	TypeReply        = "reply"
	TypeError        = "error"
	TypePong         = "pong"
)

// Counted reports whether a server frame of this type counts for a session's resume.
func Counted(frameType string) bool {
	switch frameType {
	case TypeConnected, TypePong, TypeDisconnect:
		return false
	}
	return true
}

// GapReason is why completeness could not be shown.
type GapReason string

// The reasons of SPEC.md section 7.
const (
	GapHistoryExpired  GapReason = "history_expired"
	GapEpochChanged    GapReason = "epoch_changed"
	GapPositionUnknown GapReason = "position_unknown"
	GapFeedLost        GapReason = "feed_lost"
	GapRulesChanged    GapReason = "rules_changed"
	GapUnrecovered     GapReason = "unrecovered"
)

// What a subscription wants to hear of the documents that its filter matches: the values of a subscribe's scope.
// ScopeOut is also the scope of a message that takes a document out of what its subscriber hears.
const (
	ScopeAll  = "all"  // both, as if the field is absent
	ScopeIn   = "in"   // messages that the filter matches
	ScopeOut  = "out"  // those that take a document away that the filter matched before
	ScopeNone = "none" // positions alone
)

func scopeOf(v []byte) (string, error) {
	scope, err := text(fScope, v, MaxNameBytes)
	if err != nil {
		return "", err
	}
	return ParseScope(scope)
}

// ParseScope returns the scope that a client asks for. It fails with CodeBadRequest if there is no such scope.
func ParseScope(scope string) (string, error) {
	switch scope {
	case ScopeAll, ScopeIn, ScopeOut, ScopeNone:
		return scope, nil
	}
	return "", &Error{CodeBadRequest, `"scope" is none of "all", "in", "out" and "none"`, "Leave it out to hear all."}
}

// ByServer is who made a subscription that the client did not ask for.
const ByServer = "server"

// ClientFrame is any frame from client to server: Type says which, SPEC.md section 6 which fields it has. The zero
// value of a field means absent; Since, Received and Data, for which zero is a value, are pointers or nil.
// DecodeClientFrames checks types, ranges, names and what must be there; a handler need not.
type ClientFrame struct {
	Type           string
	ID             uint64
	Channel        Channel
	Room           string
	Since          *Position
	Filter         []byte // raw JSON
	Scope, Users   string
	Anew           bool   // subscribe: left out if the connect of its message resumed a session
	Data           []byte // raw JSON, compact
	Event          string
	IdempotencyKey string
	SpreadMS       uint64
	Trace          string
	ExcludeSelf    bool   // publish: the connection itself shall not hear it
	ExcludeTab     string // publish: nor this tab among those that share it
	Meta           []byte // publish: raw JSON object, compact
	Origin         []byte // publish, call: Extra.Origin of what is published or written. Gateways alone set it: it is never on the wire
	Method         string
	Limit          int
	Token          string // of refresh: "" signs out, and is null on the wire
	Session        string
	Received       *uint64
	Generation     uint64
	Attempt        uint64
	Version        int
	Fallback       string // connect: why it is not over the client's first transport
	ConnectionID   string // connect: the page's, signed by the application
	Max            int    // connect, poll: most bytes of frames in the answer to a poll; 0 for RecoveryPageBytes
}

// The reasons of connect's fallback; a server counts others together.
const (
	FallbackRefused    = "refused"    // the one before could not be opened
	FallbackUnproven   = "unproven"   // it opened, and nothing came back over it in time
	FallbackUnstable   = "unstable"   // it was cut again and again
	FallbackRemembered = "remembered" // it failed on this network before
	FallbackChosen     = "chosen"     // the application chose
)

// ServerFrame is any frame from server to client but message, which is a *Message: see AppendMessage.
// The zero value of a field means absent, unless the frame's type demands it (Offset, Recovered, Resumed, Retry).
type ServerFrame struct {
	Type    string
	ID      uint64
	Channel Channel
	Room    string

	Position  Position // subscribed, position, reply to publish and history: epoch, offset, tag on the wire
	Recovered bool
	By        string // subscribed: ByServer, and ID is 0; "" if the client asked for it
	Reason    string // gap: a GapReason; disconnect: text
	Last      *Position
	From      *Position

	Code    Code
	Message string
	Hint    string
	Retry   bool
	AfterMS int64 // disconnect: when to come back

	Session    string
	Connection string
	Resumed    bool
	Generation uint64
	Announce   *Announce // connected
	TTLMS      int64     // connected, reply to refresh: so long the token is good; 0 if there is none

	Event    string
	Exclude  string // event: the tab that is to leave it out
	Data     []byte // event, reply: raw JSON
	Messages []*Message
	Complete bool
	Members  []Member // presence, joined, left, reply to presence; nil: too many to be named
	Count    *uint64  // … and how many there are then
	Msg      *Message // message: the message itself, with Room and Prev for this subscription
	Prev     *uint64
}

// Announce is what a server tells a client of itself, in GET /bus and in connected.
type Announce struct {
	Version     int
	Transports  []string // in the order to try them; absent in connected
	HeartbeatMS int64
	ParkMS      int64
	Limits      AnnouncedLimits
}

// AnnouncedLimits are the limits a client can run into, in bytes or counts.
type AnnouncedLimits struct {
	Message, Payload, Frames, Channel, Subscriptions int
}
