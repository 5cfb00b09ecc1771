package model

import (
	"encoding/json"

	"tidings/core"
	"tidings/protocol"
)

// Trace is what one client machine was given and what it asked for, as testdata/traces/README.md describes it.
type Trace struct {
	Name  string      `json:"name"`
	Steps []TraceStep `json:"steps"`

	subs map[*core.Subscription]int
}

// TraceStep is one input and the port calls that it led to, in order.
type TraceStep struct {
	Op      string          `json:"op"`
	Link    int             `json:"link,omitempty"`
	Sub     int             `json:"sub,omitempty"`
	Channel string          `json:"channel,omitempty"`
	Filter  json.RawMessage `json:"filter,omitempty"`
	Since   json.RawMessage `json:"since,omitempty"`
	Frame   json.RawMessage `json:"frame,omitempty"`
	Calls   []TraceCall     `json:"calls,omitempty"`
}

// TraceCall is one call of the port.
type TraceCall struct {
	Call      string            `json:"call"`
	Link      int               `json:"link,omitempty"`
	Sub       int               `json:"sub,omitempty"`
	Frames    []json.RawMessage `json:"frames,omitempty"`
	Offset    uint64            `json:"offset,omitempty"`
	ID        string            `json:"id,omitempty"`
	Data      json.RawMessage   `json:"data,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Last      json.RawMessage   `json:"last,omitempty"`
	From      json.RawMessage   `json:"from,omitempty"`
	At        json.RawMessage   `json:"at,omitempty"`
	Recovered bool              `json:"recovered,omitempty"`
	Resumed   bool              `json:"resumed,omitempty"`
	Request   string            `json:"request,omitempty"`
	Code      string            `json:"code,omitempty"`
}

func newTrace(name string) *Trace { return &Trace{Name: name, subs: map[*core.Subscription]int{}} }

func (t *Trace) input(s TraceStep) { t.Steps = append(t.Steps, s) }

func (t *Trace) output(c TraceCall) {
	last := &t.Steps[len(t.Steps)-1]
	last.Calls = append(last.Calls, c)
}

func (t *Trace) request(f protocol.ClientFrame) {
	f.ID = 0
	t.input(TraceStep{Op: "request", Frame: clientFrames([]protocol.ClientFrame{f})[0]})
}

func (t *Trace) frame(link int, f *protocol.ServerFrame) {
	t.input(TraceStep{Op: "frame", Link: link, Frame: wireServer(f)})
}

// number gives a subscription's number, in the order in which they were made, from 1.
func (t *Trace) number(s *core.Subscription) int {
	if t.subs[s] == 0 {
		t.subs[s] = len(t.subs) + 1
	}
	return t.subs[s]
}

func at(p protocol.Position) json.RawMessage {
	if p.IsZero() {
		return nil
	}
	b, _ := json.Marshal(struct {
		Epoch  string `json:"epoch"`
		Offset uint64 `json:"offset"`
		Tag    string `json:"tag"`
	}{p.Epoch, p.Offset, p.Tag})
	return b
}

func clientFrames(frames []protocol.ClientFrame) []json.RawMessage {
	var out []json.RawMessage
	for i := range frames {
		out = append(out, protocol.AppendClientFrame(nil, &frames[i]))
	}
	return out
}

func wireServer(f *protocol.ServerFrame) json.RawMessage {
	if f.Type == protocol.TypeMessage {
		return protocol.AppendMessage(nil, f.Msg, f.Room, f.Msg.Prev)
	}
	return protocol.AppendServerFrame(nil, f)
}
