package model

import (
	"encoding/json"
	"fmt"

	"tidings/core"
	"tidings/protocol"
)

// Trace is what one client machine was given and what it asked for. testdata/traces/README.md describes it; the Go and
// the TypeScript client are held to the same ones. As a port it records.
type Trace struct {
	Name  string      `json:"name"`
	Steps []TraceStep `json:"steps"`

	subs     []*core.Subscription
	requests []*core.Request
}

// TraceStep is one input and the port calls that it led to, in order.
type TraceStep struct {
	Op      string          `json:"op"`
	Link    int             `json:"link,omitempty"`
	Sub     int             `json:"sub,omitempty"`
	Request int             `json:"request,omitempty"`
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
	Request   int               `json:"request,omitempty"`
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
	Retry     bool              `json:"retry,omitempty"`
	Tries     int               `json:"tries,omitempty"`
	Code      string            `json:"code,omitempty"`
	Type      string            `json:"type,omitempty"`
}

var _ core.ClientPort = (*Trace)(nil)

// Play feeds steps' inputs to a fresh machine and records what it asks for.
func Play(name string, steps []TraceStep) (*Trace, error) {
	t := &Trace{Name: name}
	c := core.NewClient(t)
	for _, s := range steps {
		s.Calls = nil
		t.Steps = append(t.Steps, s)
		if err := t.play(c, s); err != nil {
			return nil, fmt.Errorf("%s: step %d, %s: %w", name, len(t.Steps), s.Op, err)
		}
	}
	return t, nil
}

func (t *Trace) play(c *core.Client, s TraceStep) error {
	switch s.Op {
	case "subscribe":
		var since protocol.Position
		if s.Since != nil {
			if err := json.Unmarshal(s.Since, &since); err != nil {
				return err
			}
		}
		// Numbered before the call, which may send.
		t.subs = append(t.subs, nil)
		t.subs[len(t.subs)-1] = c.Subscribe(protocol.Channel(s.Channel), s.Filter, since)
	case "unsubscribe":
		c.Unsubscribe(t.subs[s.Sub-1])
	case "request":
		frames, err := protocol.DecodeClientFrames(s.Frame)
		if err != nil {
			return err
		}
		f := frames[0]
		f.ID = 0
		t.requests = append(t.requests, c.Request(f))
	case "open":
		c.Open(s.Link, "")
	case "lost":
		c.Lost(s.Link)
	case "frame":
		frames, err := protocol.DecodeServerFrames(s.Frame)
		if err != nil {
			return err
		}
		c.Frame(s.Link, &frames[0])
	case "ping":
		c.Ping()
	case "retry":
		c.Retry()
	case "ask":
		c.Ask()
	case "goodbye":
		c.Goodbye()
	default:
		return fmt.Errorf("an unknown op")
	}
	return nil
}

func (t *Trace) input(s TraceStep) { t.Steps = append(t.Steps, s) }

func (t *Trace) output(c TraceCall) {
	last := &t.Steps[len(t.Steps)-1]
	last.Calls = append(last.Calls, c)
}

// number returns a subscription's number, in the order in which they were made, from 1.
func (t *Trace) number(s *core.Subscription) int {
	for i, known := range t.subs {
		if known == s {
			return i + 1
		}
	}
	return 0
}

// asked returns a request's number, 0 for an unsubscribe of the machine's own.
func (t *Trace) asked(r *core.Request) int {
	for i, known := range t.requests {
		if known == r {
			return i + 1
		}
	}
	return 0
}

func (t *Trace) Send(link int, frames ...protocol.ClientFrame) {
	t.output(TraceCall{Call: "send", Link: link, Frames: clientFrames(frames)})
}

func (t *Trace) Message(s *core.Subscription, m *protocol.Message) {
	t.output(TraceCall{Call: "message", Sub: t.number(s), Offset: m.Offset, ID: m.ID, Data: m.Data})
}

func (t *Trace) Gap(s *core.Subscription, g core.Gap) {
	t.output(TraceCall{Call: "gap", Sub: t.number(s), Reason: string(g.Reason), Last: at(g.Last), From: at(g.From)})
}

func (t *Trace) Subscribed(s *core.Subscription, recovered bool) {
	t.output(TraceCall{Call: "subscribed", Sub: t.number(s), Recovered: recovered, At: at(s.Cursor())})
}

func (t *Trace) Ended(s *core.Subscription, err *protocol.Error) {
	t.output(TraceCall{Call: "ended", Sub: t.number(s), Code: string(err.Code)})
}

func (t *Trace) Answered(r *core.Request, _ *protocol.ServerFrame, err *protocol.Error) {
	call := TraceCall{Call: "answered", Request: t.asked(r), Type: r.Frame.Type}
	if err != nil {
		call.Code = string(err.Code)
	}
	t.output(call)
}

func (t *Trace) Connected(link int, resumed bool) {
	t.output(TraceCall{Call: "connected", Link: link, Resumed: resumed})
}

func (t *Trace) Disconnected(link int, d *protocol.ServerFrame) {
	t.output(TraceCall{Call: "disconnected", Link: link, Code: string(d.Code), Retry: d.Retry})
}

func (t *Trace) News(_ *core.Subscription, f *protocol.ServerFrame) { t.Other(f) }

func (t *Trace) Other(f *protocol.ServerFrame) { t.output(TraceCall{Call: "other", Type: f.Type}) }

// Stuck is not in a trace: RetryLater comes with it.
func (t *Trace) Stuck(*core.Subscription) {}

func (t *Trace) RetryLater() { t.output(TraceCall{Call: "retryLater"}) }

func (t *Trace) AskLater(tries int) { t.output(TraceCall{Call: "askLater", Tries: tries}) }

func at(p protocol.Position) json.RawMessage {
	if p.IsZero() {
		return nil
	}
	return fmt.Appendf(nil, `{"epoch":%q,"offset":%d,"tag":%q}`, p.Epoch, p.Offset, p.Tag)
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
		return protocol.AppendMessage(nil, f.Msg, protocol.View{Room: f.Room, Prev: f.Msg.Prev, Out: f.Msg.View().Out})
	}
	return protocol.AppendServerFrame(nil, f)
}
