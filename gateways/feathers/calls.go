package feathers

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"

	"tidings/protocol"
)

// Line is what Calls can do of their own accord.
type Line interface {
	// Send passes frames to the session.
	Send(frames []protocol.ClientFrame)
	// Fail ends the connection.
	Fail(fault *protocol.Error)
}

// Calls are the events that one connection's client sends: calls of services, and all others, which are for the
// application behind the server. It keeps those whose answers have not come. The fields are set before it is used; what
// they are called with must not be kept.
type Calls struct {
	Services *Services
	Line     Line
	// Lack counts what was asked for and is not offered.
	Lack func(action string)
	// Acknowledge appends the acknowledgement of the event with an id. arguments are a JSON array.
	Acknowledge func(dst, id, arguments []byte) []byte

	mu      sync.Mutex // guards all below
	who     Account
	last    uint64 // id of a request
	pending map[uint64]pending
}

// pending is a request whose answer has not come.
type pending struct {
	id     []byte // of the event that is to be acknowledged; nil for none
	answer func(*protocol.ServerFrame) []byte
	next   func(*protocol.ServerFrame, Account) *Ask // what is asked after the answer; nil for most
	before *Account                                  // who the client is again if the request fails; nil if it does not matter
}

// maxPending bounds the requests of a client that wait for their answers. The session bounds most of them further.
const maxPending = 256

var errPending = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "too many requests wait for their answers", Hint: "Wait for some of them."}

// Become sets who the client is, if that has another cause than its calls.
func (c *Calls) Become(who Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.who = who
}

// Tell returns a frame with an id of which no answer is told to the client.
func (c *Calls) Tell(f protocol.ClientFrame) protocol.ClientFrame { return c.ask(f, pending{}) }

func (c *Calls) ask(f protocol.ClientFrame, p pending) protocol.ClientFrame {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending == nil {
		c.pending = map[uint64]pending{}
	}
	c.last++
	f.ID = c.last
	if who := c.who.After(&f); who != c.who {
		before := c.who
		p.before, c.who = &before, who
	}
	c.pending[f.ID] = p
	return f
}

// Event carries an event of the client out. It returns what the session is asked, and what the client hears at once. id
// is that of the acknowledgement that is wanted, nil for none.
func (c *Calls) Event(name string, args []json.RawMessage, id []byte) (frames []protocol.ClientFrame, back []byte) {
	c.mu.Lock()
	full, who := len(c.pending) >= maxPending, c.who
	c.mu.Unlock()
	if full {
		c.Line.Fail(errPending)
		return nil, nil
	}
	if !IsCall(name, args) {
		return c.toApplication(name, args, id)
	}
	return c.call(c.Services.Call(name, args, who), id)
}

// call asks what a call comes to, or acknowledges it at once.
func (c *Calls) call(call *Ask, id []byte) (frames []protocol.ClientFrame, back []byte) {
	if call.Missing != "" {
		c.Lack(call.Missing)
	}
	if arguments := call.Arguments(); arguments != nil {
		return nil, c.acknowledge(id, arguments)
	}
	frames = slices.Clone(call.Frames)
	for i, f := range frames {
		request := pending{}
		if i == len(frames)-1 {
			request.id, request.answer, request.next = bytes.Clone(id), call.Answer, call.Next
		}
		frames[i] = c.ask(f, request)
	}
	return frames, nil
}

// acknowledge returns the acknowledgement of an event, if the client wants one.
func (c *Calls) acknowledge(id, arguments []byte) []byte {
	if id == nil {
		return nil
	}
	return c.Acknowledge(nil, id, arguments)
}

// toApplication calls the application with the event's name as the method and its arguments as the data. An array that
// the application answers is the arguments of the acknowledgement, and anything else is the only one.
func (c *Calls) toApplication(name string, args []json.RawMessage, id []byte) (frames []protocol.ClientFrame, back []byte) {
	if len(name) > protocol.MaxNameBytes {
		return nil, c.acknowledge(id, NoSuchEvent(name).Arguments())
	}
	data, err := json.Marshal(append([]json.RawMessage{}, args...))
	if err == nil {
		data, err = protocol.CompactJSON(data)
	}
	switch name {
	case "document", "reply", "route", "sign_in", "feathers": // methods of our own protocol, or of a gateway
		err = protocol.Internal
	}
	if err != nil {
		return nil, c.acknowledge(id, NoSuchEvent(name).Arguments())
	}
	answer := func(f *protocol.ServerFrame) []byte {
		switch {
		case f.Type == protocol.TypeError && f.Code == protocol.CodeUnsupported:
			c.Lack("event")
			return NoSuchEvent(name).Arguments()
		case f.Type == protocol.TypeError:
			return FaultOf(f).Arguments()
		case len(f.Data) > 0 && f.Data[0] == '[':
			return f.Data
		}
		return append(append([]byte{'['}, f.Data...), ']')
	}
	return []protocol.ClientFrame{c.ask(protocol.ClientFrame{Type: protocol.TypeCall, Method: name, Data: data}, pending{id: bytes.Clone(id), answer: answer})}, nil
}

// Answer appends the acknowledgement that the answer to a request is, if one is wanted.
func (c *Calls) Answer(dst []byte, f *protocol.ServerFrame) []byte {
	c.mu.Lock()
	p, ok := c.pending[f.ID]
	delete(c.pending, f.ID)
	if p.before != nil && f.Type == protocol.TypeError {
		c.who = *p.before
	}
	who := c.who
	c.mu.Unlock()
	if ok && p.next != nil {
		if next := p.next(f, who); next != nil {
			frames, back := c.call(next, p.id)
			if len(frames) > 0 {
				c.Line.Send(frames)
			}
			return append(dst, back...)
		}
	}
	if !ok || p.id == nil || p.answer == nil {
		return dst
	}
	return c.Acknowledge(dst, p.id, p.answer(f))
}
