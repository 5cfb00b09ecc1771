package transports

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tidings/core"
	"tidings/internal/patience"
	"tidings/protocol"
)

// visitor is a client of a gateway that polls, and the link of its session, whose requests come and go.
type visitor struct {
	h      *Handler
	tongue *tongue
	form   *Polling
	talk   Talk
	name   string
	peer   protocol.Peer
	alarm  alarm
	bound  atomic.Pointer[binding]
	wake   chan struct{} // has space for one signal, for the GET that waits

	// The POST's own:
	parts core.Bucket
	bytes core.Bucket

	mu      sync.Mutex // guards all below
	getting bool       // a GET waits, or is answered
	posting bool
	aside   []byte // what is said beside the outbox, as WebSocket frames
	ended   bool
	last    []byte    // the farewell, as WebSocket frames
	lost    bool      // the bus knows that this link is lost
	retired bool      // forgotten
	heard   time.Time // when it said something last
	by      time.Time // when its session must be open, or, once it has ended, its farewell fetched
	next    time.Time // when the talk is due

	unmet bool // it has no session yet; guarded by visitors
}

var _ core.Link = (*visitor)(nil)

// farewellTime is how long a farewell waits for the next GET.
const farewellTime = protocol.PongDeadline

// signal wakes the GET that waits.
func (v *visitor) signal() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Wake implements core.Link.
func (v *visitor) Wake() { v.signal() }

// End implements core.Link.
func (v *visitor) End(last *protocol.Encoded) {
	v.mu.Lock()
	v.lost = true
	v.mu.Unlock()
	v.finish(last)
}

// Send implements Line.
func (v *visitor) Send(frames []protocol.ClientFrame) {
	if b := v.bound.Load(); b != nil {
		if err := b.session.Receive(b.gen, frames); err != nil {
			v.Fail(v.h.asError(err))
		}
	}
}

// Fail implements Line.
func (v *visitor) Fail(fault *protocol.Error) {
	v.h.noteClosing(&v.peer, fault)
	v.finish(protocol.Encode(disconnect(fault)))
	v.lose(fault.Code)
}

// failFor is Fail for a request that could not be read, which is refused.
func (v *visitor) failFor(w http.ResponseWriter, r *http.Request, err error) {
	v.Fail(v.h.asError(err))
	v.h.refuse(w, r, err)
}

func (v *visitor) closeNow() { v.End(nil) }

// finish has the farewell fetched by a GET.
func (v *visitor) finish(last *protocol.Encoded) {
	farewell := talkForm{v.talk}.farewell(last)
	at := time.Now().Add(farewellTime)
	v.mu.Lock()
	if v.ended {
		v.mu.Unlock()
		return
	}
	v.ended, v.last, v.by = true, farewell, at
	v.mu.Unlock()
	v.h.wheel.set(&v.alarm, at)
	v.signal()
}

// lose reports to the bus, once, that this link is gone.
func (v *visitor) lose(code protocol.Code) {
	v.mu.Lock()
	lost, b := v.lost, v.bound.Load()
	v.lost = true
	v.mu.Unlock()
	if b != nil && !lost {
		b.session.Lost(b.gen, code)
	}
}

// leave forgets a client that is gone.
func (v *visitor) leave() {
	v.finish(nil)
	v.lose("")
	v.retire()
}

// retire forgets the client. Only the first call does something.
func (v *visitor) retire() {
	v.mu.Lock()
	retired := v.retired
	v.retired = true
	v.mu.Unlock()
	if retired {
		return
	}
	v.tongue.visitors.remove(v)
	v.h.wheel.remove(&v.alarm)
	v.h.forget(v)
	v.tongue.tally.end()
}

// answerBack is what the talk says by itself. A client that does not fetch it is cut.
func (v *visitor) answerBack(p []byte) {
	v.mu.Lock()
	full := len(v.aside)+len(p) > maxBack && len(v.aside) > 0
	if !full {
		v.aside = append(v.aside, p...)
	}
	v.mu.Unlock()
	if full {
		v.tongue.tally.slow.Add(1)
		v.Fail(&protocol.Error{Code: protocol.CodeSlowConsumer, Reason: "answers come faster than they are read", Hint: "Read what the server sends."})
		return
	}
	v.signal()
}

// due keeps the deadlines.
func (v *visitor) due(now time.Time) time.Time {
	v.mu.Lock()
	ended, by, next, heard := v.ended, v.by, v.next, v.heard
	v.mu.Unlock()
	waits := v.bound.Load() == nil
	switch {
	case ended && now.Before(by):
		return by
	case ended:
		go v.leave() // which removes the alarm
		return time.Time{}
	case waits && !now.Before(by):
		v.Fail(errNeverMet)
		return now.Add(farewellTime)
	}
	if next.IsZero() || !now.Before(next) {
		due := v.talk.Due(now, heard)
		if len(due.Back) > 0 {
			v.answerBack(due.Back)
		}
		if due.End != nil {
			v.Fail(due.End)
			return now.Add(farewellTime)
		}
		if next = due.Next; next.IsZero() {
			next = now.Add(24 * time.Hour)
		}
		v.mu.Lock()
		v.next = next
		v.mu.Unlock()
	}
	if waits && by.Before(next) {
		return by
	}
	return next
}

// gather returns the body of an answer, or nil if there is nothing to say, and whether that is the last one. It is the
// talk's writer. What the talk says at last goes before the end, in an answer of its own: a client may look at what ends
// its transport before it looks at other messages of one answer.
func (v *visitor) gather() (body []byte, over bool) {
	v.mu.Lock()
	said, last, ended := v.aside, v.last, v.ended
	v.aside, v.last = nil, nil
	v.mu.Unlock()
	if b := v.bound.Load(); b != nil && !ended {
		frames := b.outbox.Take(b.gen, nil, protocol.MaxOutboxFrames, protocol.RecoveryPageBytes)
		messages := 0
		for _, e := range frames {
			said = talkForm{v.talk}.add(said, e)
			if e.Message != nil {
				messages++
			}
		}
		v.tongue.tally.wrote(len(frames), messages)
	}
	body = v.form.appendTexts(nil, said)
	switch last = v.form.appendTexts(nil, last); {
	case ended && last != nil:
		body = v.form.append(body, last)
	case ended:
		body, over = v.form.append(body, []byte(v.form.End)), true
	}
	if body != nil {
		v.tongue.tally.flushed(len(body))
	}
	return body, over
}

// hear passes a message to the talk.
func (v *visitor) hear(message []byte) {
	v.tongue.heard.Add(1)
	heard := v.talk.Hear(message)
	if len(heard.Back) > 0 {
		v.answerBack(heard.Back)
	}
	if heard.Malformed != nil {
		v.tongue.malformed.Add(1)
	}
	b := v.bound.Load()
	switch {
	case b == nil && heard.Malformed != nil:
		v.Fail(heard.Malformed)
	case b == nil && len(heard.Frames) > 0:
		v.connect(&heard.Frames[0], heard.Frames[1:])
	case b != nil && heard.Malformed != nil:
		b.session.Fault(b.gen, nil, heard.Malformed)
	case len(heard.Frames) > 0:
		v.Send(heard.Frames)
	}
}

func (v *visitor) isEnded() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ended
}

// connect opens the session.
func (v *visitor) connect(connect *protocol.ClientFrame, rest []protocol.ClientFrame) {
	ctx := patience.New(v.h.ctx, protocol.ConnectDeadline)
	defer ctx.End()
	session, gen, err := v.h.bus.Open(ctx, v.peer, connect, v)
	if err != nil {
		v.Fail(v.h.asError(err))
		return
	}
	v.mu.Lock()
	v.bound.Store(&binding{session, session.Outbox(), gen})
	lost := v.lost
	v.mu.Unlock()
	v.tongue.visitors.met(v)
	if lost {
		session.Lost(gen, "")
	}
	if len(rest) > 0 {
		v.Send(rest)
	}
	v.signal()
}

// visitors are the clients of one language that poll.
type visitors struct {
	mu     sync.Mutex // guards all below
	byName map[string]*visitor
	unmet  int // how many have no session yet
}

// maxUnmet bounds the clients that have polled and not said who they are, each of which has 10 s for that.
const maxUnmet = 4096

// add notes a client. It reports false if there are too many.
func (s *visitors) add(v *visitor) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unmet >= maxUnmet {
		return false
	}
	if s.byName == nil {
		s.byName = map[string]*visitor{}
	}
	s.byName[v.name] = v
	s.unmet++
	v.unmet = true
	return true
}

// met notes that a client has a session.
func (s *visitors) met(v *visitor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.unmet {
		v.unmet = false
		s.unmet--
	}
}

func (s *visitors) remove(v *visitor) {
	s.met(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byName, v.name)
}

func (s *visitors) find(name string) *visitor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byName[name]
}

var errUnmet = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many clients have begun to poll and not connected", Hint: "Try again in a moment."}

var errNeverMet = &protocol.Error{Code: protocol.CodeConnectTimeout, Reason: "no session was opened", Hint: "Open it within 10 s."}

// polling returns how the language is spoken by requests; nil if it is not.
func (t *tongue) polling() *Polling {
	if p, ok := t.Language.(Polled); ok {
		return p.Polling()
	}
	return nil
}

// unknown answers a request of a session that is not known here.
func (t *tongue) unknown(w http.ResponseWriter) { t.polling().Unknown(w) }

// newVisitor returns a client that begins to poll, or why it may not. Its clock runs from start on.
func newVisitor(h *Handler, t *tongue, g *Greeting, peer protocol.Peer) (*visitor, error) {
	now := time.Now()
	peer.Transport = protocol.Poll
	v := &visitor{h: h, tongue: t, form: t.polling(), talk: g.Talk, name: g.Session, peer: peer, wake: make(chan struct{}, 1), aside: g.First, heard: now, by: now.Add(protocol.ConnectDeadline)}
	v.alarm.owner = v
	if !t.visitors.add(v) {
		return nil, errUnmet
	}
	t.tally.begin()
	return v, nil
}

// start begins to keep the deadlines.
func (v *visitor) start() {
	if !v.h.register(v) {
		v.leave()
	}
	v.h.wheel.set(&v.alarm, time.Now())
}
