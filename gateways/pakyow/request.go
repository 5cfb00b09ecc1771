package pakyow

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"tidings/protocol"
)

// request is one message of a page. It shares no memory with the bytes that it was read from.
type request struct {
	id, action string
	method     string // of call-route
	uri        string
	input      []byte // JSON; nil where there is none
	part       string // of a view that is asked for: container or partial
	rest       []byte // all members but id and action, as an object: what a handler of the application gets
}

// maxIDBytes bounds the id of a request, and maxActionBytes its action.
const (
	maxIDBytes     = 128
	maxActionBytes = 64
)

// decode reads a message. It returns why that is no request; the id may be known all the same.
func decode(message []byte) (r *request, wrong string) {
	r = &request{rest: []byte{'{'}}
	err := protocol.ReadObject(message, func(name string, value []byte) error {
		text, err := protocol.ReadString(value)
		switch name {
		case "id", "action", "method", "uri":
			most := map[string]int{"id": maxIDBytes, "action": maxActionBytes, "method": maxActionBytes, "uri": protocol.MaxChannelBytes * 4}[name]
			if err != nil || len(text) > most {
				if wrong == "" {
					wrong = `"` + name + `" is no text, or too long`
				}
				return nil
			}
			*map[string]*string{"id": &r.id, "action": &r.action, "method": &r.method, "uri": &r.uri}[name] = text
		case "input":
			r.input = withoutSecret(value)
			value = r.input
		case "container", "partial":
			r.part = name
		}
		if name != "id" && name != "action" {
			if len(r.rest) > 1 {
				r.rest = append(r.rest, ',')
			}
			r.rest = append(append(appendText(r.rest, name), ':'), value...)
		}
		return nil
	})
	r.rest = append(r.rest, '}')
	switch {
	case err != nil:
		r.id = idIn(message)
		return r, protocol.AsError(err).Reason
	case wrong != "":
	case r.id == "":
		wrong = `"id" is missing`
	case r.action == "":
		wrong = `"action" is missing`
	}
	return r, wrong
}

// withoutSecret returns a copy of an input without the connection id, which is no business of a handler's.
func withoutSecret(input []byte) []byte {
	if !bytes.Contains(input, []byte(Parameter)) {
		return bytes.Clone(input)
	}
	kept := []byte{'{'}
	err := protocol.ReadObject(input, func(name string, value []byte) error {
		if name == Parameter {
			return nil
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(append(appendText(kept, name), ':'), value...)
		return nil
	})
	if err != nil { // no object
		return bytes.Clone(input)
	}
	return append(kept, '}')
}

// route returns the data of the native call, or why there is none. What stands behind a question mark in the uri is put
// into the input.
func (r *request) route() (data []byte, wrong string) {
	path, query, _ := strings.Cut(r.uri, "?")
	if _, err := protocol.ParseChannel(strings.Trim(path, "/")); path != "/" && err != nil {
		return nil, `"uri" is no path of a route`
	}
	input := map[string]json.RawMessage{}
	if r.input != nil && json.Unmarshal(r.input, &input) != nil {
		return nil, `"input" is no object`
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, `the query of "uri" is malformed`
	}
	for name := range values {
		if name != Parameter {
			input[name], _ = json.Marshal(values.Get(name))
		}
	}
	method := strings.ToUpper(r.method)
	if method == "" {
		method = "GET"
	}
	data, _ = json.Marshal(map[string]any{"method": method, "path": path, "input": input})
	return data, ""
}

var idPattern = regexp.MustCompile(`"id"\s*:\s*("(?:[^"\\]|\\.){1,256}")`)

// idIn looks for a request's id in a message that cannot be read. It returns "" if there is none.
func idIn(message []byte) string {
	if found := idPattern.FindSubmatch(message); found != nil {
		if id, err := protocol.ReadString(found[1]); err == nil && len(id) <= maxIDBytes {
			return id
		}
	}
	return ""
}

// appendText appends a JSON string.
func appendText(dst []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string always can
	return append(dst, quoted...)
}
