package transports

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tidings/protocol"
)

// admit checks the method, the host and the page's origin, and answers CORS. Where it answers false the request is answered.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request, methods ...string) (origin string, ok bool) {
	header := w.Header()
	header.Add("Vary", "Origin")
	origin, refused := h.gate.check(r)
	if refused != nil {
		if refused.Code == protocol.CodeOriginForbidden && r.Method == http.MethodGet {
			// So that the page's client can tell why: browsers hide it of a WebSocket's handshake, and of every answer that does not say this.
			header.Set("Access-Control-Allow-Origin", "*")
		}
		h.refuse(w, r, refused)
		return "", false
	}
	if origin != "" {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Expose-Headers", "Retry-After")
	}
	if slices.Contains(methods, r.Method) {
		return origin, true
	}
	allow := strings.Join(methods, ", ") + ", OPTIONS"
	if r.Method == http.MethodOptions {
		header.Set("Allow", allow)
		if origin != "" {
			header.Set("Access-Control-Allow-Methods", allow)
			header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID")
			header.Set("Access-Control-Max-Age", "7200")
		}
		w.WriteHeader(http.StatusNoContent)
		return "", false
	}
	header.Set("Allow", allow)
	h.refuse(w, r, &protocol.Error{Code: protocol.CodeMethodNotAllowed, Reason: "this URL does not take that method", Hint: "Use one of: " + allow + "."})
	return "", false
}

// peer tells what the request says of its client.
func (h *Handler) peer(r *http.Request, transport, origin string) (protocol.Peer, error) {
	token, err := bearer(r)
	return protocol.Peer{
		Transport: transport,
		Address:   h.cfg.ClientAddress(r),
		Origin:    origin,
		UserAgent: protocol.Cut(strings.ToValidUTF8(r.UserAgent(), "?"), 256),
		Token:     token,
		Cookie:    r.Header.Get("Cookie"),
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

var errTooLarge = &protocol.Error{Code: protocol.CodeTooLarge, Reason: "the message is larger than 65536 bytes", Hint: "Send less, or several messages."}

// opening reads the frames that open an SSE stream or a poll: an array, or one frame.
func opening(w http.ResponseWriter, r *http.Request) ([]protocol.ClientFrame, error) {
	b, err := body(w, r)
	if err != nil {
		return nil, err
	}
	frames, err := protocol.DecodeClientFrames(b)
	if err != nil {
		return nil, err
	}
	return frames, nil
}

var errNotConnected = &protocol.Error{Code: protocol.CodeNotConnected, Reason: "the first frame is not connect", Hint: "Send a connect frame first."}

// query is a request of a plain client.
type query struct {
	channels []protocol.Channel
	since    []protocol.Position // one per channel, zero where there is none
	unknown  bool                // a Last-Event-ID came that says nothing to us
	ticket   string
}

// maxParameters bounds what a URL may hold beside the channels.
const maxParameters = 2 * protocol.MaxURLChannels

// plainQuery reads ?channel=, ?cursor= and, for SSE, Last-Event-ID, which wins: EventSource comes back with its first URL.
// It answers nil where there is no channel.
func plainQuery(r *http.Request, sse bool) (*query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badQuery("the query is malformed")
	}
	n := 0
	for _, v := range values {
		n += len(v)
	}
	names := values["channel"]
	if values.Has("token") || values.Has("access_token") {
		return nil, &protocol.Error{Code: protocol.CodeBadRequest, Reason: "a token is never part of a URL", Hint: "Send Authorization: Bearer <token>, or, for a browser's EventSource, get a ticket with POST /bus/ticket."}
	}
	switch {
	case n > maxParameters, len(names) > protocol.MaxURLChannels:
		return nil, badQuery("the URL has too many parameters")
	case len(names) == 0:
		return nil, nil
	}
	q := &query{}
	if tickets := values["ticket"]; sse && len(tickets) == 1 {
		q.ticket = tickets[0]
	} else if len(tickets) > 0 {
		return nil, badQuery("a ticket is for SSE, and one is enough")
	}
	for _, name := range names {
		ch, err := protocol.ParseChannel(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(q.channels, ch) {
			return nil, badQuery("a channel is named twice")
		}
		q.channels = append(q.channels, ch)
	}
	return q, q.readCursor(r, values["cursor"], sse)
}

func (q *query) readCursor(r *http.Request, cursor []string, sse bool) (err error) {
	q.since = make([]protocol.Position, len(q.channels))
	if ids := r.Header["Last-Event-Id"]; sse && len(ids) > 0 && ids[0] != "" {
		if len(ids[0]) > protocol.MaxCursorBytes {
			return &protocol.Error{Code: protocol.CodeBadCursor, Reason: "Last-Event-ID is too long", Hint: "Send it as the server gave it."}
		}
		since, err := protocol.ParseCursor(ids[0], len(q.channels))
		if err != nil {
			q.unknown = true
			return nil
		}
		q.since = since
		return nil
	}
	switch {
	case len(cursor) > 1:
		return badQuery("more than one cursor")
	case len(cursor) == 1 && cursor[0] != "":
		q.since, err = protocol.ParseCursor(cursor[0], len(q.channels))
	}
	return err
}

// frames subscribes to the channels, with ids from 1.
func (q *query) frames() []protocol.ClientFrame {
	frames := make([]protocol.ClientFrame, len(q.channels))
	for i, ch := range q.channels {
		frames[i] = protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: uint64(i + 1), Channel: ch}
		if since := q.since[i]; !since.IsZero() {
			frames[i].Since = &since
		}
	}
	return frames
}

func badQuery(reason string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeBadRequest, Reason: reason, Hint: "Name 1 to 32 channels, each with ?channel=, and at most one cursor."}
}

// connectFrame is what a plain client's URL says.
// opens checks the first frame of a body: a ping, which proves the path, goes alone.
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

func connectFrame() *protocol.ClientFrame { return &protocol.ClientFrame{Type: protocol.TypeConnect} }
