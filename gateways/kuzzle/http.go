package kuzzle

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"tidings/protocol"
	"tidings/transports"
)

var _ transports.Errands = (*Language)(nil)

// Serves implements transports.Errands. What begins like Kuzzle's own URLs, and is none, is answered in its words, too.
func (l *Language) Serves(r *http.Request) bool {
	parts := pathOf(r.URL)
	return parts != nil && (routeOf(r.Method, parts) != nil || strings.HasPrefix(r.URL.Path, "/_"))
}

// Headers implements transports.Errands.
func (l *Language) Headers() string { return volatileHeader + ", " + requestIDHeader }

const (
	volatileHeader  = "X-Kuzzle-Volatile"
	requestIDHeader = "X-Kuzzle-Request-Id"
)

// posted is the answer to the one request of a talk over HTTP.
type posted struct {
	status int
	body   []byte
}

// Run implements transports.Errands: a talk of one request, whose status is that of the answer.
func (l *Language) Run(e *transports.Errand) (status int, answer []byte) {
	t := newTalk(l)
	t.post, t.backend = &posted{}, e.Backend
	t.mu.Lock() // nobody else has the talk; its methods are called with the lock held
	defer t.mu.Unlock()
	r, wrong := l.read(e)
	r.overHTTP = true
	if wrong == nil {
		t.begin(r)
	}
	t.refuse(r, wrong)
	for len(t.frames) > 0 {
		asked := t.frames
		t.frames = nil
		for _, f := range e.Ask(asked) {
			t.hearFrame(f)
		}
	}
	if t.post.body == nil {
		t.refuse(r, failure(unexpected, "there is no answer"))
	}
	return t.post.status, t.post.body
}

// read returns the request that an errand is. If it is none, what is wrong comes with as much of it as there is.
func (l *Language) read(e *transports.Errand) (*request, *fault) {
	r := &request{args: map[string][]byte{}, id: e.Request.Header.Get(requestIDHeader)}
	if len(r.id) > maxIDBytes || !isText(r.id) {
		r.id = ""
	}
	if e.Fault != nil {
		return r.withID(), errandFault(e)
	}
	parts := pathOf(e.Request.URL)
	var wrong *fault
	if e.Request.Method == http.MethodPost && len(parts) == 1 && "/"+parts[0] == queryPath {
		id := r.id
		if r, wrong = decode(e.Body); wrong != nil && wrong.id == unreadable {
			wrong = failure(badBody, wrong.props...)
		}
		if id != "" {
			r.id = id
		}
	} else {
		wrong = r.fromURL(e, parts)
		if wrong == nil && e.Request.Method == http.MethodGet && r.is("auth", "login") {
			wrong = l.lacks("auth:login with GET")
		}
	}
	r.withID()
	if wrong == nil {
		wrong = r.readHeader(e)
	}
	return r, wrong
}

// withID draws an id if there is none.
func (r *request) withID() *request {
	if r.id == "" {
		r.id = newID()
	}
	return r
}

// isText reports whether a header is text without control characters.
func isText(s string) bool {
	_, err := protocol.ReadString(appendText(nil, s))
	return err == nil && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == '\ufffd' })
}

// fromURL reads a request from its URL and its body.
func (r *request) fromURL(e *transports.Errand, parts []string) *fault {
	q := e.Request
	var rt *route
	if parts != nil {
		rt = routeOf(q.Method, parts)
	}
	if rt == nil {
		return failure(noURL, protocol.Cut(q.URL.EscapedPath(), maxShownPath))
	}
	r.controller, r.action = rt.controller, rt.action
	for i, part := range rt.parts {
		if part[0] == ':' {
			if wrong := r.set(part[1:], appendText(nil, parts[i])); wrong != nil {
				return wrong
			}
		}
	}
	query, err := url.ParseQuery(q.URL.RawQuery)
	if err != nil {
		return failure(httpError, "the query is malformed")
	}
	for name, values := range query {
		if ofRequest[name] || name == "index" && r.index != "" || name == "collection" && r.collection != "" || r.args[name] != nil && strings.Contains(rt.path, "/:"+name) {
			continue // they have a place of their own
		}
		if wrong := r.set(name, argument(name, values[len(values)-1])); wrong != nil {
			return wrong
		}
	}
	if q.Method == http.MethodGet {
		return r.bodyOfQuery()
	}
	return r.readBody(e.Body)
}

// maxShownPath bounds what an answer repeats of a path.
const maxShownPath = 256

// ofRequest are members of a request that no parameter of a URL can be.
var ofRequest = map[string]bool{"controller": true, "action": true, "requestId": true, "volatile": true, "body": true}

// argument returns the value of a URL's parameter as JSON.
func argument(name, value string) []byte {
	switch name {
	case "from", "size":
		if n, err := protocol.ReadUint([]byte(value)); err == nil && n <= maxFound {
			return []byte(value)
		}
	case "ids":
		list, _ := json.Marshal(strings.Split(value, ","))
		return list
	}
	switch value {
	case "", "true":
		return []byte("true")
	case "false":
		return []byte("false")
	}
	text, _ := json.Marshal(value) // what is no UTF-8 becomes U+FFFD
	return text
}

// bodyOfQuery makes the body that a GET cannot have, of what the SDK and Kuzzle's guides put into its query.
func (r *request) bodyOfQuery() *fault {
	switch {
	case r.is("document", "mGet"):
		if ids := r.args["ids"]; ids != nil {
			r.body = append(append([]byte(`{"ids":`), ids...), '}')
		}
	case r.is("document", "search"):
		body := []byte{'{'}
		if raw := r.args["searchBody"]; raw != nil {
			text, _ := protocol.ReadString(raw)
			return r.readBody([]byte(text))
		}
		for _, name := range [...]string{"query", "sort", "aggregations", "highlight"} {
			text, err := protocol.ReadString(r.args[name])
			if err != nil {
				continue
			}
			if len(body) > 1 {
				body = append(body, ',')
			}
			body = append(append(appendText(body, name), ':'), text...)
		}
		return r.readBody(append(body, '}'))
	}
	return nil
}

// readBody reads the body of a request: an object, or an array.
func (r *request) readBody(body []byte) *fault {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil
	}
	var err error
	if body[0] == '[' {
		err = protocol.ReadArray(body, func([]byte) error { return nil })
	} else {
		err = protocol.ReadObject(body, func(string, []byte) error { return nil })
	}
	if err == nil {
		return r.set("body", body)
	}
	switch fault := protocol.AsError(err); fault.Code {
	case protocol.CodeBadRequest:
		return failure(invalidType, "body", "object")
	case protocol.CodeTooLarge:
		return failure(tooLarge)
	default:
		return failure(badBody, fault.Reason)
	}
}

// readHeader reads what stands in the header, and checks what each request must have.
func (r *request) readHeader(e *transports.Errand) *fault {
	if e.Token != "" {
		token := withoutKeyPrefix(e.Token)
		r.jwt = &token
	}
	if e.Backend != "" {
		r.jwt = nil // the key says who asks
	}
	if text := e.Request.Header.Get(volatileHeader); text != "" {
		if err := protocol.ReadObject([]byte(text), func(string, []byte) error { return nil }); err != nil {
			return failure(badVolatile, protocol.AsError(err).Reason)
		}
		if wrong := r.set("volatile", []byte(text)); wrong != nil {
			return wrong
		}
	}
	if r.action == "" {
		return nil // of a controller that there is not
	}
	return r.check()
}

// errandFault returns why a request is not carried out, in Kuzzle's words.
func errandFault(e *transports.Errand) *fault {
	switch e.Fault.Code {
	case protocol.CodeTooLarge:
		return failure(tooLarge)
	case protocol.CodeUnsupportedMediaType:
		return failure(badContent, protocol.Cut(e.Request.Header.Get("Content-Type"), maxNameBytes))
	case protocol.CodeUnauthorized:
		return failure(invalidToken)
	case protocol.CodeRateLimited:
		return failure(tooManyRequests)
	case protocol.CodeHeartbeatTimeout:
		return failure(timeout, e.Fault.Reason)
	}
	return failure(httpError, e.Fault.Reason+". "+e.Fault.Hint)
}
