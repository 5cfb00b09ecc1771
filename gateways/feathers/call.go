package feathers

import (
	"encoding/json"
	"strings"

	"tidings/protocol"
)

// Ask is what a call comes to.
type Ask struct {
	// Frames are what the session is asked: the answer is that of the last of them. Nil means that nothing is asked.
	Frames []protocol.ClientFrame
	// Answer returns the arguments of the acknowledgement, a JSON array, from the answer: a reply or an error.
	Answer func(*protocol.ServerFrame) []byte
	// Next returns what is asked after the answer, or nil if that is all: then Answer is asked. It is told who the
	// connection is by then. Nil for most.
	Next func(answer *protocol.ServerFrame, who Account) *Ask
	// Refused is why nothing is asked.
	Refused *Fault
	// Done are the arguments of the acknowledgement if nothing has to be asked; nil for most.
	Done []byte
	// Missing is what the call asks for and is not offered, as a metric has it; "" if it is offered.
	Missing string
}

// Arguments returns those of the acknowledgement of a call of which nothing is asked, or nil if something is.
func (a *Ask) Arguments() []byte {
	if a.Refused != nil {
		return a.Refused.Arguments()
	}
	return a.Done
}

func refused(f *Fault) *Ask { return &Ask{Refused: f} }

func missing(what, action string) *Ask { return &Ask{Refused: NotOffered(what), Missing: action} }

// arguments is how many arguments a method has behind the path, the query included.
var arguments = map[string]int{"find": 1, "get": 2, "create": 2, "update": 3, "patch": 3, "remove": 2}

// IsCall reports whether an event with arguments is a call of a service: clients of Feathers know no other events.
func IsCall(event string, args []json.RawMessage) bool {
	return arguments[event] > 0 && len(args) > 0
}

// Call translates a call: its method and all that is behind it. who is whose the connection is.
func (s *Services) Call(method string, args []json.RawMessage, who Account) *Ask {
	var path string
	if args[0][0] != '"' || json.Unmarshal(args[0], &path) != nil {
		return refused(notFound.because("Invalid service path"))
	}
	path = strings.Trim(path, "/")
	args = args[1:]
	if len(args) > arguments[method] {
		return refused(badRequest.because("Too many arguments for '" + method + "' method"))
	}
	args = append(args, make([]json.RawMessage, arguments[method]-len(args))...) // nil: absent
	collection := s.collections[path]
	switch {
	case path == authentication:
		return authenticate(method, args, who)
	case collection == "":
		return s.toApplication(method, path, args)
	}
	c := call{collection: collection}
	switch method {
	case "find":
		return c.find(args[0])
	case "get":
		return c.get(args[0], args[1])
	case "create":
		return c.create(args[0])
	case "remove":
		return c.remove(args[0], args[1])
	}
	return c.write(method, args[0], args[1], args[2])
}

// toApplication asks the application behind the server, if it answers calls: with the method feathers, and the call.
func (s *Services) toApplication(method, path string, args []json.RawMessage) *Ask {
	for i, arg := range args {
		if arg == nil {
			args[i] = json.RawMessage("null")
		}
	}
	data, err := json.Marshal(map[string]any{"method": method, "path": path, "arguments": args})
	if err != nil {
		return refused(badRequest.because("the arguments are not JSON"))
	}
	return &Ask{Frames: []protocol.ClientFrame{{Type: protocol.TypeCall, Method: "feathers", Data: data}}, Answer: func(f *protocol.ServerFrame) []byte {
		if f.Type == protocol.TypeError {
			if f.Code == protocol.CodeUnsupported || f.Code == protocol.CodeNotFound {
				return notFound.because("Service '" + path + "' not found").Arguments()
			}
			return FaultOf(f).Arguments()
		}
		return result(f.Data)
	}}
}

// result returns the arguments of an acknowledgement that succeeds.
func result(data []byte) []byte {
	if len(data) == 0 {
		data = []byte("null")
	}
	return append(append([]byte("[null,"), data...), ']')
}

// clipped bounds a client's words in an answer.
func clipped(text string) string { return protocol.Cut(text, 64) }
