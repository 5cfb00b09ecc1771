package transports

import (
	"net/http"
	"strconv"

	"tidings/protocol"
)

// Ticket serves POST /bus/ticket. A browser's own EventSource has the ticket in its URL, in the place of a token.
func (h *Handler) Ticket(w http.ResponseWriter, r *http.Request) {
	origin, ok := h.admit(w, r, http.MethodPost)
	if !ok {
		return
	}
	b, err := h.ticket(r, origin)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	WriteJSON(w, http.StatusOK, b)
}

func (h *Handler) ticket(r *http.Request, origin string) ([]byte, error) {
	bus, ok := h.bus.(Ticketer)
	if !ok {
		return nil, &protocol.Error{Code: protocol.CodeUnsupported, Reason: "tickets are not offered by this server", Hint: "Send the token in the body of POST /bus/sse."}
	}
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		return nil, &protocol.Error{Code: protocol.CodeBadRequest, Reason: "the request for a ticket has no body", Hint: "Send the token as Authorization: Bearer, and nothing else."}
	}
	peer, err := h.peer(r, "", origin)
	if err != nil {
		return nil, err
	}
	ticket, until, err := bus.Ticket(peer)
	if err != nil {
		return nil, err
	}
	b := append([]byte(`{"ticket":"`), ticket...) // URL-safe base64: nothing in it needs to be escaped
	b = strconv.AppendInt(append(b, `","expires":`...), until.UnixMilli(), 10)
	return append(b, '}'), nil
}
