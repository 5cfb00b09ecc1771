package pakyow

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"tidings/protocol"
	"tidings/transports"
)

// talk is one page's part.
type talk struct {
	lang *Language

	mu      sync.Mutex // guards all below
	next    uint64     // the last id of a native request
	waiting map[uint64]*request
}

var _ transports.Talk = (*talk)(nil)

func newTalk(l *Language) *talk { return &talk{lang: l, waiting: map[uint64]*request{}} }

// maxWaiting bounds the requests of one page that wait for the application.
const maxWaiting = 64

// Hear implements transports.Talk. What is no request is answered, where the original is silent.
func (t *talk) Hear(message []byte) transports.Heard {
	r, wrong := decode(message)
	if wrong != "" {
		heard := transports.Heard{Back: answer(r.id, http.StatusBadRequest, wrong)}
		if r.id == "" {
			heard.Malformed = &protocol.Error{Code: protocol.CodeBadRequest, Reason: wrong, Hint: `Send {"id", "action", …}.`}
		}
		return heard
	}
	call := protocol.ClientFrame{Type: protocol.TypeCall, Method: r.action, Data: r.rest}
	switch r.action {
	case "ping":
		return transports.Heard{Back: answer(r.id, http.StatusOK, "pong")}
	case "call-route", "call_route":
		if r.part != "" {
			return t.unsupported(r, "call-route with "+r.part)
		}
		if call.Method, call.Data, wrong = routed(r); wrong != "" {
			return transports.Heard{Back: answer(r.id, http.StatusBadRequest, wrong)}
		}
	case "fetch-view":
		return t.unsupported(r, r.action)
	case "reply", "document", "sign_in", "route":
		return transports.Heard{Back: answer(r.id, http.StatusNotFound, "there is no such action")} // a native call of that name is no handler
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) >= maxWaiting {
		return transports.Heard{Back: answer(r.id, http.StatusServiceUnavailable, "too many requests wait for their answers")}
	}
	t.next++
	call.ID = t.next
	r.rest, r.input = nil, nil
	t.waiting[call.ID] = r
	return transports.Heard{Frames: []protocol.ClientFrame{call}}
}

func routed(r *request) (method string, data []byte, wrong string) {
	data, wrong = r.route()
	return "route", data, wrong
}

func (t *talk) unsupported(r *request, what string) transports.Heard {
	t.lang.Lack(what)
	return transports.Heard{Back: answer(r.id, http.StatusNotImplemented, what+" is not supported by this server. docs/gateways.md of Tidings lists what is.")}
}

// answer makes a response with a status and a text.
func answer(id string, status int, body string) []byte {
	var b []byte
	b = append(b, '{')
	if id != "" {
		b = append(appendText(append(b, `"id":`...), id), ',')
	}
	b = strconv.AppendInt(append(b, `"status":`...), int64(status), 10)
	b = appendText(append(b, `,"headers":{},"body":`...), body)
	return protocol.AppendText(nil, append(b, '}'))
}

// Shared implements transports.Talk: a push is the same for all pages.
func (t *talk) Shared(e *protocol.Encoded) []byte {
	if e.Message == nil {
		return nil
	}
	return e.As("pakyow", pushed)
}

// Say implements transports.Talk.
func (t *talk) Say(dst []byte, e *protocol.Encoded) (said []byte, wait time.Duration) {
	f := e.Frame
	switch f.Type {
	case protocol.TypeEvent: // of a push to this one socket
		return protocol.AppendText(dst, appendPush(nil, f.Data, f.Event)), 0
	case protocol.TypeReply, protocol.TypeError:
		t.mu.Lock()
		r := t.waiting[f.ID]
		delete(t.waiting, f.ID)
		t.mu.Unlock()
		if r != nil {
			return append(dst, r.answered(f)...), 0
		}
	}
	return dst, 0
}

// answered makes the response of what the bus answered.
func (r *request) answered(f *protocol.ServerFrame) []byte {
	if f.Type == protocol.TypeError {
		return answer(r.id, f.Code.Row().HTTP, f.Message+". "+f.Hint)
	}
	if r.action == "call-route" || r.action == "call_route" {
		var got struct {
			Status int             `json:"status"`
			Body   json.RawMessage `json:"body"`
		}
		json.Unmarshal(f.Data, &got)
		body, err := protocol.ReadString(got.Body)
		if err != nil {
			body = string(got.Body) // of a page a body is text
		}
		return answer(r.id, got.Status, body)
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(f.Data, &members) != nil || members == nil { // no object
		members = map[string]json.RawMessage{"body": f.Data}
	}
	members["id"] = appendText(nil, r.id)
	b, _ := json.Marshal(members) // of members that are JSON
	return protocol.AppendText(nil, b)
}

// Farewell implements transports.Talk. Pages come back after any number.
func (t *talk) Farewell(last *protocol.ServerFrame) (back []byte, number int) {
	return nil, transports.GoodbyeNumber(last)
}

// Due implements transports.Talk. There is nothing to do by the clock: pages ping by themselves.
func (t *talk) Due(_, _ time.Time) transports.Due { return transports.Due{} }
