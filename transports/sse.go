package transports

import (
	"bytes"
	"net/http"
	"time"

	"tidings/internal/patience"
	"tidings/protocol"
)

// eventStream is one SSE stream.
type eventStream struct {
	stream
	plain   bool
	endAt   time.Time     // when it is rotated
	over    chan struct{} // closed when the conn is; nil for a hijacked conn
	garbage int           // bytes that came after the request
}

// SSE serves GET and POST /bus/sse.
func (h *Handler) SSE(w http.ResponseWriter, r *http.Request) {
	origin, ok := h.admit(w, r, http.MethodGet, http.MethodPost)
	if !ok {
		return
	}
	peer, err := h.peer(r, protocol.SSE, origin)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	ev := &eventStream{}
	ev.init(h, sseKind, sseForm{})
	ev.alarm.owner = ev
	frames, err := ev.frames(w, r, &peer)
	if err != nil {
		ev.refuse(w, r, err)
		return
	}
	if frames[0].Type == protocol.TypePing {
		h.proveStream(w, r, frames[0].ID)
		return
	}
	ev.sends = !ev.plain // before the bus knows the stream: a POST /bus/send may come at once
	session, gen, err := h.bus.Open(r.Context(), peer, &frames[0], ev)
	if err != nil {
		ev.refuse(w, r, err)
		return
	}
	h.endElsewhere(&frames[0], peer, whenceOf(r))
	if len(frames) > 1 {
		err = session.Receive(gen, frames[1:])
	}
	if err != nil {
		session.Lost(gen, "")
		ev.refuse(w, r, err)
		return
	}
	ev.delayFor(len(frames))
	ev.serve(w, r, session, gen)
}

// frames returns the frames that open the stream: the body of a POST, or those that the URL of a GET stands for.
func (ev *eventStream) frames(w http.ResponseWriter, r *http.Request, peer *protocol.Peer) ([]protocol.ClientFrame, error) {
	if r.Method == http.MethodPost {
		frames, _, err := opening(w, r)
		if err == nil {
			err = opens(frames, protocol.TypeConnect)
		}
		return frames, err
	}
	q, err := plainQuery(r, true)
	if err != nil {
		return nil, err
	}
	if q == nil {
		return nil, badQuery("the URL names no channel")
	}
	if peer.Ticket = q.ticket; q.ticket != "" && peer.Token != "" {
		return nil, badQuery("the request has a ticket and a token")
	}
	peer.Plain, ev.plain = true, true
	peer.Stream = q.stream()
	ev.form = plainForm{plain: newPlain(q)}
	return append([]protocol.ClientFrame{*connectFrame()}, q.frames()...), nil
}

// proveStream answers a ping with a stream that brings the pong and then stays open, for at most a ConnectDeadline. A
// client that gets the event while the response is still open knows that no proxy on the way buffers streams. No
// session is made.
func (h *Handler) proveStream(w http.ResponseWriter, r *http.Request, id uint64) {
	setStreamHeader(w.Header())
	event := sseForm{}.add(nil, protocol.PongFrame(id))
	if _, err := w.Write(event); err != nil || http.NewResponseController(w).Flush() != nil {
		return
	}
	end := time.NewTimer(h.cfg.ConnectDeadline)
	defer end.Stop()
	select {
	case <-end.C:
	case <-r.Context().Done():
	case <-h.ctx.Done():
	}
}

// refuse answers with an error. An EventSource never comes back after any status but 200, so a plain client that may
// try again gets a stream, which names the time to come back, has the error as an event, and ends.
func (ev *eventStream) refuse(w http.ResponseWriter, r *http.Request, err error) {
	h := ev.h
	fault := h.asError(err)
	if !ev.plain || !fault.Code.Row().Retry || fault.Code == protocol.CodeTokenExpired { // which the same URL never mends
		h.refuse(w, r, fault)
		return
	}
	h.noteRefusal(r, fault)
	after := max(protocol.RetryAfter(fault.Code), time.Second)
	body := appendRetry([]byte(": tidings\n"), after, after/2)
	body = append(body, protocol.Encode(&protocol.ServerFrame{
		Type: protocol.TypeError, Code: fault.Code, Message: fault.Reason, Hint: fault.Hint, Retry: true,
	}).SSE()...)
	setStreamHeader(w.Header())
	w.WriteHeader(http.StatusOK)
	w.Write(body)
}

func setStreamHeader(header http.Header) {
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store, no-transform")
	header.Set("X-Accel-Buffering", "no")
	header.Set("X-Content-Type-Options", "nosniff")
}

// serve takes the conn over and returns. If it cannot be taken, serve writes through the response until the stream
// ends.
func (ev *eventStream) serve(w http.ResponseWriter, r *http.Request, session Session, gen uint64) {
	header := w.Header()
	setStreamHeader(header)
	if r.ProtoMajor == 1 {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.SetDeadline(time.Time{})
			ev.conn, _ = bare(conn)
			ev.aside = responseHead(header)
		}
	}
	if ev.conn == nil {
		w.WriteHeader(http.StatusOK)
		ev.over = make(chan struct{})
		ev.conn = newResponseConn(w, ev.over)
	}
	ev.aside = append(ev.aside, ev.greeting()...)
	if !ev.begin() {
		session.Lost(gen, "")
		return
	}
	ev.bind(session, gen)
	ev.startWriting()
	if ev.over == nil {
		ev.h.readers.watch(ev)
		return
	}
	select {
	case <-r.Context().Done():
		ev.hangUp()
	case <-ev.over:
	}
}

func (ev *eventStream) begin() bool {
	now := time.Now()
	life := ev.h.cfg.StreamLifetime
	ev.endAt = now.Add(patience.Jittered(life))
	return ev.start(now.Add(min(ev.h.cfg.Heartbeat, life-life/5)))
}

// greeting returns what is sent at once, so that a client notices a proxy that buffers the stream. An EventSource is
// asked to come back after one to three seconds.
func (ev *eventStream) greeting() []byte {
	if ev.plain {
		return append(appendRetry([]byte(": tidings\n"), time.Second, 2*time.Second), '\n')
	}
	return []byte(": tidings\n\n")
}

func responseHead(header http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	header.Set("Connection", "close")
	header.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}

var comment = []byte(":\n\n")

// due keeps a stream's deadlines: its rotation, the comment after a silence of ours, the end after one of the client's.
func (ev *eventStream) due(now time.Time) time.Time {
	if next, ended := ev.patience(now); ended {
		return next
	}
	if !now.Before(ev.endAt) {
		ev.fail(&protocol.Error{Code: protocol.CodeRotated, Reason: "the stream was ended in turn", Hint: "Come back at once."})
		return time.Time{}
	}
	next := ev.endAt
	if !ev.plain {
		lost := ev.heardAt().Add(ev.h.cfg.silence())
		if !now.Before(lost) {
			ev.fail(errSilent)
			return time.Time{}
		}
		next = sooner(next, lost)
	}
	// A tick early, so that a proxy never sees more than a heartbeat of silence.
	quiet := ev.wroteAt().Add(ev.h.cfg.Heartbeat - ev.h.wheel.tick)
	if !now.Before(quiet) {
		ev.put(comment)
		quiet = now.Add(ev.h.cfg.Heartbeat - ev.h.wheel.tick)
	}
	return sooner(next, quiet)
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// maxGarbage bounds what a client may send after its request, when nothing is expected.
const maxGarbage = 16 << 10

// read notices that the client closes.
func (ev *eventStream) read() bool {
	var b [64]byte
	var n int
	var err error
	if ev.watched {
		n, err = ev.tryRead(b[:])
	} else {
		n, err = ev.conn.Read(b[:])
	}
	if ev.dry = err == errDry; ev.dry {
		return true
	}
	if ev.garbage += n; err == nil && ev.garbage <= maxGarbage {
		return true
	}
	ev.lose("")
	ev.shut()
	return false
}

func (ev *eventStream) shallow() bool { return true }

func (ev *eventStream) crashed(cause any) {
	ev.fail(ev.h.panicked(cause))
	ev.shut()
}
