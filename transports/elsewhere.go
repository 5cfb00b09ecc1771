package transports

import (
	"context"
	"errors"
	"net/http"

	"tidings/internal/forward"
	"tidings/protocol"
)

// Clustered is a Bus that is one of several nodes.
type Clustered interface {
	// Self is the id of this node; "" if it is the only one.
	Self() string
	// Elsewhere returns the node that a session is on, if that is another one that is there. gone is closed when it is
	// not any more.
	Elsewhere(session string) (node forward.Node, gone <-chan struct{}, ok bool)
}

// handOn hands the request of a session of another node on to that node, and writes its answer to w. It reports false
// if the session is to be looked for here. If it fails nothing has been answered yet.
func (h *Handler) handOn(w http.ResponseWriter, r *http.Request, session string, body []byte) (handed bool, err error) {
	bus, ok := h.bus.(Clustered)
	if !ok {
		return false, nil
	}
	if meant := r.Header[forward.Header]; len(meant) > 0 {
		if len(meant) > 1 || meant[0] != bus.Self() {
			return false, errNotThisNode
		}
		return false, nil // another node has handed it to us
	}
	if h.cfg.Forward == nil {
		return false, nil
	}
	node, gone, ok := bus.Elsewhere(session)
	if !ok {
		return false, nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	answer, err := h.cfg.Forward.Ask(ctx, node, r, body, h.cfg.ClientAddress(r))
	switch {
	case err == nil:
		header := w.Header()
		if after := answer.Header["Retry-After"]; len(after) > 0 {
			header["Retry-After"] = after
		}
		WriteJSON(w, answer.Status, answer.Body)
		return true, nil
	case r.Context().Err() != nil:
		return true, nil // the client has left
	case errors.Is(err, forward.ErrFull):
		return false, errForwardFull
	case errors.Is(err, forward.ErrBroken):
		return false, errForwardBroken
	}
	return false, errNodeGone
}

var (
	errNotThisNode   = &protocol.Error{Code: protocol.CodeSessionGone, Reason: "the request is for a node that is not here any more", Hint: "Connect anew, and subscribe from the last positions."}
	errNodeGone      = &protocol.Error{Code: protocol.CodeSessionGone, Reason: "the node of this session is gone, or cannot be reached", Hint: "Connect anew, and subscribe from the last positions."}
	errForwardBroken = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the node of this session did not answer", Hint: "Send the same request again."}
	errForwardFull   = &protocol.Error{Code: protocol.CodeOverloaded, Reason: "too many requests are being handed to other nodes", Hint: "Try again in a moment. cluster.max_forwarded is how many there may be."}
)
