package transports

import "net/http"

// Negotiate serves GET /bus: what this server offers.
func (h *Handler) Negotiate(w http.ResponseWriter, r *http.Request) {
	if _, ok := h.admit(w, r, http.MethodGet); ok {
		WriteJSON(w, http.StatusOK, h.hello)
	}
}
