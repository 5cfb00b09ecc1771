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
	seq, err := h.send(w, r, origin)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	WriteJSON(w, http.StatusOK, append(strconv.AppendUint([]byte(`{"seq":`), seq, 10), '}'))
}

func (h *Handler) send(w http.ResponseWriter, r *http.Request, origin string) (seq uint64, err error) {
	peer, err := h.peer(r, "", origin)
	if err != nil {
		return 0, err
	}
	b, err := body(w, r)
	if err != nil {
		return 0, err
	}
	s, err := protocol.DecodeSend(b)
	if err != nil {
		return 0, err
	}
	session, err := h.bus.Find(s.Session, peer)
	if err != nil {
		return 0, err
	}
	if l, ok := session.Outbox().Link().(interface{ touch() }); ok {
		l.touch() // a sign of life
	}
	return s.Seq, session.Send(r.Context(), &s)
}
