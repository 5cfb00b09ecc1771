package resting

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

var paths = []string{"/bus/poll", "/tidings/api/publish"}

func reader(t testing.TB) *Reader {
	t.Helper()
	var forms []Form
	for _, p := range paths {
		forms = append(forms, Form{Path: p, Handler: http.NotFoundHandler()})
	}
	forms = append(forms, Form{Path: "/bus/ws", Handler: http.NotFoundHandler(), Handshake: true})
	r, err := NewReader(forms...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// FuzzReader reads the same bytes with the Reader and with net/http. What the Reader takes must mean the same to both:
// method, path, headers, host, body, and where the next request begins. It reads on behind each request that it takes,
// as a conn does, and reads each again from every one of its beginnings, as it may come in parts.
func FuzzReader(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	r := reader(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := bytes.Clone(b)
		for begin := 0; begin < len(b); {
			n := compare(t, r, b[begin:])
			if n == 0 {
				break
			}
			begin += n
		}
		if !bytes.Equal(b, kept) {
			t.Errorf("%q was changed", kept)
		}
	})
}

// FuzzPieces is FuzzReader with requests that are put together of pieces, good and bad ones: each byte names one, or
// stands for itself behind the byte 255.
func FuzzPieces(f *testing.F) {
	f.Add([]byte{0, 3, 5, 8, 1, 2})
	for i := range pieces {
		f.Add([]byte{0, 3, byte(i), 8, 1, 2, 0, 3, 8, byte(i), 1, 2})
	}
	r := reader(f)
	f.Fuzz(func(t *testing.T, recipe []byte) {
		var b []byte
		for i := 0; i < len(recipe) && len(b) < 2*MaxBytes; i++ {
			if recipe[i] == 255 && i+1 < len(recipe) {
				i++
				b = append(b, recipe[i])
				continue
			}
			b = append(b, pieces[int(recipe[i])%len(pieces)]...)
		}
		for begin := 0; begin < len(b); {
			n := compare(t, r, b[begin:])
			if n == 0 {
				break
			}
			begin += n
		}
	})
}

var pieces = []string{
	"POST /bus/poll HTTP/1.1\r\n", "\r\n", "{}", "Host: a\r\n", "POST /tidings/api/publish HTTP/1.1\r\n", "Content-Type: application/json\r\n",
	"host:a.example:80\r\n", "Host: \r\n", "Content-Length: 2\r\n", "content-length:  2  \r\n", "Content-Length: 4\r\n", "Content-Length: 0\r\n",
	"Content-Length: -1\r\n", "Content-Length: 2\r\n\r\n{}", "Content-Length:\r\n", "Content-Length: 65536\r\n", "Content-Length\r\n", "Content-Length: 1", "0\r\n",
	"Transfer-Encoding: chunked\r\n", "transfer-encoding: identity\r\n", "Transfer_Encoding: chunked\r\n", "X-Transfer-Encoding: chunked\r\n",
	"Connection: keep-alive\r\n", "Connection: Keep-Alive\r\n", "Connection: close\r\n", "Connection: upgrade\r\n", "Keep-Alive: timeout=5\r\n",
	"Upgrade: h2c\r\n", "Expect: 100-continue\r\n", "Trailer: Content-Length\r\n", "Pragma: no-cache\r\n", "Cache-Control: no-cache\r\n", "TE: trailers\r\n",
	"X-Forwarded-For: 192.0.2.1\r\n", "x-forwarded-for: 192.0.2.1, 2001:db8::1\r\n", "X-A: b\r\n", "X-A:\r\n", "X-: b\r\n", "X-A b\r\n", ": b\r\n", " X-A: b\r\n", "\tX-A: b\r\n",
	"X-A : b\r\n", "X-A: \x00\r\n", "X-A: \x7f\r\n", "X-A: b\rc\r\n", "X-A: b\nc: d\r\n", "X-A: b\r\n c\r\n", "X-\x00: b\r\n", "X-A_B: c\r\n", "sEc-fEtCh-MODE: cors\r\n", "cf-ray: 1-AMS\r\n",
	"Authorization: Bearer key\r\n", "Cookie: a=b; c=d\r\n", "Cookie: e=f\r\n", "Origin: https://a.example\r\n", "User-Agent: \"x\" (y; z)\r\n", "Idempotency-Key: k\r\n", "Traceparent: 00-1-2-01\r\n",
	"\r", "\n", "\n\n", ":", " ", "\t", "{\"a\":1}", "[1,2,3]\r\n", "0\r\n\r\n", "GET /healthz HTTP/1.1\r\n", "POST /bus/poll HTTP/1.0\r\n", "POST /bus/poll?x HTTP/1.1\r\n", "POST  /bus/poll HTTP/1.1\r\n", "post /bus/poll HTTP/1.1\r\n",
	"POST http://b/bus/poll HTTP/1.1\r\n", "POST /bus/poll HTTP/1.1\n",
	"GET /bus/ws HTTP/1.1\r\n", "GET /bus/ws?a=b HTTP/1.1\r\n", "GET /bus/ws? HTTP/1.1\r\n", "GET /bus/ws", "GET /bus/ws/ HTTP/1.1\r\n", "HEAD /bus/ws HTTP/1.1\r\n", "?", "#", "%", "%41", "&;", " HTTP/1.1\r\n",
	"Upgrade: websocket\r\n", "upgrade: WebSocket\r\n", "Upgrade: websocket, h2c\r\n", "Connection: Upgrade\r\n", "Connection: keep-alive, Upgrade\r\n", "Connection: Upgrade, close\r\n", "Connection: Upgrade, HTTP2-Settings\r\n",
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "sec-websocket-version: 13\r\n", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", "Sec-WebSocket-Accept: a\r\n",
	"X-Long: " + strings.Repeat("x", 3000) + "\r\n",
}

// compare returns the length of the request with which b begins, and 0 if it is net/http's. It releases what it reads, so
// that a request is made of what was another one.
func compare(t *testing.T, r *Reader, b []byte) int {
	got, kind := r.Read(context.Background(), b)
	switch kind {
	case Short: // with the rest of its body it must be whole, and the same
		head := bytes.Index(b, []byte("\r\n\r\n")) + 4
		filled := append(bytes.Clone(b), bytes.Repeat([]byte("x"), MaxBytes)...)
		more, kind := r.Read(context.Background(), filled)
		if kind != Whole || more.Bytes <= len(b) || head < 4 || more.Bytes-head != int(more.ContentLength) {
			t.Fatalf("%q is Short; with more bytes it is %v, of %d bytes", b, kind, more.Bytes)
		}
		sameAsNetHTTP(t, filled, more)
		more.Release()
		return 0
	case Foreign:
		if got.Request != nil || got.Handler != nil || got.Bytes != 0 {
			t.Fatalf("%q is Foreign, and still something was read of it: %+v", b, got)
		}
		return 0
	}
	if got.Bytes <= 0 || got.Bytes > len(b) || got.Bytes > MaxBytes {
		t.Fatalf("%q has %d bytes, and %d were taken", b, len(b), got.Bytes)
	}
	sameAsNetHTTP(t, b, got)
	for _, cut := range []int{0, 1, got.Bytes / 2, got.Bytes - int(got.ContentLength) - 1, got.Bytes - int(got.ContentLength), got.Bytes - 1} {
		want := Foreign
		switch {
		case cut == got.Bytes:
			continue // there is no body
		case cut >= got.Bytes-int(got.ContentLength):
			want = Short
		}
		if _, kind := r.Read(context.Background(), b[:cut]); kind != want {
			t.Fatalf("%d bytes of %q: got kind %v, want %v", cut, b[:got.Bytes], kind, want)
		}
	}
	got.Release()
	return got.Bytes
}

// sameAsNetHTTP checks that an http.Server reads got from b, too, and refuses nothing of it.
func sameAsNetHTTP(t *testing.T, b []byte, got Request) {
	t.Helper()
	br := bufio.NewReader(bytes.NewReader(b))
	want, err := http.ReadRequest(br)
	if err != nil {
		t.Fatalf("%q was taken; net/http: %v", b, err)
	}
	served := serve(b)
	if served == nil {
		t.Fatalf("%q was taken; an http.Server refuses it", b)
	}
	if len(got.Header["Host"]) > 0 || len(want.Header["Host"]) > 0 || len(want.Header["Expect"])+len(want.Trailer) > 0 || len(want.Header["Upgrade"]) > 0 && want.Method != "GET" {
		t.Fatalf("%q has headers that no known request has: %v, %v", b, got.Header, want.Header)
	}
	gotBody, err := io.ReadAll(got.Body)
	wantBody, wantErr := io.ReadAll(want.Body)
	if err != nil || wantErr != nil || !bytes.Equal(gotBody, wantBody) || served.body != string(gotBody) {
		t.Fatalf("%q: body %q, %v; net/http: %q, %v; an http.Server: %q", b, gotBody, err, wantBody, wantErr, served.body)
	}
	if rest, _ := io.ReadAll(br); !bytes.Equal(rest, b[got.Bytes:]) {
		t.Fatalf("%q: %q is left to net/http; of the %d bytes taken follows %q", b, rest, got.Bytes, b[got.Bytes:])
	}
	for _, other := range []*http.Request{want, served.Request} {
		for _, pair := range [][2]any{
			{got.Method, other.Method}, {got.URL, other.URL}, {got.RequestURI, other.RequestURI}, {got.Proto, other.Proto},
			{got.ProtoMajor, other.ProtoMajor}, {got.ProtoMinor, other.ProtoMinor}, {got.Host, other.Host}, {got.Header, other.Header},
			{got.ContentLength, other.ContentLength}, {len(got.TransferEncoding), len(other.TransferEncoding)}, {got.Close, other.Close},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Fatalf("%q: got %#v; net/http: %#v", b, pair[0], pair[1])
			}
		}
	}
}

// served is a request as the handler of an http.Server sees it.
type served struct {
	*http.Request
	body string
}

// serve returns the first request that an http.Server serves of these bytes; nil if it refuses it by itself.
func serve(b []byte) (first *served) {
	c := newOneConn(b)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if first == nil {
			content, _ := io.ReadAll(r.Body)
			first = &served{r, string(content)}
		}
		w.Header().Set("Connection", "close")
	})}
	server.Serve(c)
	<-c.closed
	return first
}

const usual = "Host: a\r\nContent-Type: application/json\r\n"

const handshake = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

var seeds = []string{
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\nhost: a:80\r\ncontent-length:4\r\nconnection: keep-alive\r\nX-Forwarded-For: 192.0.2.1, 198.51.100.7\r\n\r\nnullPOST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 1\r\n\r\n1",
	"POST /tidings/api/publish HTTP/1.1\r\n" + usual + "Authorization: Bearer  key \r\nContent-Length: 9\r\nUser-Agent:\r\n\r\n{\"a\":1}\r\n",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 20\r\n\r\nshort",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: +2\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length : 2\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 02\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2, 2\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\nX-A: b\r\n c\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\nX-A: b\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\nX-A: \xff\t\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\nConnection: close\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\nConnection: keep-alive, content-length\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}",
	"POST /bus/poll HTTP/1.1\r\nHost: a@b\r\nContent-Length: 2\r\n\r\n{}",
	"POST /bus/poll?a HTTP/1.1\r\n" + usual + "Content-Length: 2\r\n\r\n{}",
	"POST /bus//poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\n\r\n{}",
	"POST /bus/poll HTTP/1.0\r\n" + usual + "Content-Length: 2\r\n\r\n{}",
	"\r\nPOST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 2\r\n\r\n{}",
	"GET /bus/poll HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /bus/ws HTTP/1.1\r\n" + handshake + "\r\n\x81\x80\x00\x00\x00\x00",
	"GET /bus/ws?channel=a%2Fb&since=x HTTP/1.1\r\n" + handshake + "Pragma: no-cache\r\nCache-Control: no-cache\r\nOrigin: https://a.example\r\n\r\n",
	"GET /bus/ws?a#b HTTP/1.1\r\n" + handshake + "\r\n",
	"GET /bus/ws?a HTTP/1.1\r\n" + handshake + "Pragma: no-cache\r\n\r\n",
	"GET /bus/ws HTTP/1.1\r\n" + handshake + "Content-Length: 2\r\n\r\n{}",
	"GET /bus/ws HTTP/1.1\r\n" + handshake + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"POST /bus/poll HTTP/1.1\r\n" + usual + "Content-Length: 9000\r\n\r\n" + strings.Repeat("x", 9000),
	fmt.Sprintf("POST /bus/poll HTTP/1.1\r\n%sContent-Length: 2\r\nCookie: %s\r\n\r\n{}", usual, strings.Repeat("c", 1000)),
}
