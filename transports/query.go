package transports

import (
	"net/http"
	"net/url"
	"slices"

	"tidings/protocol"
)

// query is what the URL of a plain client asks for.
type query struct {
	channels []protocol.Channel
	since    []protocol.Position // one per channel, zero if there is none
	unknown  bool                // the request's Last-Event-ID is no cursor of ours
	ticket   string
}

// maxParameters bounds the parameters of a URL, channels included.
const maxParameters = 2 * protocol.MaxURLChannels

// plainQuery reads ?channel=, ?cursor= and, for SSE, Last-Event-ID, which wins: EventSource comes back with its first
// URL. It returns nil if the URL names no channel.
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

// frames returns the frames that subscribe to the channels, with ids from 1.
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

// connectFrame is the connect frame that a plain client's URL stands for.
func connectFrame() *protocol.ClientFrame { return &protocol.ClientFrame{Type: protocol.TypeConnect} }
