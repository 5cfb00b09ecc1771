package kuzzle

import (
	"net/http"
	"sync"
	"time"

	"tidings/protocol"
	"tidings/transports"
)

// talk is one client's part.
type talk struct {
	lang *Language

	mu         sync.Mutex // guards all below
	line       transports.Line
	connection string // the client's public name in the bus
	next       uint64 // the last id of a native request
	waiting    map[uint64]asked
	rooms      map[string]*room // by id
	user       string           // who the client is, by the token that the bus took last
	token      string
	signing    bool            // a token is being looked at: requests wait in held
	held       []*request      // in their order
	lost       bool            // a subscription ended meanwhile
	pinged     uint64          // the last ping that was said
	ponged     uint64          // … and that was answered
	over       *protocol.Error // why the connection ends, or nil
	post       *posted         // where the answer goes over HTTP; nil over a WebSocket
	backend    string          // whose API key the one request has; "" for a client

	// what the call that is under way has to say
	out    []byte
	frames []protocol.ClientFrame
}

// asked is what happens when the bus answers a native request.
type asked func(f *protocol.ServerFrame)

var (
	_ transports.Talk   = (*talk)(nil)
	_ transports.Asker  = (*talk)(nil)
	_ transports.Ponged = (*talk)(nil)
)

func newTalk(l *Language) *talk {
	return &talk{lang: l, user: anonymous, waiting: map[uint64]asked{}, rooms: map[string]*room{}}
}

// Open implements transports.Asker.
func (t *talk) Open(line transports.Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line = line
}

// maxWaiting bounds the requests of one client that wait for the bus, or for a token.
const maxWaiting = 256

var pong = protocol.AppendText(nil, []byte(`{"p":2}`))

// Hear implements transports.Talk. Pings are answered here, so that they are not late behind anything.
func (t *talk) Hear(message []byte) transports.Heard {
	if len(message) == 0 {
		return transports.Heard{}
	}
	if isPing(message) {
		return transports.Heard{Back: pong}
	}
	r, wrong := decode(message)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out, t.frames = nil, nil
	switch {
	case wrong != nil:
		t.refuse(r, wrong)
	case t.over != nil:
	case len(t.waiting)+len(t.held) >= maxWaiting:
		t.refuse(r, failure(overloaded))
	case t.signing:
		t.held = append(t.held, r)
	default:
		t.begin(r)
	}
	heard := transports.Heard{Back: t.out, Frames: t.frames}
	if wrong != nil && r.controller == "" && r.action == "" {
		heard.Malformed = &protocol.Error{Code: protocol.CodeBadRequest, Reason: wrong.message, Hint: "Send requests of Kuzzle's API."}
	}
	t.out, t.frames = nil, nil
	return heard
}

// begin carries a request out, once the bus took the token that it shows.
func (t *talk) begin(r *request) {
	do, wrong := t.lang.actionFor(r)
	if wrong != nil {
		t.refuse(r, wrong)
		return
	}
	if r.jwt != nil && *r.jwt != t.token && r.controller != "auth" {
		t.sign(*r.jwt, func(wrong *fault) {
			if wrong == nil {
				wrong = do(t, r)
			}
			t.refuse(r, wrong)
		})
		return
	}
	t.refuse(r, do(t, r))
}

// refuse ends a request with a fault; it does nothing if that is nil.
func (t *talk) refuse(r *request, wrong *fault) {
	if wrong != nil {
		t.respond(r, nil, wrong)
	}
}

// answer ends a request with its result.
func (t *talk) answer(r *request, result []byte) {
	t.respond(r, result, nil)
}

func (t *talk) respond(r *request, result []byte, wrong *fault) {
	text := appendAnswer(nil, r, t.lang.node, result, wrong)
	if t.post == nil {
		t.say(text)
		return
	}
	*t.post = posted{http.StatusOK, text}
	if wrong != nil {
		t.post.status = wrong.status
	}
}

func (t *talk) say(text []byte) { t.out = protocol.AppendText(t.out, text) }

// ask sends a request to the bus, whose answer then is called with.
func (t *talk) ask(f protocol.ClientFrame, then asked) {
	t.next++
	f.ID = t.next
	t.waiting[f.ID] = then
	t.frames = append(t.frames, f)
}

// refused returns the fault if the bus refused what r asked for, else nil.
func (t *talk) refused(r *request, f *protocol.ServerFrame) *fault {
	if f.Type != protocol.TypeError {
		return nil
	}
	return refusal(r, t.asker(), f.Code, f.Message)
}

// asker is who asks, as refusals name it.
func (t *talk) asker() string {
	if t.backend != "" {
		return t.backend
	}
	return t.user
}

// Shared implements transports.Talk: a message for one channel is the same for all who have it.
func (t *talk) Shared(e *protocol.Encoded) []byte {
	if e.Message == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hearingOf(e.Seen().Room)
	switch {
	case h == nil:
		return nothing
	case len(h.channels) != 1 || e.Message.Reset() || h.channels[0].isFresh(t.ponged):
		return nil
	}
	return t.lang.notification(e, h.channels[0].users)
}

var nothing = []byte{}

// Say implements transports.Talk.
func (t *talk) Say(dst []byte, e *protocol.Encoded) (said []byte, wait time.Duration) {
	t.mu.Lock()
	if t.over != nil {
		t.mu.Unlock()
		return dst, 0
	}
	if wait = t.fresh(e); wait > 0 {
		t.mu.Unlock()
		return dst, wait
	}
	t.out, t.frames = dst, nil
	if e.Message != nil {
		t.hearMessage(e)
	} else {
		t.hearFrame(e.Frame)
	}
	said = t.out
	frames, over, line := t.frames, t.over, t.line
	t.out, t.frames = nil, nil
	t.mu.Unlock()
	if over != nil {
		line.Fail(over)
	} else if len(frames) > 0 {
		line.Send(frames)
	}
	return said, 0
}

// hearMessage passes a message on, in each of the client's channels.
func (t *talk) hearMessage(e *protocol.Encoded) {
	h := t.hearingOf(e.Seen().Room)
	switch {
	case h == nil:
	case e.Message.Reset():
		t.end("what changed in a collection cannot be told")
	default:
		for _, c := range h.channels {
			t.out = append(t.out, t.lang.notification(e, c.users)...)
		}
	}
}

// hearFrame takes what the session says beside messages.
func (t *talk) hearFrame(f *protocol.ServerFrame) {
	switch f.Type {
	case protocol.TypeConnected:
		t.connection = f.Connection
	case protocol.TypeSubscribed, protocol.TypeReply, protocol.TypeError:
		if then := t.waiting[f.ID]; then != nil {
			delete(t.waiting, f.ID)
			then(f)
		} else if f.ID == 0 && f.Code == protocol.CodeTokenExpired {
			t.expired()
		}
	case protocol.TypeJoined, protocol.TypeLeft:
		t.hearUsers(f)
	case protocol.TypeGap:
		t.end("messages were missed, and Kuzzle has no words for it")
	case protocol.TypeUnsubscribed:
		switch h := t.hearingOf(f.Room); {
		case h == nil:
		case t.signing:
			t.lost = true // the answer to the login comes first
		default:
			t.end("the rules ended a subscription")
		}
	}
}

// end closes the connection for what this protocol cannot say. The SDK comes back, subscribes anew, and tells its
// application that it did.
func (t *talk) end(reason string) {
	t.over = &protocol.Error{Code: protocol.CodeInternal, Reason: reason, Hint: "Connect again: subscriptions begin anew."}
}

// Farewell implements transports.Talk. The SDK takes 1000 for its own doing, and never comes back.
func (t *talk) Farewell(last *protocol.ServerFrame) (back []byte, number int) {
	return nil, transports.GoodbyeNumber(last)
}

// Due implements transports.Talk. There is nothing to do by the clock: the SDK pings by itself.
func (t *talk) Due(_, _ time.Time) transports.Due { return transports.Due{} }
