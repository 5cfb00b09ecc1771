package socketio

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"tidings/gateways/feathers"
	"tidings/protocol"
	"tidings/transports"
)

// talk is one connection.
type talk struct {
	language *Language
	line     transports.Line
	calls    feathers.Calls
	changes  feathers.Changes // the writer's own
	pinged   time.Time        // when the last ping was due, or the clock began; the clock's own
	asked    bool             // a ping was sent; the clock's own

	mu    sync.Mutex // guards all below
	state state
	who   feathers.Account // of the token that the client connects with
	words []byte           // to be said before the end
}

// state is how far a client is.
type state uint8

const (
	fresh      state = iota
	connecting       // into the namespace "/"
	connected
	left
)

var (
	_ transports.Talk  = (*talk)(nil)
	_ transports.Asker = (*talk)(nil)
)

// Open implements transports.Asker.
func (t *talk) Open(line transports.Line) {
	t.line = line
	t.calls = feathers.Calls{Services: t.language.cfg.Services, Line: line, Lack: t.language.Lack, Acknowledge: appendAck}
}

var (
	errUnreadable = &protocol.Error{Code: protocol.CodeBadJSON, Reason: "the message is no packet of Socket.IO", Hint: "Use a client of Socket.IO 3 or 4 with its own parser."}
	errBinary     = &protocol.Error{Code: protocol.CodeUnsupportedData, Reason: "a binary packet", Hint: "Send JSON: binary arguments are not offered by this server; see docs/gateways.md."}
	errState      = &protocol.Error{Code: protocol.CodeNotConnected, Reason: "a packet of a namespace that the client is not in, or is in already", Hint: "Connect to the namespace / once, and to no other."}
	errToken      = &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "auth.token is no token", Hint: "It is a text of at most 8192 bytes."}
)

// Hear implements transports.Talk.
func (t *talk) Hear(message []byte) transports.Heard {
	if len(message) == 0 {
		return t.unreadable(errUnreadable)
	}
	switch message[0] {
	case engineMessage:
		return t.packet(message[1:])
	case engineBinary:
		return t.refuseBinary(nil)
	case enginePing, '7', '8', '9':
		return t.unreadable(errUnreadable)
	}
	if message[0] < '0' || message[0] > '6' {
		return t.unreadable(errUnreadable)
	}
	return transports.Heard{} // a pong, of which it counts that something was heard, or nothing that concerns a server
}

// unreadable ends the connection, as the original does.
func (t *talk) unreadable(fault *protocol.Error) transports.Heard {
	t.line.Fail(fault)
	return transports.Heard{Malformed: fault}
}

// refuseBinary ends the connection of a client that sends binary arguments, once that is acknowledged.
func (t *talk) refuseBinary(id []byte) transports.Heard {
	t.language.Lack("binary")
	var back []byte
	if id != nil {
		back = appendAck(nil, id, feathers.NotOffered("a binary argument").Arguments())
	}
	t.fail(errBinary, back)
	return transports.Heard{}
}

// fail ends the connection, with words before the end.
func (t *talk) fail(fault *protocol.Error, words []byte) {
	t.mu.Lock()
	t.words = words
	t.mu.Unlock()
	t.line.Fail(fault)
}

// packet deals with a packet of Socket.IO.
func (t *talk) packet(raw []byte) transports.Heard {
	p, ok := readPacket(raw)
	if ok && p.data != nil {
		compact, err := protocol.CompactJSON(p.data)
		if err != nil {
			return t.unreadable(protocol.AsError(err))
		}
		p.data = compact
	}
	if !ok {
		return t.unreadable(errUnreadable)
	}
	if p.kind == typeConnect {
		return t.connect(&p)
	}
	t.mu.Lock()
	in := (t.state == connecting || t.state == connected) && p.namespace == "/"
	t.mu.Unlock()
	if !in || p.kind == typeError {
		t.line.Fail(errState)
		return transports.Heard{}
	}
	switch p.kind {
	case typeDisconnect:
		t.mu.Lock()
		t.state = left
		t.mu.Unlock()
		return transports.Heard{Frames: []protocol.ClientFrame{{Type: protocol.TypeDisconnect}}}
	case typeBinary, typeBinaryAck:
		return t.refuseBinary(p.id)
	case typeEvent:
		name, args, ok := p.event()
		if !ok {
			return t.unreadable(errUnreadable)
		}
		frames, back := t.calls.Event(name, args, p.id)
		return transports.Heard{Frames: frames, Back: back}
	}
	return transports.Heard{} // the acknowledgement of an event that asked for none
}

// connect lets a client into the namespace "/": its session opens.
func (t *talk) connect(p *packet) transports.Heard {
	if p.namespace != "/" {
		t.language.Lack("namespace")
		return transports.Heard{Back: appendRefusal(nil, protocol.Cut(p.namespace, 256), refusal{Message: "Invalid namespace"})}
	}
	if p.data != nil && p.data[0] != '{' {
		return t.unreadable(errUnreadable)
	}
	var auth struct{ Token string }
	wrong := p.data != nil && json.Unmarshal(p.data, &auth) != nil || len(auth.Token) > protocol.MaxTokenBytes
	t.mu.Lock()
	again := t.state != fresh
	if !again {
		t.state, t.who = connecting, feathers.Account{}.After(&protocol.ClientFrame{Type: protocol.TypeRefresh, Token: auth.Token})
	}
	t.mu.Unlock()
	switch {
	case again:
		t.line.Fail(errState)
		return transports.Heard{}
	case wrong:
		t.line.Fail(errToken)
		return transports.Heard{}
	}
	return transports.Heard{Frames: []protocol.ClientFrame{{Type: protocol.TypeConnect, Token: auth.Token}}}
}

// Shared implements transports.Talk. A client that is in two channels hears a change once.
func (t *talk) Shared(e *protocol.Encoded) []byte {
	switch {
	case e.Message == nil:
		return nil
	case t.changes.Heard(e.Message):
		return nothing
	}
	return e.As(shared, t.language.message)
}

// shared is the kind of what all clients hear of a message.
const shared = "socketio"

var nothing = []byte{}

// message returns the event that a message is.
func (l *Language) message(e *protocol.Encoded) []byte {
	name, data := l.cfg.Services.Event(e.Message)
	if name == "" {
		return nil
	}
	return appendEvent(nil, name, data)
}

// Say implements transports.Talk.
func (t *talk) Say(dst []byte, e *protocol.Encoded) ([]byte, time.Duration) {
	f := e.Frame
	switch {
	case f == nil:
	case f.Type == protocol.TypeConnected:
		t.mu.Lock()
		t.state = connected
		t.calls.Become(t.who)
		t.mu.Unlock()
		dst = appendPacket(dst, typeConnect, []byte(`{"sid":`), quote(f.Connection), []byte{'}'})
	case f.Type == protocol.TypeReply, f.Type == protocol.TypeError && f.ID != 0:
		dst = t.calls.Answer(dst, f)
	case f.Type == protocol.TypeError && f.Code == protocol.CodeTokenExpired:
		t.calls.Become(feathers.Account{})
	case f.Type == protocol.TypeEvent:
		dst = appendEvent(dst, f.Event, f.Data)
	case f.Type == protocol.TypeGap:
		// It cannot be said in Socket.IO's words. A client that lost its connection comes back, and loads anew what it
		// shows.
		t.line.Fail(&protocol.Error{Code: protocol.CodeSequenceGap, Reason: "messages were lost", Hint: "Come back, and load what you show anew."})
	}
	return dst, 0
}

// Farewell implements transports.Talk. A client that is not to come back is told so: it knows no close numbers.
func (t *talk) Farewell(last *protocol.ServerFrame) (back []byte, number int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case last == nil:
		return nil, 1000
	case last.Code == protocol.CodeShuttingDown:
		return nil, 1001
	case t.state == connected && !last.Retry:
		back = appendPacket(t.words, typeDisconnect)
	case t.state == connecting && (!last.Retry || last.Code.Row().HTTP == http.StatusUnauthorized): // the same token would be shown again
		back = appendRefusal(t.words, "/", refusal{last.Reason, &refusalData{string(last.Code), last.Hint}})
	}
	return back, last.Code.Row().Close
}

var errSilent = &protocol.Error{Code: protocol.CodeHeartbeatTimeout, Reason: "nothing was heard of the client since the last ping", Hint: "Answer the packet 2 with 3."}

// Due implements transports.Talk. It may be called before its time.
func (t *talk) Due(now, heard time.Time) transports.Due {
	if t.pinged.IsZero() { // the first ping comes after an interval
		t.pinged = now
	}
	if t.asked && heard.After(t.pinged) {
		t.asked = false
	}
	switch {
	case t.asked && now.Sub(t.pinged) >= pingTimeout:
		return transports.Due{End: errSilent}
	case t.asked:
		return transports.Due{Next: t.pinged.Add(pingTimeout)}
	case now.Sub(t.pinged) < pingInterval:
		return transports.Due{Next: t.pinged.Add(pingInterval)}
	}
	t.pinged, t.asked = now, true
	return transports.Due{Back: protocol.AppendText(nil, []byte{enginePing}), Next: now.Add(pingTimeout)}
}
