package transports

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// rawResponse collects the answer to a request whose conn net/http does not have, and therefore cannot write it.
type rawResponse struct {
	header http.Header
	status int
	body   []byte
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

// bytes returns the whole response as HTTP/1.1. head is the part of the header that was written before the conn was
// taken.
func (w *rawResponse) bytes(head []byte) []byte {
	b := make([]byte, 0, len(head)+len(w.body)+384)
	if w.status == 0 || w.status == http.StatusOK {
		b = append(b, "HTTP/1.1 200 OK\r\nDate: "...)
	} else {
		b = append(b, "HTTP/1.1 "...)
		b = strconv.AppendInt(b, int64(w.status), 10)
		b = append(append(b, ' '), http.StatusText(w.status)...)
		b = append(b, "\r\nDate: "...)
	}
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = append(append(b, "\r\n"...), head...)
	b = appendHeader(b, w.header)
	if w.header["Content-Length"] == nil {
		b = strconv.AppendInt(append(b, "Content-Length: "...), int64(len(w.body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	return append(b, w.body...)
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// appendHeader appends the lines of a header as they are sent, without the empty line that ends them.
func appendHeader(b []byte, header http.Header) []byte {
	for name, values := range header {
		for _, value := range values {
			b = append(append(b, name...), ": "...)
			b = append(b, oneLine.Replace(value)...)
			b = append(b, "\r\n"...)
		}
	}
	return b
}
