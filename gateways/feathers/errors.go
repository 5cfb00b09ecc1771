package feathers

import (
	"encoding/json"

	"tidings/protocol"
)

// Fault is an error as Feathers writes it.
type Fault struct {
	Name      string         `json:"name"`
	Message   string         `json:"message"`
	Code      int            `json:"code"`
	ClassName string         `json:"className"`
	Data      map[string]any `json:"data,omitempty"`
}

// Errors of Feathers.
var (
	badRequest       = Fault{Name: "BadRequest", Code: 400, ClassName: "bad-request"}
	notAuthenticated = Fault{Name: "NotAuthenticated", Code: 401, ClassName: "not-authenticated"}
	forbidden        = Fault{Name: "Forbidden", Code: 403, ClassName: "forbidden"}
	notFound         = Fault{Name: "NotFound", Code: 404, ClassName: "not-found"}
	methodNotAllowed = Fault{Name: "MethodNotAllowed", Code: 405, ClassName: "method-not-allowed"}
	timeout          = Fault{Name: "Timeout", Code: 408, ClassName: "timeout"}
	conflict         = Fault{Name: "Conflict", Code: 409, ClassName: "conflict"}
	unprocessable    = Fault{Name: "Unprocessable", Code: 422, ClassName: "unprocessable"}
	tooManyRequests  = Fault{Name: "TooManyRequests", Code: 429, ClassName: "too-many-requests"}
	generalError     = Fault{Name: "GeneralError", Code: 500, ClassName: "general-error"}
	notImplemented   = Fault{Name: "NotImplemented", Code: 501, ClassName: "not-implemented"}
	unavailable      = Fault{Name: "Unavailable", Code: 503, ClassName: "unavailable"}
)

// because returns the error with what went wrong.
func (f Fault) because(message string) *Fault {
	f.Message = message
	return &f
}

// NotOffered returns the error for a client that asks for what the original has and this server has not.
func NotOffered(what string) *Fault {
	f := notImplemented.because(what + " is not offered by this server")
	f.Data = map[string]any{"see": "docs/gateways.md"}
	return f
}

// kinds are the errors of Feathers by the status that ours have over HTTP.
var kinds = map[int]Fault{
	400: badRequest, 401: notAuthenticated, 403: forbidden, 404: notFound, 405: methodNotAllowed, 408: timeout, 409: conflict, 410: notFound,
	413: badRequest, 415: badRequest, 422: unprocessable, 429: tooManyRequests, 500: generalError, 501: notImplemented, 503: unavailable, 504: timeout, 507: unavailable,
}

// FaultOf returns what an error frame is to a client of Feathers. The hint, which helps the one who writes the client,
// and our code are its data.
func FaultOf(f *protocol.ServerFrame) *Fault {
	kind, ok := kinds[f.Code.Row().HTTP]
	if !ok {
		kind = generalError
	}
	fault := kind.because(f.Message)
	fault.Data = map[string]any{"code": string(f.Code), "hint": f.Hint}
	return fault
}

// NoSuchEvent returns what a client hears that sends an event which nobody takes.
func NoSuchEvent(name string) *Fault {
	return notFound.because("Event '" + clipped(name) + "' is taken by nobody")
}

// Arguments returns the arguments of an acknowledgement that fails: a JSON array of the error alone.
func (f *Fault) Arguments() []byte {
	b, err := json.Marshal([]*Fault{f})
	if err != nil {
		panic(err) // a type of our own that cannot be written
	}
	return b
}
