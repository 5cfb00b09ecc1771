package transports

import (
	"net/http"
	"strconv"

	"tidings/protocol"
)

// Send serves POST /bus/send: what the client of an SSE stream or a poll says.
func (h *Handler) Send(w http.ResponseWriter, r *http.Request) {
	origin, ok := h.admit(w, r, http.MethodPost)
	if !ok {
		return
	}
	seq, handed, err := h.send(w, r, origin)
	switch {
	case handed:
		return
	case err != nil:
		h.refuse(w, r, err)
		return
	}
	WriteJSON(w, http.StatusOK, append(strconv.AppendUint([]byte(`{"seq":`), seq, 10), '}'))
}

// send takes a body, unless it was handed to the node of its session.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, origin string) (seq uint64, handed bool, err error) {
	peer, err := h.peer(r, "", origin)
	if err != nil {
		return 0, false, err
	}
	b, err := body(w, r)
	if err != nil {
		return 0, false, err
	}
	s, err := protocol.DecodeSend(b)
	if err != nil {
		return 0, false, err
	}
	if handed, err = h.handOn(w, r, s.Session, b); handed || err != nil {
		return 0, handed, err
	}
	session, err := h.bus.Find(s.Session, peer)
	if err != nil {
		return 0, false, err
	}
	if l, ok := session.Outbox().Link().(interface{ touch() }); ok {
		l.touch() // a sign of life
	}
	return s.Seq, false, session.Send(r.Context(), &s)
}
