package transports

import (
	"net/http"
	"sync/atomic"
	"time"

	"tidings/internal/patience"
	"tidings/protocol"
)

// socket is one WebSocket. The library checks the handshake, reads and checks frames and answers pings (machine). Data
// goes out without it (stream).
type socket struct {
	stream
	intake intake
	// The reader's own:
	machine *machine // while something is read

	opening atomic.Pointer[introduction] // until a session is open; plain clients keep it
}

// introduction is what opens the session of a WebSocket.
type introduction struct {
	peer   protocol.Peer
	from   whence
	plain  *query                 // of a plain client
	frames []protocol.ClientFrame // of a client of a gateway: what its session begins with; nil if that is to come
	first  []byte                 // goes out behind the answer to the handshake
	busy   atomic.Bool
	waited bool
	by     time.Time // when connect must have come
	probed time.Time // when an idle plain client was pinged; the wheel's goroutine only
}

// unasked reports whether the session opens without a connect frame of the client.
func (i *introduction) unasked() bool { return i.plain != nil || i.frames != nil }

// WebSocket serves GET /bus/ws.
func (h *Handler) WebSocket(w http.ResponseWriter, r *http.Request) {
	origin, ok := h.admit(w, r, http.MethodGet)
	if !ok {
		return
	}
	peer, err := h.peer(r, protocol.WebSocket, origin)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	plain, err := plainQuery(r, false)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	peer.Plain = plain != nil
	k := &socket{}
	k.init(h, webSocketKind, webSocketForm{})
	h.serveSocket(w, r, k, &introduction{peer: peer, from: whenceOf(r), plain: plain})
}

// serveSocket upgrades and returns, so that net/http can free what the request took; a reader goes on.
func (h *Handler) serveSocket(w http.ResponseWriter, r *http.Request, k *socket, intro *introduction) {
	k.alarm.owner, k.linger = k, true
	k.opening.Store(intro)
	if status := upgrade(w, r, k); status != http.StatusSwitchingProtocols {
		e, status := handshakeError(status)
		if status == http.StatusBadRequest {
			w.Header().Set("Sec-WebSocket-Version", "13")
		}
		w.Header().Del("Sec-WebSocket-Protocol")
		h.refuseAs(w, r, e, status)
		return
	}
	k.aside = append(k.aside, intro.first...)
	intro.by = time.Now().Add(h.cfg.ConnectDeadline)
	first := intro.by
	if k.speech != nil {
		first = time.Now()
	}
	if k.start(first) && !k.watched { // else the goroutine that read the request goes on with it
		h.readers.watch(k)
	}
}

// introduce deals with the messages before the session is open: a ping proves the path, connect opens the session.
func (k *socket) introduce(intro *introduction, frames []protocol.ClientFrame, err error) bool {
	if err != nil {
		k.failFor(&intro.peer, k.h.asError(err))
		return true
	}
	for i := range frames {
		switch frames[i].Type {
		case protocol.TypePing:
			k.put(protocol.PongFrame(frames[i].ID).WebSocket())
		case protocol.TypeConnect:
			return k.connect(intro, &frames[i], frames[i+1:])
		case protocol.TypeDisconnect:
			k.finish(k.form.farewell(nil))
			return true
		default:
			k.failFor(&intro.peer, errNotConnected)
			return true
		}
	}
	return true
}

// connect opens the session and passes on the frames that came with the connect frame.
func (k *socket) connect(intro *introduction, connect *protocol.ClientFrame, rest []protocol.ClientFrame) bool {
	intro.busy.Store(true)
	defer intro.busy.Store(false)
	ctx := patience.New(k.h.ctx, k.h.cfg.ConnectDeadline)
	defer ctx.End()
	session, gen, err := k.h.bus.Open(ctx, intro.peer, connect, k)
	if err != nil {
		k.failFor(&intro.peer, k.h.asError(err))
		return true
	}
	k.h.endElsewhere(connect, intro.peer, intro.from)
	if intro.plain == nil {
		k.opening.Store(nil)
	}
	if len(rest) > 0 {
		err = session.Receive(gen, rest)
	}
	k.delayAgain()
	k.bind(session, gen)
	k.delayFor(1 + len(rest))
	if err != nil {
		k.failFor(&intro.peer, k.h.asError(err))
	}
	return true
}

// connectUnasked opens the session that the URL asks for, or that a gateway begins with.
func (k *socket) connectUnasked(intro *introduction) bool {
	intro.waited = true
	if intro.plain == nil {
		return k.connect(intro, &intro.frames[0], intro.frames[1:])
	}
	return k.connect(intro, connectFrame(), intro.plain.frames())
}

// reconnectPlain replaces the session of a plain client that sent connect by one that is not plain.
func (k *socket) reconnectPlain(intro *introduction, frames []protocol.ClientFrame) bool {
	k.unbind()
	full := &introduction{peer: intro.peer, from: intro.from}
	full.peer.Plain = false
	full.busy.Store(true) // the deadline for connect has long passed
	k.opening.Store(full)
	return k.introduce(full, frames, nil)
}

// due keeps a socket's deadlines: the connect frame, the client's silence, the probe of a plain client.
func (k *socket) due(now time.Time) time.Time {
	if next, ended := k.patience(now); ended {
		return next
	}
	if k.speech != nil {
		return k.speechDue(now)
	}
	intro := k.opening.Load()
	switch {
	case intro != nil && intro.plain != nil:
		return k.probe(&intro.probed, now)
	case intro != nil:
		if now.Before(intro.by) || intro.busy.Load() {
			return now.Add(max(intro.by.Sub(now), time.Second))
		}
		k.fail(errConnectTimeout)
		return time.Time{}
	}
	lost := k.heardAt().Add(k.h.cfg.silence())
	if now.Before(lost) {
		return lost
	}
	k.fail(errSilent)
	return time.Time{}
}

var errConnectTimeout = &protocol.Error{Code: protocol.CodeConnectTimeout, Reason: "no connect frame came", Hint: "Send connect first, within 10 s."}

var errSilent = &protocol.Error{Code: protocol.CodeHeartbeatTimeout, Reason: "nothing was heard of the client", Hint: "Send a ping after each heartbeat of silence."}

// probe pings a client that was silent for a heartbeat and need not speak by itself, and takes it for lost 10 s later.
// probed is when that was done last.
func (k *socket) probe(probed *time.Time, now time.Time) time.Time {
	heard := k.heardAt()
	if idle := heard.Add(k.h.cfg.Heartbeat); now.Before(idle) {
		return idle
	}
	if !probed.After(heard) {
		*probed = now
		k.put(pingFrame)
	}
	if lost := probed.Add(protocol.PongDeadline); now.Before(lost) {
		return lost
	}
	k.fail(errSilent)
	return time.Time{}
}

var pingFrame = []byte{0x89, 0}

// speechDue keeps the deadlines of a client of a gateway.
func (k *socket) speechDue(now time.Time) time.Time {
	p := k.speech
	intro := k.opening.Load()
	waits := intro != nil && !intro.unasked()
	if waits && !now.Before(intro.by) && !intro.busy.Load() {
		k.fail(errConnectTimeout)
		return time.Time{}
	}
	if p.next.IsZero() || !now.Before(p.next) {
		due := p.talk.Due(now, k.heardAt())
		if len(due.Back) > 0 {
			k.answerBack(due.Back)
		}
		if due.End != nil {
			k.fail(due.End)
			return time.Time{}
		}
		if p.next = due.Next; p.next.IsZero() {
			p.next = now.Add(forever)
		}
	}
	next := k.probe(&p.probed, now)
	switch {
	case next.IsZero():
		return next
	case waits:
		return now.Add(min(next.Sub(now), p.next.Sub(now), max(intro.by.Sub(now), time.Second)))
	case next.Before(p.next):
		return next
	}
	return p.next
}

// forever is longer than a process lives.
const forever = 100 * 365 * 24 * time.Hour
