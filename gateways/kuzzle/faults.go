package kuzzle

import (
	"strings"

	"tidings/protocol"
)

// fault is an error as a client of Kuzzle sees it.
type fault struct {
	kind
	id      string
	message string
	props   []string
}

// kind is what all errors of one id have in common. Numbers and texts are those of Kuzzle 2.56.
type kind struct {
	code   int // domain<<24 | subdomain<<16 | number
	status int
	text   string // with %s in the places of the props
}

// The ids of errors.
const (
	unexpected      = "core.fatal.unexpected_error"
	invalidScope    = "core.realtime.invalid_scope"
	invalidUsers    = "core.realtime.invalid_users"
	tooManyRooms    = "core.realtime.too_many_rooms"
	notSubscribed   = "core.realtime.not_subscribed"
	invalidType     = "api.assert.invalid_type"
	invalidArgument = "api.assert.invalid_argument"
	missingArgument = "api.assert.missing_argument"
	emptyArgument   = "api.assert.empty_argument"
	bodyRequired    = "api.assert.body_required"
	koncordeError   = "api.assert.koncorde_dsl_error"
	overloaded      = "api.process.overloaded"
	noController    = "api.process.controller_not_found"
	noAction        = "api.process.action_not_found"
	oldSDK          = "api.process.incompatible_sdk_version"
	shuttingDown    = "api.process.shutting_down"
	tooManyRequests = "api.process.too_many_requests"
	tooManyLogins   = "api.process.too_many_logins_requests"
	notSupported    = "api.process.not_supported"
	timeout         = "api.process.timeout"
	unreadable      = "network.websocket.unexpected_error"
	rateExceeded    = "network.websocket.ratelimit_exceeded"
	tooLarge        = "network.http.request_too_large"
	httpError       = "network.http.unexpected_error"
	noURL           = "network.http.url_not_found"
	badContent      = "network.http.unsupported_content"
	badVolatile     = "network.http.volatile_parse_failed"
	badBody         = "network.http.body_parse_failed"
	invalidToken    = "security.token.invalid"
	expiredToken    = "security.token.expired"
	unauthorized    = "security.rights.unauthorized"
	forbidden       = "security.rights.forbidden"
	noStrategy      = "security.credentials.unknown_strategy"
	rejected        = "security.credentials.rejected"
	unavailable     = "core.fatal.service_unavailable"
	noDocument      = "services.storage.not_found"
	documentExists  = "services.storage.document_already_exists"
	getLimit        = "services.storage.get_limit_exceeded"
	writeLimit      = "services.storage.write_limit_exceeded"
	noScroll        = "services.storage.unknown_scroll_id"
)

// kinds are the errors that a client may see. The numbers of not_supported and timeout are ours: the original has no
// such errors.
var kinds = map[string]kind{
	unexpected:      {0x00000001, 500, "Caught an unexpected error: %s."},
	unavailable:     {0x00000002, 500, "Service unavailable: %s."},
	getLimit:        {0x01010003, 413, "The number of documents returned by this request exceeds the configured server limit."},
	writeLimit:      {0x01010004, 413, "The number of documents edited by this request exceeds the configured server limit."},
	noDocument:      {0x0101000B, 404, `Document "%s" not found in "%s":"%s".`},
	noScroll:        {0x0101000E, 404, "Non-existing or expired scroll identifier."},
	documentExists:  {0x01010011, 400, "Document already exists."},
	invalidScope:    {0x00010004, 400, `Invalid value for the "scope" parameter (allowed: "all", "in", "out", "none").`},
	invalidUsers:    {0x00010005, 400, `Invalid value for the "users" parameter (allowed: "all", "in", "out", "none").`},
	tooManyRooms:    {0x00010007, 413, "Unable to subscribe: maximum number of unique rooms reached."},
	notSubscribed:   {0x00010008, 412, `User "%s" has not subscribed to "%s".`},
	invalidType:     {0x02010001, 400, `Wrong type for argument "%s" (expected: %s)`},
	invalidArgument: {0x02010002, 400, `Invalid argument "%s". Expected: %s`},
	missingArgument: {0x02010003, 400, `Missing argument "%s".`},
	emptyArgument:   {0x02010004, 400, `The argument "%s" is empty.`},
	bodyRequired:    {0x02010008, 400, "The request must specify a body."},
	koncordeError:   {0x0201000E, 400, "%s"},
	overloaded:      {0x02020002, 503, "Request discarded: Kuzzle Server is temporarily overloaded."},
	noController:    {0x02020004, 404, `API controller "%s" not found.`},
	noAction:        {0x02020005, 404, `API action "%s":"%s" not found`},
	oldSDK:          {0x02020006, 400, "Incompatible SDK client. Your SDK version (%s) does not match Kuzzle requirement (%s)."},
	shuttingDown:    {0x02020007, 503, "Rejected: this node is shutting down."},
	tooManyRequests: {0x02020008, 429, "Rejected: requests rate limit exceeded for this user."},
	tooManyLogins:   {0x0202000D, 429, "Rejected: too many login attempts per second."},
	notSupported:    {0x020200F0, 501, "%s is not supported by this server. docs/gateways.md of Tidings lists what is."},
	timeout:         {0x020200F1, 504, "No answer in time: %s."},
	tooLarge:        {0x03010001, 413, "Maximum HTTP request size exceeded."},
	httpError:       {0x03010002, 400, "Caught an unexpected HTTP error: %s"},
	noURL:           {0x03010007, 404, "API URL not found: %s."},
	badContent:      {0x03010008, 400, `Invalid request content-type. Expected "application/json", got: "%s".`},
	badVolatile:     {0x0301000B, 400, `Unable to convert the "x-kuzzle-volatile" HTTP header to JSON: %s`},
	badBody:         {0x0301000C, 400, "Unable to convert the HTTP body to JSON: %s"},
	unreadable:      {0x03030001, 400, "Caught an unexpected WebSocket error: %s"},
	rateExceeded:    {0x03030002, 429, "Rejected: too many requests received from that socket"},
	invalidToken:    {0x07010001, 401, "Invalid token."},
	expiredToken:    {0x07010006, 401, "Token expired"},
	noStrategy:      {0x07020001, 400, `Unknown authentication strategy "%s"`},
	rejected:        {0x07020003, 401, "wrong username or password"},
	unauthorized:    {0x07030001, 401, `Unauthorized: authentication required to execute the action "%s:%s".`},
	forbidden:       {0x07030002, 403, `Insufficient permissions to execute the action "%s:%s" (User "%s").`},
}

// failure returns the fault of that id, with the props in its text.
func failure(id string, props ...string) *fault {
	f := &fault{kind: kinds[id], id: id, props: props}
	f.message = f.text
	for _, p := range props {
		f.message = strings.Replace(f.message, "%s", p, 1)
	}
	return f
}

// anonymous is the user of a client that has not signed in.
const anonymous = "-1"

// refusal returns the bus's refusal of what r asked for, in Kuzzle's words. user is who asked.
func refusal(r *request, user string, code protocol.Code, reason string) *fault {
	switch code {
	case protocol.CodeBadFilter, protocol.CodeFilterTooComplex:
		return failure(koncordeError, reason)
	case protocol.CodeForbidden, protocol.CodeUnauthorized:
		if user == anonymous {
			return failure(unauthorized, r.controller, r.action)
		}
		return failure(forbidden, r.controller, r.action, user)
	case protocol.CodeTokenExpired:
		return failure(expiredToken)
	case protocol.CodeLimitExceeded:
		return failure(tooManyRooms)
	case protocol.CodeOverloaded:
		if r.is("realtime", "subscribe") {
			return failure(tooManyRooms)
		}
		return failure(overloaded)
	case protocol.CodeRateLimited, protocol.CodeLimitReached:
		return failure(rateExceeded)
	case protocol.CodeTooLarge:
		return failure(tooLarge)
	case protocol.CodeUnsupported:
		return failure(notSupported, r.controller+":"+r.action+" ("+reason+")")
	case protocol.CodeShuttingDown:
		return failure(shuttingDown)
	case protocol.CodeTimeout:
		return failure(timeout, reason)
	case protocol.CodeBrokerUnavailable, protocol.CodeBackendUnavailable, protocol.CodeStorageFull:
		return failure(unavailable, reason)
	case protocol.CodeBadRequest, protocol.CodeBadChannel, protocol.CodeBadJSON, protocol.CodeBadUTF8:
		f := failure(invalidArgument, r.controller+":"+r.action, reason)
		f.message = reason
		return f
	}
	return failure(unexpected, reason)
}
