package socketio

import (
	"bytes"
	"encoding/json"
	"strconv"

	"tidings/protocol"
)

// The types of packets of Engine.IO, the first byte of a message.
const (
	engineOpen    = '0'
	enginePing    = '2'
	enginePong    = '3'
	engineMessage = '4'
	engineBinary  = 'b'
)

// The types of packets of Socket.IO, the first byte behind engineMessage.
const (
	typeConnect    = '0'
	typeDisconnect = '1'
	typeEvent      = '2'
	typeAck        = '3'
	typeError      = '4'
	typeBinary     = '5'
	typeBinaryAck  = '6'
)

// packet is a message of Socket.IO.
type packet struct {
	kind      byte
	namespace string          // "/" if none is named
	id        []byte          // digits; nil if no acknowledgement is wanted
	data      json.RawMessage // nil if there is none
}

// maxID bounds an acknowledgement's id, in digits. Clients count from 0.
const maxID = 16

// readPacket reads what is behind engineMessage. It reports false for what cannot be read.
func readPacket(raw []byte) (p packet, ok bool) {
	if len(raw) == 0 || raw[0] < typeConnect || raw[0] > typeBinaryAck {
		return packet{}, false
	}
	p.kind, p.namespace, raw = raw[0], "/", raw[1:]
	if p.kind == typeBinary || p.kind == typeBinaryAck {
		attachments, rest, found := bytes.Cut(raw, []byte{'-'})
		if n, err := strconv.Atoi(string(attachments)); !found || err != nil || n < 1 {
			return packet{}, false
		}
		raw = rest
	}
	if len(raw) > 0 && raw[0] == '/' {
		name, rest, _ := bytes.Cut(raw, []byte{','})
		p.namespace, raw = string(name), rest
	}
	digits := 0
	for digits < len(raw) && raw[digits] >= '0' && raw[digits] <= '9' {
		digits++
	}
	if digits > maxID {
		return packet{}, false
	}
	if digits > 0 {
		p.id, raw = raw[:digits], raw[digits:]
	}
	if len(raw) > 0 {
		p.data = raw
	}
	return p, true
}

// event returns the name and the arguments of an event, and false for what is none. A name may be a number.
func (p *packet) event() (name string, args []json.RawMessage, ok bool) {
	if json.Unmarshal(p.data, &args) != nil || len(args) == 0 {
		return "", nil, false
	}
	switch c := args[0][0]; {
	case c == '"':
		if json.Unmarshal(args[0], &name) != nil || reserved(name) {
			return "", nil, false
		}
	case c == '-' || c >= '0' && c <= '9':
		name = string(args[0])
	default:
		return "", nil, false
	}
	return name, args[1:], true
}

// reserved reports whether an event is one that Socket.IO itself emits: its clients send none of that name.
func reserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// appendPacket appends a packet of the namespace "/" as a WebSocket frame.
func appendPacket(dst []byte, kind byte, parts ...[]byte) []byte {
	b := append(make([]byte, 0, 64), engineMessage, kind)
	for _, part := range parts {
		b = append(b, part...)
	}
	return protocol.AppendText(dst, b)
}

// appendEvent appends an event with one argument as a WebSocket frame.
func appendEvent(dst []byte, name string, data []byte) []byte {
	if len(data) == 0 {
		return appendPacket(dst, typeEvent, []byte{'['}, quote(name), []byte{']'})
	}
	return appendPacket(dst, typeEvent, []byte{'['}, quote(name), []byte{','}, data, []byte{']'})
}

// appendAck appends an acknowledgement with its arguments, a JSON array, as a WebSocket frame.
func appendAck(dst, id, arguments []byte) []byte {
	return appendPacket(dst, typeAck, id, arguments)
}

// refusal is why a client is not let into a namespace.
type refusal struct {
	Message string       `json:"message"`
	Data    *refusalData `json:"data,omitempty"`
}

type refusalData struct {
	Code string `json:"code"`
	Hint string `json:"hint,omitempty"`
}

// appendRefusal appends a refusal as a WebSocket frame.
func appendRefusal(dst []byte, namespace string, r refusal) []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // a type of our own that cannot be written
	}
	if namespace == "/" {
		return appendPacket(dst, typeError, data)
	}
	return appendPacket(dst, typeError, []byte(namespace), []byte{','}, data)
}

func quote(text string) []byte {
	b, err := json.Marshal(text)
	if err != nil {
		return []byte(`""`) // a string always has a form
	}
	return b
}
