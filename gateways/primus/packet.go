package primus

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"tidings/protocol"
)

// The words of Primus' own messages, which are JSON strings.
const (
	wordPing  = "primus::ping::"
	wordPong  = "primus::pong::"
	wordID    = "primus::id::"
	wordClose = "primus::server::close"
)

// The types of packets of primus-emitter.
const (
	packetEvent = "0"
	packetAck   = "1"
)

// packet is a message of primus-emitter.
type packet struct {
	kind string            // packetEvent or packetAck
	data []json.RawMessage // of an event its name and its arguments, of an acknowledgement its arguments
	id   json.RawMessage   // as it was written; nil if no acknowledgement is wanted
}

// readPacket reads a JSON value. It reports false for one that is no packet: that is data.
func readPacket(raw []byte) (p packet, ok bool) {
	if len(raw) == 0 || raw[0] != '{' {
		return packet{}, false
	}
	var m struct {
		Type, ID json.RawMessage
		Data     json.RawMessage
	}
	if json.Unmarshal(raw, &m) != nil || json.Unmarshal(m.Data, &p.data) != nil || p.data == nil {
		return packet{}, false
	}
	switch string(m.ID) {
	case "", "null", "0", "false", `""`: // no id
	default:
		if _, err := strconv.ParseFloat(string(m.ID), 64); err != nil {
			return packet{}, false
		}
		p.id = m.ID
	}
	p.kind = string(m.Type)
	return p, p.kind == packetEvent || p.kind == packetAck
}

// name returns the name of an event, "" if it has none.
func (p *packet) name() (name string) {
	if len(p.data) == 0 || json.Unmarshal(p.data[0], &name) != nil {
		return ""
	}
	return name
}

// reserved reports whether an event is one that Primus itself emits: a packet of that name is ignored.
func reserved(event string) bool {
	switch event {
	case "readyStateChange", "heartbeat", "error", "data", "end":
		return true
	}
	return strings.HasPrefix(event, "incoming::") || strings.HasPrefix(event, "outgoing::")
}

// appendEvent appends an event with one argument as a WebSocket frame.
func appendEvent(dst []byte, name string, data []byte) []byte {
	b := append(make([]byte, 0, len(name)+len(data)+32), `{"type":0,"data":[`...)
	b = append(b, quote(name)...)
	if len(data) > 0 {
		b = append(append(b, ','), data...)
	}
	return protocol.AppendText(dst, escaped(append(b, "]}"...)))
}

// appendAck appends an acknowledgement with its arguments, a JSON array, as a WebSocket frame.
func appendAck(dst, id, arguments []byte) []byte {
	b := append(append(make([]byte, 0, len(arguments)+48), `{"id":`...), id...)
	b = append(append(append(b, `,"type":1,"data":`...), arguments...), '}')
	return protocol.AppendText(dst, escaped(b))
}

func quote(text string) []byte {
	b, err := json.Marshal(text)
	if err != nil {
		return []byte(`""`) // a string always has a form
	}
	return b
}

// escaped escapes the two characters of JSON that end a line in old JavaScript, as Primus does.
func escaped(b []byte) []byte {
	if !bytes.Contains(b, []byte("\u2028")) && !bytes.Contains(b, []byte("\u2029")) {
		return b
	}
	b = bytes.ReplaceAll(b, []byte("\u2028"), []byte(`\u2028`))
	return bytes.ReplaceAll(b, []byte("\u2029"), []byte(`\u2029`))
}
