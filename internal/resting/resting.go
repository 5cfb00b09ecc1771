package resting

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// MaxBytes is how long a known request may be, head and body together: 8 KiB. A longer one is Foreign.
const MaxBytes = 8 << 10

// Form is one kind of known request over HTTP/1.1, to one path: a POST with a body of known length and without a query,
// or a handshake.
type Form struct {
	Path      string       // as the first line of the request has it
	Handler   http.Handler // decides and answers, as it does behind an http.Server
	Handshake bool         // a GET that asks for a WebSocket, with or without a query
}

// Reader knows some forms. The nil Reader knows none.
type Reader struct{ forms []form }

type form struct {
	Form
	line string // the first one of the request, or its beginning if a query may follow
	url  url.URL
}

// NewReader returns a Reader of these forms. It fails if a path cannot be that of a request.
func NewReader(forms ...Form) (*Reader, error) {
	r := &Reader{}
	for _, f := range forms {
		u, err := url.ParseRequestURI(f.Path)
		if err != nil || !strings.HasPrefix(f.Path, "/") || u.RawQuery != "" || u.Host != "" || u.Scheme != "" {
			return nil, fmt.Errorf("resting: %q is not the path of a request", f.Path)
		}
		line := "POST " + f.Path + version
		if f.Handshake {
			line = "GET " + f.Path
		}
		r.forms = append(r.forms, form{Form: f, line: line, url: *u})
	}
	return r, nil
}

// version ends the first line of each known request.
const version = " HTTP/1.1\r\n"

// Kind is what a Reader has found in some bytes.
type Kind int

// The kinds.
const (
	Foreign Kind = iota // no known form, or the end of the head has not come yet: all bytes are net/http's
	Short               // the head of a known form, and a part of its body or nothing of it
	Whole               // a known request; what comes behind it belongs to the next one
)

// Request is a known request that is there as a whole.
type Request struct {
	*http.Request // without the address of the client; Body reads from the bytes that were given
	Handler       http.Handler
	Bytes         int // its length, head and body

	memory *memory
}

// Release returns the memory of q to the requests that come after it. Call it at most once, when it is answered: nobody
// may keep the http.Request, its URL, its Header or its Body any longer, as a handler may not either. Texts that come
// from them may be kept.
func (q Request) Release() {
	q.memory.empty()
	memories.Put(q.memory)
}

// Read returns the request with which b begins, with the context ctx, if it is Whole. b must not change before that is
// answered, and Release may be called then.
func (r *Reader) Read(ctx context.Context, b []byte) (Request, Kind) {
	if r == nil {
		return Request{}, Foreign
	}
	for i := range r.forms {
		f := &r.forms[i]
		line, query, ok := f.first(b)
		if !ok {
			continue
		}
		h := head{handshake: f.Handshake}
		end, ok := h.read(b[line:])
		if !ok {
			break
		}
		begin := line + end
		whole := begin + h.length
		switch {
		case whole > MaxBytes:
			return Request{}, Foreign
		case whole > len(b):
			return Request{}, Short
		}
		m := memories.Get().(*memory)
		m.hold(ctx, f, &h, query, b[begin:whole])
		return Request{&m.request, f.Handler, whole, m}, Whole
	}
	return Request{}, Foreign
}

// first returns the length of the first line of b, and the query in it. It reports false if that line is of another
// form or not all there.
func (f *form) first(b []byte) (length int, query []byte, ok bool) {
	if len(b) < len(f.line) || string(b[:len(f.line)]) != f.line {
		return 0, nil, false
	}
	if !f.Handshake {
		return len(f.line), nil, true
	}
	rest := b[len(f.line):]
	n := bytes.IndexByte(rest, ' ')
	if n < 0 || !bytes.HasPrefix(rest[n:], []byte(version)) {
		return 0, nil, false
	}
	length = len(f.line) + n + len(version)
	if n == 0 {
		return length, nil, true
	}
	query = rest[1:n]
	return length, query, rest[0] == '?' && n > 1 && plain(query) && bytes.IndexByte(query, '#') < 0
}

// memory is what an http.Request is made of, in one piece.
type memory struct {
	request http.Request
	url     url.URL
	body    body
	header  http.Header
	values  [maxFields]string // those of header
	used    int               // of values
}

var memories = sync.Pool{New: func() any { return &memory{header: make(http.Header, 8)} }}

type body struct{ bytes.Reader }

func (*body) Close() error { return nil }

// hold makes m the request of a head and its content.
func (m *memory) hold(ctx context.Context, f *form, h *head, query, content []byte) {
	m.url, m.used = f.url, h.n
	m.body.Reset(content)
	m.request = *(&http.Request{
		Method: http.MethodPost, URL: &m.url, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: m.header, Body: &m.body, ContentLength: int64(h.length), Host: h.host, RequestURI: f.Path,
	}).WithContext(ctx)
	if f.Handshake {
		m.request.Method, m.request.Body = http.MethodGet, http.NoBody
	}
	if len(query) > 0 {
		m.url.RawQuery = string(query)
		m.request.RequestURI += "?" + m.url.RawQuery
	}
	for i, field := range h.fields[:h.n] {
		m.values[i] = text(field.value)
		m.header[field.name] = m.values[i : i+1 : i+1]
	}
}

// empty forgets the request.
func (m *memory) empty() {
	m.request = http.Request{}
	m.url = url.URL{}
	m.body.Reset(nil)
	clear(m.header)
	clear(m.values[:m.used])
}

// Knows reports whether a request that net/http has read was of a known form, so that the next one of its client will
// probably be, too.
func (r *Reader) Knows(q *http.Request) bool {
	if r == nil || q.Method != http.MethodPost || len(q.TransferEncoding) > 0 || q.Close || len(q.Header) >= maxFields {
		return false
	}
	for i := range r.forms {
		f := &r.forms[i]
		if f.Handshake || f.Path != q.RequestURI {
			continue
		}
		length := number([]byte(q.Header.Get("Content-Length"))) // net/http's own is 0 when the body was read
		size := len(f.line) + len("Host: \r\n\r\n") + len(q.Host) + length
		for name, values := range q.Header {
			if _, ok := canonical([]byte(name), false); !ok || len(values) != 1 || !plain([]byte(values[0])) {
				return false
			}
			size += len(name) + len(": \r\n") + len(values[0])
		}
		return length > 0 && size <= MaxBytes
	}
	return false
}
