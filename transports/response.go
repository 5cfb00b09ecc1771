package transports

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// rawResponse collects the answer to a request whose conn net/http does not have, and therefore cannot write it.
type rawResponse struct {
	header http.Header
	status int
	body   []byte
	out    []byte       // what bytes returned
	conn   *restingConn // on which the request was read; nil if a poll that waits is answered
	held   bool         // conn is answered later, or by a WebSocket
}

var rawResponses = sync.Pool{New: func() any { return &rawResponse{header: make(http.Header, 8)} }}

// newRawResponse returns an answer without anything in it, to a request that was read on conn, or nil. Once nobody uses
// it any more it may be released.
func newRawResponse(conn *restingConn) *rawResponse {
	w := rawResponses.Get().(*rawResponse)
	w.conn = conn
	return w
}

// release gives the memory of w to other answers.
func (w *rawResponse) release() {
	w.empty()
	rawResponses.Put(w)
}

func (w *rawResponse) empty() {
	if cap(w.body)+cap(w.out) > keepBytes {
		w.body, w.out = nil, nil
	}
	clear(w.header)
	w.status, w.body, w.out, w.conn, w.held = 0, w.body[:0], w.out[:0], nil, false
}

// restingUnder returns the response to a request that was read on a conn which rests, under what handlers have put
// around it; nil if net/http has the conn.
func restingUnder(w http.ResponseWriter) *rawResponse {
	if found := rawUnder(w); found != nil && found.conn != nil {
		return found
	}
	return nil
}

// rawUnder returns the rawResponse under what handlers have put around it; nil if there is none.
func rawUnder(w http.ResponseWriter) *rawResponse {
	for {
		if found, ok := w.(*rawResponse); ok {
			return found
		}
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = outer.Unwrap()
	}
}

func (w *rawResponse) Header() http.Header         { return w.header }
func (w *rawResponse) WriteHeader(status int)      { w.status = status }
func (w *rawResponse) Write(p []byte) (int, error) { w.body = append(w.body, p...); return len(p), nil }

// Flush does nothing: the answer goes out when it is whole.
func (w *rawResponse) Flush() {}

// SetReadDeadline does nothing: the body is there. It never fails.
func (w *rawResponse) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: the conn has a deadline of its own while it is written. It never fails.
func (w *rawResponse) SetWriteDeadline(time.Time) error { return nil }

// closes reports whether a header says that its answer is the last of its conn.
func closes(header http.Header) bool { return strings.EqualFold(header.Get("Connection"), "close") }

// bytes returns the whole response as HTTP/1.1, until release is called. head is the part of the header that was
// written before the conn was taken.
func (w *rawResponse) bytes(head []byte) []byte {
	b := w.out[:0]
	if w.status == 0 || w.status == http.StatusOK {
		b = append(b, "HTTP/1.1 200 OK\r\nDate: "...)
	} else {
		b = append(b, "HTTP/1.1 "...)
		b = strconv.AppendInt(b, int64(w.status), 10)
		b = append(append(b, ' '), http.StatusText(w.status)...)
		b = append(b, "\r\nDate: "...)
	}
	b = append(append(append(b, date()...), "\r\n"...), head...)
	b = appendHeader(b, w.header)
	if w.header["Content-Length"] == nil {
		b = strconv.AppendInt(append(b, "Content-Length: "...), int64(len(w.body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	w.out = append(b, w.body...)
	return w.out
}

// lastSecond is the one for which a date was made last.
var lastSecond atomic.Pointer[second]

type second struct {
	unix int64
	text string
}

// date returns the time as HTTP has it, which says nothing below a second.
func date() string {
	at := time.Now()
	s := lastSecond.Load()
	if s == nil || s.unix != at.Unix() {
		s = &second{at.Unix(), at.UTC().Format(http.TimeFormat)}
		lastSecond.Store(s)
	}
	return s.text
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// appendHeader appends the lines of a header as they are sent, without the empty line that ends them.
func appendHeader(b []byte, header http.Header) []byte {
	for name, values := range header {
		for _, value := range values {
			b = append(append(b, name...), ": "...)
			if strings.ContainsAny(value, "\r\n") {
				value = oneLine.Replace(value)
			}
			b = append(append(b, value...), "\r\n"...)
		}
	}
	return b
}

// varies is the head of most answers before their body is known.
var varies = []byte("Vary: Origin\r\n")

// headOf returns the lines of a header, which nobody may change.
func headOf(header http.Header) []byte {
	if vary := header["Vary"]; len(header) == 1 && len(vary) == 1 && vary[0] == "Origin" {
		return varies
	}
	return appendHeader(nil, header)
}
