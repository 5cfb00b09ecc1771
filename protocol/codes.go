package protocol

import "slices"

// Code names a failure, the same on every transport and in the HTTP API.
type Code string

// The codes of SPEC.md section 8.
const (
	CodeInternal             Code = "internal"
	CodeShuttingDown         Code = "shutting_down"
	CodeSlowConsumer         Code = "slow_consumer"
	CodeConnectTimeout       Code = "connect_timeout"
	CodeHeartbeatTimeout     Code = "heartbeat_timeout"
	CodeSessionGone          Code = "session_gone"
	CodeTokenExpired         Code = "token_expired"
	CodeOverloaded           Code = "overloaded"
	CodeRateLimited          Code = "rate_limited"
	CodeBrokerUnavailable    Code = "broker_unavailable"
	CodeRotated              Code = "rotated"
	CodeSequenceGap          Code = "sequence_gap"
	CodeTimeout              Code = "timeout"
	CodeProtocolError        Code = "protocol_error"
	CodeUnsupportedData      Code = "unsupported_data"
	CodeBadUTF8              Code = "bad_utf8"
	CodeTooLarge             Code = "too_large"
	CodeBadRequest           Code = "bad_request"
	CodeBadJSON              Code = "bad_json"
	CodeBadChannel           Code = "bad_channel"
	CodeBadCursor            Code = "bad_cursor"
	CodeUnknownField         Code = "unknown_field"
	CodeUnknownType          Code = "unknown_type"
	CodeUnsupportedVersion   Code = "unsupported_version"
	CodeUnsupported          Code = "unsupported"
	CodeUnauthorized         Code = "unauthorized"
	CodeForbidden            Code = "forbidden"
	CodeOriginForbidden      Code = "origin_forbidden"
	CodeSuperseded           Code = "superseded"
	CodeTooManyErrors        Code = "too_many_errors"
	CodeLimitExceeded        Code = "limit_exceeded"
	CodeNotConnected         Code = "not_connected"
	CodeAlreadyConnected     Code = "already_connected"
	CodeNotSubscribed        Code = "not_subscribed"
	CodeWrongTransport       Code = "wrong_transport"
	CodeIdempotencyConflict  Code = "idempotency_conflict"
	CodeNotFound             Code = "not_found"
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeDisconnected         Code = "disconnected"
	CodeChannelClosed        Code = "channel_closed"
	CodeChannelExpired       Code = "channel_expired"
	CodeBackendUnavailable   Code = "backend_unavailable"
	CodeLimitReached         Code = "limit_reached"
	CodeRemoved              Code = "removed"
	CodeBadFilter            Code = "bad_filter"
	CodeFilterTooComplex     Code = "filter_too_complex"
	CodeVersionConflict      Code = "version_conflict"
	CodeStorageFull          Code = "storage_full"
)

// CodeRow is one row of the table of codes.
type CodeRow struct {
	Code  Code
	Close int  // WebSocket close number
	HTTP  int  // status
	Retry bool // whether the same request may succeed later, unchanged
}

var codeRows = []CodeRow{
	{CodeInternal, 4000, 500, true},
	{CodeShuttingDown, 4001, 503, true},
	{CodeSlowConsumer, 4002, 503, true},
	{CodeConnectTimeout, 4003, 408, true},
	{CodeHeartbeatTimeout, 4004, 408, true},
	{CodeSessionGone, 4005, 410, true},
	{CodeTokenExpired, 4006, 401, true},
	{CodeOverloaded, 4007, 503, true},
	{CodeRateLimited, 4008, 429, true},
	{CodeBrokerUnavailable, 4009, 503, true},
	{CodeRotated, 4010, 503, true},
	{CodeSequenceGap, 4011, 409, true},
	{CodeTimeout, 4012, 504, true},
	{CodeBackendUnavailable, 4013, 503, true},
	{CodeLimitReached, 4014, 429, true},
	{CodeStorageFull, 4015, 507, true},
	{CodeProtocolError, 1002, 400, false},
	{CodeUnsupportedData, 1003, 415, false},
	{CodeBadUTF8, 1007, 400, false},
	{CodeTooLarge, 1009, 413, false},
	{CodeBadRequest, 4500, 400, false},
	{CodeBadJSON, 4501, 400, false},
	{CodeBadChannel, 4502, 400, false},
	{CodeBadCursor, 4503, 400, false},
	{CodeUnknownField, 4504, 400, false},
	{CodeUnknownType, 4505, 400, false},
	{CodeUnsupportedVersion, 4506, 400, false},
	{CodeUnsupported, 4507, 501, false},
	{CodeUnauthorized, 4508, 401, false},
	{CodeForbidden, 4509, 403, false},
	{CodeOriginForbidden, 4510, 403, false},
	{CodeSuperseded, 4511, 409, false},
	{CodeTooManyErrors, 4512, 429, false},
	{CodeLimitExceeded, 4513, 403, false},
	{CodeNotConnected, 4514, 409, false},
	{CodeAlreadyConnected, 4515, 409, false},
	{CodeNotSubscribed, 4516, 409, false},
	{CodeWrongTransport, 4517, 409, false},
	{CodeIdempotencyConflict, 4518, 409, false},
	{CodeNotFound, 4519, 404, false},
	{CodeMethodNotAllowed, 4520, 405, false},
	{CodeUnsupportedMediaType, 4521, 415, false},
	{CodeDisconnected, 4522, 403, false},
	{CodeChannelClosed, 4523, 410, false},
	{CodeChannelExpired, 4524, 410, false},
	{CodeRemoved, 4525, 403, false},
	{CodeBadFilter, 4526, 400, false},
	{CodeFilterTooComplex, 4527, 400, false},
	{CodeVersionConflict, 4528, 409, false},
}

var codeIndex = func() map[Code]CodeRow {
	m := make(map[Code]CodeRow, len(codeRows))
	for _, r := range codeRows {
		m[r.Code] = r
	}
	return m
}()

// Codes returns the table of codes in SPEC.md's order.
func Codes() []CodeRow { return slices.Clone(codeRows) }

// Row returns the code's row; that of CodeInternal where c is not in the table.
func (c Code) Row() CodeRow {
	if r, ok := codeIndex[c]; ok {
		return r
	}
	return codeIndex[CodeInternal]
}

// CloseRetries reports, by a WebSocket close number alone, whether a client should come back, so that an old client
// treats a new code correctly.
func CloseRetries(number int) bool {
	switch {
	case number >= 4000 && number <= 4499, number == 1000, number == 1001, number == 1005, number == 1006:
		return true
	}
	return number >= 1011 && number <= 1015
}
