package kuzzle

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"

	"tidings/protocol"
)

// request is one message of a client. It shares no memory with the bytes that it was read from.
type request struct {
	id                 string // requestId; drawn where the client sent none
	controller, action string
	index, collection  string
	jwt                *string           // nil where there is none
	volatile           []byte            // a JSON object; nil where there is none
	body               []byte            // JSON; nil where there is none
	args               map[string][]byte // everything else, as JSON
	overHTTP           bool
}

// Bounds of a request beside those of its message.
const (
	maxIDBytes   = 128 // of requestId, which each answer and notification repeats
	maxNameBytes = 64  // of controller and action
)

func (r *request) is(controller, action string) bool {
	return r.controller == controller && r.action == action
}

// decode reads a message. Where that is no request the fault comes with as much of it as an answer needs: the SDK finds
// the promise that the answer is for by the request's id alone.
func decode(message []byte) (*request, *fault) {
	r := &request{args: map[string][]byte{}}
	var wrong *fault
	err := protocol.ReadObject(message, func(name string, value []byte) error {
		if f := r.set(name, value); f != nil && wrong == nil {
			wrong = f
		}
		return nil
	})
	switch {
	case err != nil:
		r.id = idIn(message)
		return r, unread(err)
	case wrong != nil:
		return r, wrong
	}
	if r.id == "" {
		r.id = newID()
	}
	return r, r.check()
}

// set takes one member. Members that are null are as if they were not there.
func (r *request) set(name string, value []byte) *fault {
	if bytes.Equal(value, []byte("null")) {
		return nil
	}
	var to *string
	most := maxNameBytes
	switch name {
	case "requestId":
		to, most = &r.id, maxIDBytes
	case "controller":
		to = &r.controller
	case "action":
		to = &r.action
	case "index":
		to, most = &r.index, protocol.MaxChannelBytes
	case "collection":
		to, most = &r.collection, protocol.MaxChannelBytes
	case "jwt":
		r.jwt = new(string)
		to, most = r.jwt, protocol.MaxTokenBytes
	case "volatile":
		if value[0] != '{' {
			return failure(invalidType, name, "object")
		}
		r.volatile = compact(value)
		return nil
	case "body":
		if value[0] != '{' && value[0] != '[' {
			return failure(invalidType, name, "object")
		}
		r.body = compact(value)
		return nil
	default:
		r.args[name] = compact(value)
		return nil
	}
	text, err := protocol.ReadString(value)
	if err != nil {
		return failure(invalidType, name, "string")
	}
	if len(text) > most {
		return failure(invalidArgument, name, "a shorter string")
	}
	*to = text
	if name == "jwt" {
		*to = withoutKeyPrefix(text)
	}
	return nil
}

// withoutKeyPrefix returns a token as the bus knows it. The SDK wants API keys to begin with a word of Kuzzle's.
func withoutKeyPrefix(token string) string { return strings.TrimPrefix(token, "kapikey-") }

// check looks at what each request must have.
func (r *request) check() *fault {
	switch {
	case len(r.volatile) > protocol.MaxMetaBytes:
		r.volatile = nil
		return failure(invalidArgument, "volatile", "at most 4096 bytes")
	case r.controller == "":
		return failure(missingArgument, "controller")
	case r.action == "":
		return failure(missingArgument, "action")
	}
	return r.checkSDK()
}

// checkSDK refuses SDKs of Kuzzle 1, which speak otherwise.
func (r *request) checkSDK() *fault {
	if r.volatile == nil {
		return nil
	}
	var sdk struct {
		Version any `json:"sdkVersion"`
		Name    any `json:"sdkName"`
	}
	if json.Unmarshal(r.volatile, &sdk) != nil {
		return nil
	}
	const wanted = "kuzzle-sdk 7 or later"
	if v, ok := sdk.Version.(string); ok {
		return failure(oldSDK, protocol.Cut(v, 32), wanted)
	}
	name, _ := sdk.Name.(string)
	if version, ok := strings.CutPrefix(name, "js@"); ok && len(version) > 1 && version[0] >= '0' && version[0] <= '6' && version[1] == '.' {
		return failure(oldSDK, protocol.Cut(version, 32), wanted)
	}
	return nil
}

// text returns the argument of that name, or otherwise where there is none.
func (r *request) text(name, otherwise string) (string, *fault) {
	value := r.args[name]
	if value == nil {
		return otherwise, nil
	}
	text, err := protocol.ReadString(value)
	if err != nil {
		return "", failure(invalidType, name, "string")
	}
	return text, nil
}

// inBody returns the text of that name in the body.
func (r *request) inBody(name string) (string, *fault) {
	if r.body == nil {
		return "", failure(bodyRequired)
	}
	var value []byte
	if r.body[0] == '{' {
		protocol.ReadObject(r.body, func(member string, v []byte) error { // it was read before
			if member == name {
				value = v
			}
			return nil
		})
	}
	if value == nil || bytes.Equal(value, []byte("null")) {
		return "", failure(missingArgument, "body."+name)
	}
	text, err := protocol.ReadString(value)
	switch {
	case err != nil:
		return "", failure(invalidType, "body."+name, "string")
	case text == "":
		return "", failure(emptyArgument, "body."+name)
	}
	return text, nil
}

// channel returns the channel of the request's collection.
func (r *request) channel() (protocol.Channel, *fault) {
	for _, part := range [...]struct{ name, value string }{{"index", r.index}, {"collection", r.collection}} {
		switch {
		case part.value == "":
			return "", failure(missingArgument, part.name)
		case strings.Contains(part.value, "/"):
			return "", failure(invalidArgument, part.name, "a name without slashes")
		}
	}
	ch, err := protocol.ParseChannel(channelPrefix + r.index + "/" + r.collection)
	if err != nil {
		return "", failure(invalidArgument, "index or collection", "letters, digits and - _ . only, together at most 188 characters")
	}
	return ch, nil
}

// channelPrefix begins the channels of collections.
const channelPrefix = "documents/"

// collectionOf returns the index and collection whose channel ch is, or "".
func collectionOf(ch protocol.Channel) (index, collection string) {
	rest, ok := strings.CutPrefix(string(ch), channelPrefix)
	if !ok {
		return "", ""
	}
	index, collection, _ = strings.Cut(rest, "/")
	return index, collection
}

func unread(err error) *fault {
	switch e := protocol.AsError(err); e.Code {
	case protocol.CodeBadRequest:
		return failure(invalidType, "request", "object")
	case protocol.CodeTooLarge:
		return failure(tooLarge)
	default:
		return failure(unreadable, e.Reason)
	}
}

var idPattern = regexp.MustCompile(`"requestId"\s*:\s*("(?:[^"\\]|\\.){1,256}")`)

// idIn looks for a request's id in a message that cannot be read. It returns "" if there is none.
func idIn(message []byte) string {
	found := idPattern.FindSubmatch(message)
	if found == nil {
		return ""
	}
	id, err := protocol.ReadString(found[1])
	if err != nil || len(id) > maxIDBytes {
		return ""
	}
	return id
}

func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // a UUID of version 4
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// compact returns a copy of JSON that was read before, without the white space between its tokens.
func compact(value []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return bytes.Clone(value)
	}
	return b.Bytes()
}

// isPing reports whether a message is the ping of clients that cannot send that of WebSockets.
func isPing(message []byte) bool {
	var b bytes.Buffer
	return len(message) <= 64 && json.Compact(&b, message) == nil && b.String() == `{"p":1}`
}
