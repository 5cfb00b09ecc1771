package primus

import (
	"encoding/json"

	"tidings/gateways/feathers"
	"tidings/protocol"
	"tidings/transports"
)

// pending is a request whose answer has not come.
type pending struct {
	id     json.RawMessage // of the packet that is to be acknowledged; nil for none
	answer func(*protocol.ServerFrame) []byte
	next   func(*protocol.ServerFrame, feathers.Account) *feathers.Ask // what is asked after the answer; nil for most
	before *feathers.Account                                           // who the client is again if the request fails; nil if it does not matter
}

// maxPending bounds the requests of a client that wait for their answers. The session bounds most of them further.
const maxPending = 256

// ask returns a frame with an id, whose answer acknowledges the packet of that id.
func (s *spark) ask(f protocol.ClientFrame, id json.RawMessage, answer func(*protocol.ServerFrame) []byte) protocol.ClientFrame {
	return s.askAs(f, pending{id: id, answer: answer})
}

func (s *spark) askAs(f protocol.ClientFrame, p pending) protocol.ClientFrame {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	f.ID = s.last
	if who := s.who.After(&f); who != s.who {
		before := s.who
		p.before, s.who = &before, who
	}
	s.pending[f.ID] = p
	return f
}

var errPending = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "too many requests wait for their answers", Hint: "Wait for some of them."}

// event carries an event of the client out: a call of a service, or one of the application behind the server.
func (s *spark) event(p *packet) transports.Heard {
	name := p.name()
	if name == "" || reserved(name) {
		return transports.Heard{}
	}
	s.mu.Lock()
	full, who := len(s.pending) >= maxPending, s.who
	s.mu.Unlock()
	if full {
		s.line.Fail(errPending)
		return transports.Heard{}
	}
	if !feathers.IsCall(name, p.data[1:]) {
		return s.toApplication(name, p)
	}
	return s.call(s.language.cfg.Services.Call(name, p.data[1:], who), p.id)
}

// call asks what a call comes to, or acknowledges it at once.
func (s *spark) call(call *feathers.Ask, id json.RawMessage) transports.Heard {
	if call.Missing != "" {
		s.language.Lack(call.Missing)
	}
	if arguments := call.Arguments(); arguments != nil {
		return acknowledge(id, arguments)
	}
	frames := append([]protocol.ClientFrame(nil), call.Frames...)
	for i, f := range frames {
		request := pending{}
		if i == len(frames)-1 {
			request.id, request.answer, request.next = cloned(id), call.Answer, call.Next
		}
		frames[i] = s.askAs(f, request)
	}
	return transports.Heard{Frames: frames}
}

// acknowledge returns the acknowledgement of a packet, if the client wants one.
func acknowledge(id json.RawMessage, arguments []byte) transports.Heard {
	if id == nil {
		return transports.Heard{}
	}
	return transports.Heard{Back: appendAck(nil, id, arguments)}
}

// cloned returns a copy, since a message's bytes are used again.
func cloned(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return nil
	}
	return append(json.RawMessage{}, raw...)
}

// toApplication calls the application with the event's name as the method and its arguments as the data. An array that
// the application answers is the arguments of the acknowledgement, and anything else is the only one.
func (s *spark) toApplication(name string, p *packet) transports.Heard {
	if len(name) > protocol.MaxNameBytes {
		return acknowledge(p.id, feathers.NoSuchEvent(name).Arguments())
	}
	arguments := append([]json.RawMessage{}, p.data[1:]...)
	data, err := json.Marshal(arguments)
	if err == nil {
		data, err = protocol.CompactJSON(data)
	}
	switch name {
	case "document", "reply", "route", "sign_in", "feathers": // methods of our own protocol, or of this gateway
		err = protocol.Internal
	}
	if err != nil {
		return acknowledge(p.id, feathers.NoSuchEvent(name).Arguments())
	}
	answer := func(f *protocol.ServerFrame) []byte {
		switch {
		case f.Type == protocol.TypeError && f.Code == protocol.CodeUnsupported:
			s.language.Lack("event")
			return feathers.NoSuchEvent(name).Arguments()
		case f.Type == protocol.TypeError:
			return feathers.FaultOf(f).Arguments()
		case len(f.Data) > 0 && f.Data[0] == '[':
			return f.Data
		}
		return append(append([]byte{'['}, f.Data...), ']')
	}
	return transports.Heard{Frames: []protocol.ClientFrame{s.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: name, Data: data}, cloned(p.id), answer)}}
}

// answered appends the acknowledgement that the answer to a request is.
func (s *spark) answered(dst []byte, f *protocol.ServerFrame) []byte {
	s.mu.Lock()
	p, ok := s.pending[f.ID]
	delete(s.pending, f.ID)
	if p.before != nil && f.Type == protocol.TypeError {
		s.who = *p.before
	}
	who := s.who
	s.mu.Unlock()
	if ok && p.next != nil {
		if next := p.next(f, who); next != nil {
			heard := s.call(next, p.id)
			if len(heard.Frames) > 0 {
				s.line.Send(heard.Frames)
			}
			return append(dst, heard.Back...)
		}
	}
	if !ok || p.id == nil || p.answer == nil {
		return dst
	}
	return appendAck(dst, p.id, p.answer(f))
}
