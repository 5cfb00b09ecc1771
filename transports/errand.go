package transports

import (
	"net/http"

	"tidings/protocol"
)

// Errands is a Language that is spoken over HTTP, too: a request is an errand, which has one answer. A client's errand
// has a session of its own, which opens when the errand first asks the bus, and ends with it.
type Errands interface {
	Language
	// Serves reports whether the language has something at the URL of a request, with its method. All that it has is
	// asked for with GET, POST, PUT, PATCH or DELETE.
	Serves(r *http.Request) bool
	// Headers are the names of the headers that pages may send beside those of our own protocol, with commas between.
	Headers() string
	// Run carries an errand out. It returns the status of HTTP, and the body of the answer, which is JSON. It may block.
	Run(e *Errand) (status int, answer []byte)
}

// Errand is one request over HTTP, whose host and origin are allowed.
type Errand struct {
	Request *http.Request // without its body
	Body    []byte        // at most 1 MiB, declared as JSON; nil for none
	Token   string        // of the header Authorization, a secret; "" for none, and for an API key
	// Backend is the backend whose API key the request has. "" means that it is a client's.
	Backend string
	// Fault is why the request must not be carried out, or nil. The answer says so in the language's words.
	Fault *protocol.Error
	// Ask has the bus carry frames out in the name of who makes the request.
	Ask Ask
}

// Ask carries out frames and returns an answer for each of them, in any order: a reply, or an error, with the frame's
// id. The ids are not 0, and none is used twice. A refresh that comes first says who a client is from the beginning:
// without one it is nobody.
type Ask func(frames []protocol.ClientFrame) []*protocol.ServerFrame

// Backends finds the backend of a request that has an API key, by its name. It returns "" if the request has none, and
// fails if it has one that does not count.
// w is of the request, too: nothing may be written to it.
type Backends func(w http.ResponseWriter, r *http.Request) (name string, ask Ask, err error)
