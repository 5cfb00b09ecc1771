package transports

import (
	"net/http"
	"slices"
	"strings"

	"tidings/protocol"
)

// admit checks the method, the host and the page's origin, and handles CORS. If it reports false the request is
// answered.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request, methods ...string) (origin string, ok bool) {
	if origin, ok = h.welcome(w, r); !ok {
		return "", false
	}
	if slices.Contains(methods, r.Method) {
		return origin, true
	}
	allow := strings.Join(methods, ", ") + ", OPTIONS"
	if r.Method == http.MethodOptions {
		answerPreflight(w.Header(), origin, allow, pageHeaders)
		w.WriteHeader(http.StatusNoContent)
		return "", false
	}
	w.Header().Set("Allow", allow)
	h.refuse(w, r, &protocol.Error{Code: protocol.CodeMethodNotAllowed, Reason: "this URL does not take that method", Hint: "Use one of: " + allow + "."})
	return "", false
}

// welcome checks the host and the page's origin, and lets the page read the answer. If it reports false the request is
// answered.
func (h *Handler) welcome(w http.ResponseWriter, r *http.Request) (origin string, ok bool) {
	header := w.Header()
	VaryByOrigin(header)
	origin, fault := h.gate.check(r)
	if fault != nil {
		if fault.Code == protocol.CodeOriginForbidden && r.Method == http.MethodGet {
			// So that the page's client can read why: browsers hide the reason of a failed WebSocket handshake, and of
			// every answer without this header.
			header.Set("Access-Control-Allow-Origin", "*")
		}
		h.refuse(w, r, fault)
		return "", false
	}
	if origin != "" {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Expose-Headers", "Retry-After")
		if h.gate.cookies && h.gate.credentials(origin, r) {
			header.Set("Access-Control-Allow-Credentials", "true")
		}
	}
	return origin, true
}

// answerPreflight says what a page may send.
func answerPreflight(header http.Header, origin, methods, headers string) {
	header.Set("Allow", methods)
	if origin != "" {
		header.Set("Access-Control-Allow-Methods", methods)
		header.Set("Access-Control-Allow-Headers", headers)
		header.Set("Access-Control-Max-Age", "7200")
	}
}

// pageHeaders are the headers that pages of other origins may send: ours, and those that tracing libraries add to each
// request that a page makes, ours among them.
const pageHeaders = "Authorization, Content-Type, Last-Event-ID, traceparent, tracestate, baggage, sentry-trace"

// peer returns what the request says about its client.
func (h *Handler) peer(r *http.Request, transport, origin string) (protocol.Peer, error) {
	token, err := bearer(r)
	var cookie string
	if origin == "" || h.gate.credentials(origin, r) {
		cookie = r.Header.Get("Cookie")
	}
	return protocol.Peer{
		Transport: transport,
		Address:   h.cfg.ClientAddress(r),
		Origin:    origin,
		UserAgent: protocol.Cut(strings.ToValidUTF8(r.UserAgent(), "?"), 256),
		Token:     token,
		Cookie:    cookie,
	}, err
}

func bearer(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", &protocol.Error{Code: protocol.CodeBadRequest, Reason: "more than one Authorization header", Hint: "Send one."}
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", nil // another scheme is some proxy's
	}
	if len(token) > protocol.MaxTokenBytes {
		return "", &protocol.Error{Code: protocol.CodeUnauthorized, Reason: "the token is too long", Hint: "Tokens have at most 8192 bytes."}
	}
	return strings.TrimSpace(token), nil
}

// body reads a POST's JSON, at most protocol.MaxMessageBytes of it.
func body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return ReadJSON(w, r, protocol.MaxMessageBytes)
}

// opening reads the frames that open an SSE stream or a poll: an array, or one frame. It returns the body, too.
func opening(w http.ResponseWriter, r *http.Request) ([]protocol.ClientFrame, []byte, error) {
	b, err := body(w, r)
	if err != nil {
		return nil, nil, err
	}
	frames, err := protocol.DecodeClientFrames(b)
	if err != nil {
		return nil, nil, err
	}
	return frames, b, nil
}

var errNotConnected = &protocol.Error{Code: protocol.CodeNotConnected, Reason: "the first frame is not connect", Hint: "Send a connect frame first."}

// opens checks the first frame of a body, which has one of the types or is a ping. A ping, which proves the path, goes
// alone.
func opens(frames []protocol.ClientFrame, types ...string) error {
	switch first := frames[0].Type; {
	case slices.Contains(types, first):
		return nil
	case first != protocol.TypePing:
		return errNotConnected
	case len(frames) > 1:
		return &protocol.Error{Code: protocol.CodeBadRequest, Reason: "a ping that proves the path goes alone", Hint: "Send the other frames behind connect."}
	}
	return nil
}
