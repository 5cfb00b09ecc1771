package primus

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"tidings/gateways/feathers"
	"tidings/protocol"
	"tidings/transports"
)

// spark is one connection.
type spark struct {
	language *Language
	line     transports.Line
	calls    feathers.Calls
	changes  feathers.Changes // the writer's own
	begun    bool             // the clock's own
	pinged   time.Time        // the clock's own; zero before the first ping

	mu    sync.Mutex // guards all below
	id    string     // "" until the session is open
	asked bool       // for the id, before there was one
}

var (
	_ transports.Talk  = (*spark)(nil)
	_ transports.Asker = (*spark)(nil)
)

// Open implements transports.Asker.
func (s *spark) Open(line transports.Line) {
	s.line = line
	s.calls = feathers.Calls{Services: s.language.cfg.Services, Line: line, Lack: s.language.Lack, Acknowledge: appendAck}
}

var errUnreadable = &protocol.Error{Code: protocol.CodeBadJSON, Reason: "the message is not JSON", Hint: "Use the parser JSON, which is Primus' own choice."}

// Hear implements transports.Talk.
func (s *spark) Hear(message []byte) transports.Heard {
	compact, err := protocol.CompactJSON(message)
	if err != nil {
		fault := protocol.AsError(err)
		if fault.Code == protocol.CodeBadJSON {
			fault = errUnreadable
		}
		return transports.Heard{Malformed: fault}
	}
	if compact[0] == '"' {
		var text string
		if json.Unmarshal(compact, &text) == nil {
			switch {
			case strings.HasPrefix(text, wordPong):
				return transports.Heard{} // that something was heard is what counts
			case text == wordID:
				return transports.Heard{Back: s.askID()}
			}
		}
	}
	switch p, ok := readPacket(compact); {
	case !ok:
		return transports.Heard{Frames: []protocol.ClientFrame{s.calls.Tell(protocol.ClientFrame{Type: protocol.TypeCall, Method: "data", Data: append([]byte(nil), compact...)})}}
	case p.kind == packetEvent:
		return s.event(&p)
	}
	return transports.Heard{} // the acknowledgement of an event that asked for none
}

// event carries an event of the client out.
func (s *spark) event(p *packet) transports.Heard {
	name := p.name()
	if name == "" || reserved(name) {
		return transports.Heard{}
	}
	frames, back := s.calls.Event(name, p.data[1:], p.id)
	return transports.Heard{Frames: frames, Back: back}
}

// askID returns the id to a client that asks for it, or notes that it is to be sent as soon as there is one.
func (s *spark) askID() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id == "" {
		s.asked = true
		return nil
	}
	return protocol.AppendText(nil, quote(wordID+s.id))
}

// Shared implements transports.Talk. A client that is in two channels hears a change once.
func (s *spark) Shared(e *protocol.Encoded) []byte {
	m := e.Message
	if m == nil {
		return nil
	}
	if s.changes.Heard(m) {
		return nothing
	}
	return e.As(shared, s.language.message)
}

// shared is the kind of what all sparks hear of a message.
const shared = "primus"

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
func (s *spark) Say(dst []byte, e *protocol.Encoded) ([]byte, time.Duration) {
	f := e.Frame
	switch {
	case f == nil:
	case f.Type == protocol.TypeConnected:
		s.mu.Lock()
		s.id = f.Connection
		if s.asked {
			dst = protocol.AppendText(dst, quote(wordID+s.id))
		}
		s.mu.Unlock()
	case f.Type == protocol.TypeReply, f.Type == protocol.TypeError && f.ID != 0:
		dst = s.calls.Answer(dst, f)
	case f.Type == protocol.TypeError && f.Code == protocol.CodeTokenExpired:
		s.calls.Become(feathers.Account{})
	case f.Type == protocol.TypeEvent:
		dst = appendEvent(dst, f.Event, f.Data)
	case f.Type == protocol.TypeGap:
		// It cannot be said in Primus' words. A client that lost its connection comes back, and loads anew what it
		// shows.
		s.line.Fail(&protocol.Error{Code: protocol.CodeSequenceGap, Reason: "messages were lost", Hint: "Come back, and load what you show anew."})
	}
	return dst, 0
}

// Farewell implements transports.Talk. A client that is not to come back is told so: it knows no close numbers.
func (s *spark) Farewell(last *protocol.ServerFrame) (back []byte, number int) {
	switch {
	case last == nil:
		return nil, 1000
	case last.Code == protocol.CodeShuttingDown:
		return nil, 1001
	case !last.Retry:
		back = protocol.AppendText(nil, quote(wordClose))
	}
	return back, last.Code.Row().Close
}

var errSilent = &protocol.Error{Code: protocol.CodeHeartbeatTimeout, Reason: "nothing was heard of the client since the last ping", Hint: "Answer primus::ping:: with primus::pong::."}

// Due implements transports.Talk.
func (s *spark) Due(now, heard time.Time) transports.Due {
	if !s.begun { // the first ping comes after an interval
		s.begun = true
		return transports.Due{Next: now.Add(s.language.cfg.PingInterval)}
	}
	if heard.Before(s.pinged) {
		return transports.Due{End: errSilent}
	}
	s.pinged = now
	ping := quote(wordPing + strconv.FormatInt(now.UnixMilli(), 10))
	return transports.Due{Back: protocol.AppendText(nil, ping), Next: now.Add(s.language.cfg.PingInterval)}
}
