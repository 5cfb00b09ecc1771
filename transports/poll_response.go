package transports

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// rawResponse collects the answer to a request whose conn was taken from net/http, which therefore cannot write it.
type rawResponse struct {
	header http.Header
	status int
	body   []byte
}

func (w *rawResponse) Header() http.Header         { return w.header }
func (w *rawResponse) WriteHeader(status int)      { w.status = status }
func (w *rawResponse) Write(p []byte) (int, error) { w.body = append(w.body, p...); return len(p), nil }

// bytes returns the whole response as HTTP/1.1. head is the part of the header that was written before the conn was
// taken.
func (w *rawResponse) bytes(head []byte) []byte {
	b := bytes.NewBuffer(make([]byte, 0, len(head)+len(w.body)+256))
	b.WriteString("HTTP/1.1 " + strconv.Itoa(w.status) + " " + http.StatusText(w.status) + "\r\n")
	b.WriteString("Date: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	b.Write(head)
	w.header.Write(b)
	b.WriteString("\r\n")
	b.Write(w.body)
	return b.Bytes()
}

// headerBytes returns the lines of a header as they are sent, without the empty line that ends them.
func headerBytes(header http.Header) []byte {
	var b bytes.Buffer
	header.Write(&b)
	return b.Bytes()
}
