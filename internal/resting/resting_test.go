package resting

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestNewReaderRefusesWhatIsNoPath(t *testing.T) {
	for _, path := range []string{"", "bus/poll", "/bus/poll?a=b", "http://a/bus/poll", "/bus/%zz", "*"} {
		if _, err := NewReader(Form{Path: path}); err == nil {
			t.Errorf("%q was taken", path)
		}
	}
}

// What common clients send is known, and a request that is not quite that is net/http's.
func TestWhichRequestsAreKnown(t *testing.T) {
	const first, end = "POST /bus/poll HTTP/1.1\r\n", "\r\n{}"
	for _, tt := range []struct {
		name, raw string
		want      Kind
	}{
		{"of Go", first + "Host: 127.0.0.1:8080\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 2\r\nAuthorization: Bearer key\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n" + end, Whole},
		{"of Node", first + "host: a\r\nconnection: keep-alive\r\ncontent-type: application/json\r\naccept: */*\r\naccept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\ncontent-length: 2\r\n" + end, Whole},
		{"of a browser", first + "Host: a\r\nConnection: keep-alive\r\nContent-Length: 2\r\nsec-ch-ua-platform: \"Linux\"\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nsec-ch-ua: \"Chromium\";v=\"140\"\r\nContent-Type: application/json\r\nsec-ch-ua-mobile: ?0\r\nAccept: */*\r\nOrigin: http://a\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nReferer: http://a/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en\r\nCookie: a=b\r\n" + end, Whole},
		{"through nginx", first + "Host: a\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nContent-Length: 2\r\nTraceparent: 00-1-2-01\r\n" + end, Whole},
		{"without its body", first + "Host: a\r\nContent-Length: 2\r\n\r\n", Short},
		{"without half of its body", first + "Host: a\r\nContent-Length: 2\r\n\r\n{", Short},
		{"without the end of its head", first + "Host: a\r\nContent-Length: 2\r\n", Foreign},
		{"B135 that waits for our leave", first + "Host: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" + end, Foreign},
		{"B136 in chunks", first + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", Foreign},
		{"B12 in chunks, with a length", first + "Host: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", Foreign},
		{"B12 with two lengths", first + "Host: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n" + end, Foreign},
		{"B12 with a list of lengths", first + "Host: a\r\nContent-Length: 2, 2\r\n" + end, Foreign},
		{"B12 with a signed length", first + "Host: a\r\nContent-Length: +2\r\n" + end, Foreign},
		{"B12 with a space before the colon", first + "Host: a\r\nContent-Length : 2\r\n" + end, Foreign},
		{"B13 without a host", first + "Content-Length: 2\r\n" + end, Foreign},
		{"B13 with two hosts", first + "Host: a\r\nHost: a\r\nContent-Length: 2\r\n" + end, Foreign},
		{"B13 with a host that is none", first + "Host: a b\r\nContent-Length: 2\r\n" + end, Foreign},
		{"with a folded line", first + "Host: a\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n" + end, Foreign},
		{"with a bare line feed", first + "Host: a\nContent-Length: 2\r\n" + end, Foreign},
		{"with a bare carriage return", first + "Host: a\rb\r\nContent-Length: 2\r\n" + end, Foreign},
		{"with a header twice", first + "Host: a\r\nCookie: a\r\ncookie: b\r\nContent-Length: 2\r\n" + end, Foreign},
		{"with a header that is not listed", first + "Host: a\r\nKeep-Alive: 5\r\nContent-Length: 2\r\n" + end, Foreign},
		{"that closes", first + "Host: a\r\nConnection: close\r\nContent-Length: 2\r\n" + end, Foreign},
		{"that names a hop", first + "Host: a\r\nConnection: keep-alive, cookie\r\nContent-Length: 2\r\n" + end, Foreign},
		{"with a query", "POST /bus/poll?a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" + end, Foreign},
		{"of another method", "PUT /bus/poll HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" + end, Foreign},
		{"of HTTP/1.0", "POST /bus/poll HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n" + end, Foreign},
		{"without a body", first + "Host: a\r\nContent-Length: 0\r\n\r\n", Foreign},
		{"as long as one may be", first + "Host: a\r\nContent-Length: 8134\r\n\r\n" + strings.Repeat("x", 8134), Whole},
		{"a byte longer", first + "Host: a\r\nContent-Length: 8135\r\n\r\n" + strings.Repeat("x", 8135), Foreign},
		{"B14 with too many headers", first + "Host: a\r\n" + manyHeaders(maxFields) + "Content-Length: 2\r\n" + end, Foreign},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, kind := reader(t).Read(t.Context(), []byte(tt.raw))
			if kind != tt.want {
				t.Fatalf("%.300q: got kind %v, want %v", tt.raw, kind, tt.want)
			}
			if kind == Whole && (got.Bytes != len(tt.raw) || got.Handler == nil) {
				t.Errorf("took %d bytes of %d", got.Bytes, len(tt.raw))
			}
		})
	}
}

// What browsers and libraries send to open a WebSocket is known, and all else is net/http's.
func TestWhichHandshakesAreKnown(t *testing.T) {
	const first, asks, end = "GET /bus/ws HTTP/1.1\r\n", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	for _, tt := range []struct {
		name, raw string
		want      Kind
	}{
		{"the shortest", first + "Host: a\r\n" + asks + end, Whole},
		{"of Chromium", first + "Host: a:8080\r\nConnection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nUpgrade: websocket\r\nOrigin: http://a:8080\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en\r\nCookie: a=b\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" + end, Whole},
		{"of Firefox", first + "Host: a\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nAccept-Language: en\r\nOrigin: http://a\r\nSec-WebSocket-Extensions: permessage-deflate\r\nConnection: keep-alive, Upgrade\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: websocket\r\nSec-Fetch-Site: same-origin\r\nPragma: no-cache\r\nCache-Control: no-cache\r\nUpgrade: websocket\r\n" + end, Whole},
		{"through nginx", first + "Host: a\r\nX-Forwarded-For: 192.0.2.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" + end, Whole},
		{"with a query", "GET /bus/ws?channel=a%2Fb HTTP/1.1\r\nHost: a\r\n" + asks + end, Whole},
		{"with an empty query", "GET /bus/ws? HTTP/1.1\r\nHost: a\r\n" + asks + end, Foreign},
		{"with a fragment", "GET /bus/ws?a#b HTTP/1.1\r\nHost: a\r\n" + asks + end, Foreign},
		{"with a longer path", "GET /bus/wsx HTTP/1.1\r\nHost: a\r\n" + asks + end, Foreign},
		{"of another method", "POST /bus/ws HTTP/1.1\r\nHost: a\r\n" + asks + end, Foreign},
		{"of HTTP/1.0", "GET /bus/ws HTTP/1.0\r\nHost: a\r\n" + asks + end, Foreign},
		{"without the end of its head", first + "Host: a\r\n" + asks, Foreign},
		{"without the end of its first line", "GET /bus/ws?a", Foreign},
		{"without Upgrade", first + "Host: a\r\nConnection: Upgrade\r\n" + end, Foreign},
		{"without Connection", first + "Host: a\r\nUpgrade: websocket\r\n" + end, Foreign},
		{"with another upgrade", first + "Host: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" + end, Foreign},
		{"that names a hop", first + "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade, Cookie\r\n" + end, Foreign},
		{"with Pragma alone", first + "Host: a\r\nPragma: no-cache\r\n" + asks + end, Foreign},
		{"with a body", first + "Host: a\r\nContent-Length: 2\r\n" + asks + end, Foreign},
		{"B136 with a body in chunks", first + "Host: a\r\nTransfer-Encoding: chunked\r\n" + asks + end, Foreign},
		{"B13 without a host", first + asks + end, Foreign},
		{"a publish that asks for a WebSocket", "POST /bus/poll HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" + asks + "\r\n{}", Foreign},
		{"a poll with a header of handshakes", "POST /bus/poll HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nSec-WebSocket-Version: 13\r\n\r\n{}", Foreign},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, kind := reader(t).Read(t.Context(), []byte(tt.raw))
			if kind != tt.want {
				t.Fatalf("%.300q: got kind %v, want %v", tt.raw, kind, tt.want)
			}
			if kind == Whole && (got.Bytes != len(tt.raw) || got.Handler == nil || got.ContentLength != 0) {
				t.Errorf("took %d bytes of %d, with a body of %d", got.Bytes, len(tt.raw), got.ContentLength)
			}
		})
	}
}

func manyHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("X-" + strings.Repeat("a", i) + ": b\r\n")
	}
	return b.String()
}

// B134: of requests that are sent ahead one is taken, and the others stay for the next call.
func TestB134_RequestsThatAreSentAheadAreReadOneByOne(t *testing.T) {
	r := reader(t)
	b := []byte(strings.Repeat("POST /bus/poll HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 3))
	for left := 3; left > 0; left-- {
		got, kind := r.Read(t.Context(), b)
		if kind != Whole {
			t.Fatalf("%q: got kind %v", b, kind)
		}
		if body, _ := io.ReadAll(got.Body); string(body) != "{}" {
			t.Errorf("body %q", body)
		}
		b = b[got.Bytes:]
	}
	if len(b) > 0 {
		t.Errorf("%q is left", b)
	}
}

// What a request was, and what its handler made of it, is nowhere in the next one of the same memory.
func TestMemoryIsEmptiedBetweenRequests(t *testing.T) {
	r := reader(t)
	type key struct{}
	q, _ := r.Read(context.WithValue(t.Context(), key{}, "secret"), []byte("POST /tidings/api/publish HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer key\r\nCookie: c=d\r\nX-A: b\r\nContent-Length: 4\r\n\r\ntrue"))
	q.RemoteAddr, q.Close, q.Form, q.TransferEncoding = "192.0.2.1:1", true, url.Values{"a": {"b"}}, []string{"x"}
	q.Header.Set("X-Own", "e")
	q.URL.Path, q.URL.User = "/elsewhere", url.User("f")
	q.SetPathValue("g", "h")
	m := q.memory
	m.empty()
	if len(m.header) > 0 || m.body.Len() > 0 || !reflect.DeepEqual(m.request, http.Request{}) || m.url != (url.URL{}) || m.values != [maxFields]string{} {
		t.Errorf("emptied, and still there: %+v", m)
	}
	m.hold(t.Context(), &r.forms[0], &head{host: "i", length: 2, n: 1, fields: [maxFields]field{{"X-B", []byte("j")}}}, nil, []byte("{}"))
	want := (&http.Request{
		Method: "POST", URL: &url.URL{Path: "/bus/poll"}, RequestURI: "/bus/poll", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Host: "i", Header: http.Header{"X-B": {"j"}}, ContentLength: 2, Body: m.request.Body,
	}).WithContext(t.Context())
	if body, err := io.ReadAll(m.request.Body); string(body) != "{}" || err != nil || !reflect.DeepEqual(&m.request, want) {
		t.Errorf("got %+v, body %q, %v\nwant %+v", &m.request, body, err, want)
	}
}

// Knows expects of the next request what Read would find.
func TestKnows(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		want   bool
	}{
		{"as it is", func(*http.Request) {}, true},
		{"another path", func(q *http.Request) { q.RequestURI = "/bus/send" }, false},
		{"another method", func(q *http.Request) { q.Method = "GET" }, false},
		{"in chunks", func(q *http.Request) { q.TransferEncoding = []string{"chunked"} }, false},
		{"that closes", func(q *http.Request) { q.Close = true }, false},
		{"that waits for our leave", func(q *http.Request) { q.Header.Set("Expect", "100-continue") }, false},
		{"a header twice", func(q *http.Request) { q.Header.Add("Cookie", "a"); q.Header.Add("Cookie", "b") }, false},
		{"a value that is not plain", func(q *http.Request) { q.Header.Set("Cookie", "ä") }, false},
		{"a body that is too long", func(q *http.Request) { q.Header.Set("Content-Length", "8190") }, false},
		{"whose body was read", func(q *http.Request) { q.Body, q.ContentLength = http.NoBody, 0 }, true},
		{"without a body", func(q *http.Request) { q.Header.Del("Content-Length") }, false},
		{"a head that is too long", func(q *http.Request) { q.Header.Set("Cookie", strings.Repeat("c", MaxBytes)) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := reader(t).Read(t.Context(), []byte(seeds[0]))
			tt.change(got.Request)
			if known := reader(t).Knows(got.Request); known != tt.want {
				t.Errorf("%v: got %v, want %v", got.Header, known, tt.want)
			}
		})
	}
	var none *Reader
	if got, _ := reader(t).Read(t.Context(), []byte(seeds[0])); none.Knows(got.Request) {
		t.Error("no Reader knows a request")
	}
	if _, kind := none.Read(t.Context(), []byte(seeds[0])); kind != Foreign {
		t.Error("no Reader reads a request")
	}
}

func BenchmarkRead(b *testing.B) {
	raw := []byte("POST /bus/poll HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 2\r\nAuthorization: Bearer key\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n{}")
	r := reader(b)
	b.ReportAllocs()
	for b.Loop() {
		q, kind := r.Read(b.Context(), raw)
		if kind != Whole {
			b.Fatal(kind)
		}
		q.Release()
	}
}
