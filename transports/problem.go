package transports

import (
	"context"
	"errors"
	"net/http"
	"path"
	"runtime/debug"
	"strconv"
	"time"

	"tidings/protocol"
)

// asError gives what a client may see of err: a *protocol.Error as it is, everything else as CodeInternal, and whole in the log.
func (h *Handler) asError(err error) *protocol.Error {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &protocol.Error{Code: protocol.CodeTimeout, Reason: "no answer in time", Hint: "Try again."}
	}
	h.cfg.Log.Error("transports: the bus failed", "error", err)
	return errInternal
}

var errInternal = &protocol.Error{Code: protocol.CodeInternal, Reason: "the server failed", Hint: "Try again; the server's log says why."}

func (h *Handler) panicked(cause any) *protocol.Error {
	h.cfg.Log.Error("transports: a panic ended one connection", "cause", cause, "stack", string(debug.Stack()))
	return errInternal
}

// refuse answers a request with an error, counts it and logs one line of our own words.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := h.asError(err)
	h.refuseAs(w, r, e, e.Code.Row().HTTP)
}

func (h *Handler) refuseAs(w http.ResponseWriter, r *http.Request, e *protocol.Error, status int) {
	h.refused.add(Refusal{endpointOf(r), e.Code})
	h.cfg.Log.Debug("transports: refused", "code", string(e.Code), "reason", e.Reason, "address", cut(h.cfg.ClientAddress(r), 64))
	header := w.Header()
	if after := retryAfter(e.Code); after > 0 {
		header.Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	}
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		// net/http waits for the rest of the body before it closes, so that the answer arrives; not for ever.
		header.Set("Connection", "close")
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(closeGrace))
	}
	writeJSON(w, status, protocol.AppendError(nil, e))
}

// endpointOf names what a request was for, by the end of its path. One that is made up for a held poll has none.
func endpointOf(r *http.Request) string {
	if r.URL == nil {
		return protocol.Poll
	}
	switch path.Base(r.URL.Path) {
	case "ws":
		return protocol.WebSocket
	case "sse":
		return protocol.SSE
	case "poll":
		return protocol.Poll
	case "send":
		return "send"
	}
	return "negotiate"
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// retryAfter is how long a client should wait before it tries again, zero where it may choose.
func retryAfter(code protocol.Code) time.Duration {
	switch code {
	case protocol.CodeRateLimited, protocol.CodeOverloaded, protocol.CodeBrokerUnavailable, protocol.CodeShuttingDown:
		return 5 * time.Second
	}
	return 0
}

// cut gives at most n bytes of s, whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
