package transports

import (
	"encoding/binary"
	"net/http"
)

// Polled is what a Language implements, too, if its clients need no WebSocket. Such a client begins with a GET, asks with further ones for what
// there is, of which each is answered once there is something, and speaks with POSTs. One GET and one POST may be under
// way. Greeting.Session names what its requests have in common. A session is known to this node alone.
//
// To the session of such a client all is as if it came over a WebSocket, but that Talk.Say must not wait.
type Polled interface {
	// Polling returns how it is done, always the same.
	Polling() *Polling
}

// Polling is how a language is spoken by requests.
type Polling struct {
	// Separator stands between the messages of a body.
	Separator byte
	// End is the message that says that the session is over, both ways.
	End string
	// Answer answers a GET with a body of messages.
	Answer func(w http.ResponseWriter, body []byte)
	// Taken answers a POST.
	Taken func(w http.ResponseWriter)
	// Unknown answers a request of a session that is not known here.
	Unknown func(w http.ResponseWriter)
	// Misused answers a request beside another one of its kind. The session ends.
	Misused func(w http.ResponseWriter)
}

// append appends a message to a body.
func (p *Polling) append(body, message []byte) []byte {
	if len(body) > 0 {
		body = append(body, p.Separator)
	}
	return append(body, message...)
}

// appendTexts appends the messages of WebSocket frames of ours to a body: all that is text.
func (p *Polling) appendTexts(body, frames []byte) []byte {
	for len(frames) > 1 {
		n, head := int(frames[1]), 2
		switch n {
		case 126:
			n, head = int(binary.BigEndian.Uint16(frames[2:])), 4
		case 127:
			n, head = int(binary.BigEndian.Uint64(frames[2:])), 10
		}
		if frames[0]&0x0f == textKind {
			body = p.append(body, frames[head:head+n])
		}
		frames = frames[head+n:]
	}
	return body
}

const textKind = 1 // of RFC 6455
