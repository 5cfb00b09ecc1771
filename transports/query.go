package transports

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tidings/filter"
	"tidings/protocol"
)

// query is what the URL of a plain client asks for.
type query struct {
	channels []protocol.Channel
	since    []protocol.Position // one per channel, zero if there is none
	unknown  bool                // the position in the request is no cursor of ours
	filter   []byte              // raw JSON, nil if there is none
	scope    string
	ticket   string
}

// maxParameters bounds the parameters of a URL, channels included.
const maxParameters = 2 * protocol.MaxURLChannels

// plainParameters are the parameters of a plain client's URL. The two that polyfills of EventSource send in the place
// of the header mean the same as it.
var plainParameters = []string{"channel", "cursor", "lastEventId", "Last-Event-ID", "filter", "scope", "ticket"}

// plainQuery reads the URL of a plain client, and the header Last-Event-ID. It returns nil if the URL names no channel:
// then a WebSocket is not plain, and says in frames what it wants. A parameter that does not exist is refused, since a
// misspelt one would lose the client's position, and so messages.
func plainQuery(r *http.Request, sse bool) (*query, error) {
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		return nil, &protocol.Error{Code: protocol.CodeBadRequest, Reason: "a GET request has no body here", Hint: "Send it without a body; the URL says all."}
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badQuery("the query is malformed")
	}
	if values.Has("token") || values.Has("access_token") {
		return nil, &protocol.Error{Code: protocol.CodeBadRequest, Reason: "a token is never part of a URL", Hint: "Send Authorization: Bearer <token>, or, for a browser's EventSource, get a ticket with POST /bus/ticket."}
	}
	names, n := values["channel"], 0
	for _, v := range values {
		n += len(v)
	}
	if n > maxParameters || len(names) > protocol.MaxURLChannels {
		return nil, badQuery("the URL has too many parameters")
	}
	if len(names) == 0 {
		if values.Has("filter") || values.Has("scope") {
			return nil, badQuery("filter and scope stand beside a channel, and the URL names none")
		}
		return nil, nil
	}
	for name := range values {
		if !slices.Contains(plainParameters, name) {
			return nil, unknownParameter(name)
		}
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
	if err := q.readFilter(values); err != nil {
		return nil, err
	}
	return q, q.readPosition(r.Header, values, sse)
}

// readFilter reads what the subscription is to hear of its channel. It is checked here and not by the session, so that
// a fault is the answer's status, and not an event on a stream that brings nothing else.
func (q *query) readFilter(values url.Values) error {
	filters, scopes := values["filter"], values["scope"]
	switch {
	case len(filters) == 0 && len(scopes) == 0:
		return nil
	case len(filters) > 1 || len(scopes) > 1:
		return badFilterQuery("the URL has more than one filter or scope")
	case len(q.channels) > 1:
		return badFilterQuery("filter and scope are for a URL of one channel")
	}
	if len(scopes) == 1 {
		scope, err := protocol.ParseScope(scopes[0])
		if err != nil {
			return err
		}
		q.scope = scope
	}
	if len(filters) == 0 {
		return nil
	}
	if n := len(filters[0]); n > protocol.MaxURLFilterBytes {
		return &protocol.Error{
			Code:   protocol.CodeFilterTooComplex,
			Reason: fmt.Sprintf("the filter has %d bytes, too long for a URL, which takes %d", n, protocol.MaxURLFilterBytes),
			Hint:   "Send it in a subscribe frame, with POST /bus/sse, POST /bus/poll or over a WebSocket, where it may have 8192 bytes.",
		}
	}
	q.filter = []byte(filters[0])
	_, err := filter.Parse(q.filter)
	return err
}

func badFilterQuery(reason string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeBadRequest, Reason: reason, Hint: "Name one channel, with at most one filter and one scope. For more, send subscribe frames with POST /bus/sse or over a WebSocket."}
}

// readPosition reads where the client was. The header wins over the parameters of the same meaning, and these over
// cursor: a client that comes back with its first URL has the older position there. A value that is no cursor of ours
// is a gap to an SSE client, which cannot choose another one, and refused to any other.
func (q *query) readPosition(header http.Header, values url.Values, sse bool) error {
	q.since = make([]protocol.Position, len(q.channels))
	ids := slices.Concat(header["Last-Event-Id"], values["lastEventId"], values["Last-Event-ID"])
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	cursors := values["cursor"]
	var text string
	switch {
	case len(cursors) > 1:
		return badQuery("more than one cursor")
	case len(ids) > 0:
		text = ids[0]
	case len(cursors) == 1:
		text = cursors[0]
	}
	if text == "" {
		return nil
	}
	if len(text) > protocol.MaxCursorBytes {
		return &protocol.Error{Code: protocol.CodeBadCursor, Reason: "the position is too long", Hint: "Send it as the server gave it."}
	}
	since, err := protocol.ParseCursor(text, len(q.channels))
	switch {
	case err == nil:
		q.since = since
	case sse && len(ids) > 0:
		q.unknown = true
	default:
		return err
	}
	return nil
}

// stream returns what the URL is a stream of: its channels, in their order.
func (q *query) stream() string {
	var names []string
	for _, ch := range q.channels {
		names = append(names, string(ch))
	}
	return strings.Join(names, " ")
}

// frames returns the frames that subscribe to the channels, with ids from 1.
func (q *query) frames() []protocol.ClientFrame {
	frames := make([]protocol.ClientFrame, len(q.channels))
	for i, ch := range q.channels {
		frames[i] = protocol.ClientFrame{Type: protocol.TypeSubscribe, ID: uint64(i + 1), Channel: ch, Filter: q.filter, Scope: q.scope}
		if since := q.since[i]; !since.IsZero() {
			frames[i].Since = &since
		}
	}
	return frames
}

func badQuery(reason string) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeBadRequest, Reason: reason, Hint: "Name 1 to 32 channels, each with ?channel=, and at most one cursor."}
}

func unknownParameter(name string) *protocol.Error {
	return &protocol.Error{
		Code:   protocol.CodeUnknownField,
		Reason: "the URL has a parameter " + strconv.Quote(protocol.Cut(name, 64)) + ", which does not exist",
		Hint:   "The parameters are " + strings.Join(plainParameters, ", ") + ".",
	}
}

// connectFrame is the connect frame that a plain client's URL stands for.
func connectFrame() *protocol.ClientFrame { return &protocol.ClientFrame{Type: protocol.TypeConnect} }
