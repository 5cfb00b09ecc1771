package protocol

import "slices"

// field is a name that the envelope knows.
type field uint8

const (
	noField field = iota
	fType
	fID
	fChannel
	fRoom
	fSince
	fFilter
	fScope
	fUsers
	fData
	fEvent
	fIdempotencyKey
	fMethod
	fLimit
	fToken
	fSession
	fReceived
	fGeneration
	fAttempt
	fVersion
	fEpoch
	fOffset
	fTag
	fRecovered
	fTime
	fPrev
	fVolatile
	fSpread
	fTrace
	fFallback
	fReason
	fLast
	fFrom
	fCode
	fMessage
	fHint
	fRetry
	fAfter
	fConnection
	fResumed
	fHeartbeat
	fPark
	fLimits
	fMembers
	fMessages
	fComplete
	fSeq
	fFrames
	fCursor
	fTransports
	fPayload
	fSubscriptions
	fCount
	fUser
	fTTL
	fBy
	fConnectionID
	fExclude
	fMeta
	fChange
	fTxn
	fChanged
	fMax
	fAnew
	fieldCount
)

var fieldNames = [fieldCount]string{
	"", "type", "id", "channel", "room", "since", "filter", "scope", "users", "data", "event", "idempotencyKey", "method", "limit",
	"token", "session", "received", "generation", "attempt", "version", "epoch", "offset", "tag", "recovered", "time", "prev", "volatile", "spread", "trace", "fallback",
	"reason", "last", "from", "code", "message", "hint", "retry", "after", "connection", "resumed", "heartbeat", "park", "limits",
	"members", "messages", "complete", "seq", "frames", "cursor", "transports", "payload", "subscriptions", "count", "user", "ttl", "by", "connectionId", "exclude", "meta",
	"change", "txn", "changed", "max", "anew",
}

var fieldIndex = func() map[string]field {
	m := make(map[string]field, fieldCount)
	for f, name := range fieldNames[1:] {
		m[name] = field(f + 1)
	}
	return m
}()

func (f field) String() string { return fieldNames[f] }

// shape is which fields a type of frame must and may have. Any other field of a frame is unknown to it, and ignored.
type shape struct {
	name string
	must []field
	may  []field
}

func (sh *shape) has(f field) bool { return slices.Contains(sh.must, f) || slices.Contains(sh.may, f) }

var clientShapes = shapes(
	shape{TypeConnect, nil, []field{fVersion, fToken, fSession, fReceived, fGeneration, fAttempt, fFallback, fConnectionID, fMax}},
	shape{TypeSubscribe, []field{fID, fChannel}, []field{fSince, fFilter, fScope, fUsers, fAnew}},
	shape{TypeUnsubscribe, []field{fID, fChannel}, []field{fRoom}},
	shape{TypePublish, []field{fID, fChannel, fData}, []field{fEvent, fIdempotencyKey, fSpread, fTrace, fExclude, fMeta}},
	shape{TypeHistory, []field{fID, fChannel}, []field{fSince, fLimit}},
	shape{TypePresence, []field{fID, fChannel}, []field{fRoom, fUsers}},
	shape{TypeCall, []field{fID, fMethod}, []field{fData, fIdempotencyKey}},
	shape{TypeRefresh, []field{fID, fToken}, nil},
	shape{TypePing, nil, []field{fID, fReceived}},
	shape{TypePoll, []field{fSession, fReceived}, []field{fGeneration, fAttempt, fMax}},
	shape{TypeDisconnect, nil, []field{fSession}},
)

var serverShapes = shapes(
	shape{TypeConnected, []field{fSession, fConnection, fResumed, fGeneration, fVersion, fHeartbeat, fPark, fLimits}, []field{fTTL}},
	// One that the server made has by, and no id.
	shape{TypeSubscribed, []field{fID, fChannel, fEpoch, fOffset, fTag, fRecovered}, []field{fRoom, fBy}},
	// A volatile message has neither offset nor tag.
	shape{TypeMessage, []field{fChannel, fOffset, fID, fTag, fData, fTime}, []field{fRoom, fPrev, fEvent, fEpoch, fVolatile, fSpread, fTrace, fExclude, fMeta, fChange, fTxn, fChanged, fScope}},
	shape{TypePosition, []field{fChannel, fEpoch, fOffset, fTag}, []field{fRoom}},
	shape{TypeGap, []field{fChannel, fReason, fFrom}, []field{fID, fRoom, fLast}},
	shape{TypeUnsubscribed, []field{fChannel, fCode, fMessage, fHint}, []field{fRoom}},
	shape{TypeWithdrawn, nil, nil},
	shape{TypePresence, []field{fChannel, fCount}, []field{fRoom, fMembers}},
	shape{TypeJoined, []field{fChannel, fMembers, fCount}, []field{fRoom}},
	shape{TypeLeft, []field{fChannel, fMembers, fCount}, []field{fRoom}},
	shape{TypeEvent, []field{fEvent, fData}, []field{fExclude}},
	// What else a reply has is what its request asked for.
	shape{TypeReply, []field{fID}, []field{fEpoch, fOffset, fTag, fMessages, fComplete, fMembers, fCount, fData, fTTL}},
	shape{TypeError, []field{fCode, fMessage, fHint, fRetry}, []field{fID}},
	shape{TypeDisconnect, []field{fCode, fReason, fRetry}, []field{fHint, fAfter}},
	shape{TypePong, nil, []field{fID}},
)

func shapes(list ...shape) map[string]*shape {
	m := make(map[string]*shape, len(list))
	for i := range list {
		m[list[i].name] = &list[i]
	}
	return m
}
