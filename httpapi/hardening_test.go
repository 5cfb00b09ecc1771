package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidings/protocol"
)

const bodyLimit = 10 * time.Second // of transports.ReadJSON

// The rows of docs/RELIABILITY.md about the HTTP API, by number.

// B73: a body of one byte too many, also without a length.
func TestB73_BodyAboveItsLimit(t *testing.T) {
	w := start(t)
	exact := `{"channel":"a","data":1` + strings.Repeat(" ", protocol.MaxAPIBodyBytes-len(publishBody)) + `}`
	if len(exact) != protocol.MaxAPIBodyBytes {
		t.Fatal(len(exact))
	}
	if r := w.publish(exact); r.Code != 200 {
		t.Errorf("at the limit: got %d %s", r.Code, r.Body)
	}
	r := w.publish(exact + " ")
	w.refusedWith(r, protocol.CodeTooLarge)
	if r.Header().Get("Connection") != "close" {
		t.Error("the connection is kept")
	}
	chunked := httptest.NewRequest("POST", "/api/publish", io.MultiReader(strings.NewReader(exact), strings.NewReader(" ")))
	chunked.ContentLength = -1
	chunked.Header.Set("Content-Type", "application/json")
	chunked.Header.Set("Authorization", "Bearer "+key)
	r = httptest.NewRecorder()
	w.api.ServeHTTP(r, chunked)
	w.refusedWith(r, protocol.CodeTooLarge)
	if r.Header().Get("Connection") != "close" {
		t.Error("chunked: the connection is kept")
	}
}

// B74: a body that comes by drops.
func TestB74_BodyByDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t)
		client, server := net.Pipe()
		web := w.api.Server("")
		var running sync.WaitGroup
		defer running.Wait()
		running.Go(func() { web.Serve(&once{conn: server, done: make(chan struct{})}) })
		began := time.Now()
		running.Go(func() {
			fmt.Fprintf(client, "POST /api/publish HTTP/1.1\r\nHost: bus.example\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", key)
			for {
				if _, err := io.WriteString(client, " "); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		answer, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusRequestTimeout {
			t.Errorf("got %s, want 408", answer.Status)
		}
		if took := time.Since(began); took < bodyLimit || took > bodyLimit+2*time.Second {
			t.Errorf("answered after %v, want %v", took, bodyLimit)
		}
		client.Close()
		web.Close()
	})
}

// B75: a body that is not declared as JSON.
func TestB75_ContentType(t *testing.T) {
	w := start(t)
	for media, ok := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON": true,
		"": false, "text/plain": false, "application/x-www-form-urlencoded": false, "multipart/form-data; boundary=x": false,
		"application/jsonx": false, "text/plain; application/json": false, "application/": false,
	} {
		r := w.do(request{path: "/api/publish", body: publishBody, header: http.Header{"Content-Type": {media}}})
		if ok && r.Code != 200 {
			t.Errorf("%q: got %d %s", media, r.Code, r.Body)
		}
		if !ok {
			w.refusedWith(r, protocol.CodeUnsupportedMediaType)
		}
	}
}

// B76: a body that is compressed.
func TestB76_CompressedBody(t *testing.T) {
	w := start(t)
	for _, coding := range []string{"gzip", "deflate", "br", "identity, gzip", "zstd,identity"} {
		w.refusedWith(w.do(request{path: "/api/publish", body: publishBody, header: http.Header{"Content-Encoding": {coding}}}), protocol.CodeUnsupportedMediaType)
	}
}

// F84: a body that says that it is not compressed is not.
func TestF84_IdentityIsNoCompression(t *testing.T) {
	w := start(t)
	for _, codings := range [][]string{{"identity"}, {""}, {"Identity"}, {" identity , "}, {"identity", ""}} {
		for path, body := range map[string]string{"/api/publish": publishBody, "/bus/poll": `[{"type":"connect"}]`} {
			if r := w.do(request{path: path, body: body, header: http.Header{"Content-Encoding": codings}}); r.Code != 200 {
				t.Errorf("%s with Content-Encoding %q: got %d %s, want 200", path, codings, r.Code, r.Body)
			}
		}
	}
}

// F79: a client that sends all of its body before it reads gets the refusal, not a broken connection.
func TestF79_ARefusalArrivesBehindALargeBody(t *testing.T) {
	w := start(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := w.api.Server("")
	go web.Serve(listener)
	defer web.Close()
	large := strings.Repeat("x", 8<<20)
	for _, tt := range []struct {
		name, head string
		chunked    bool
		want       string
	}{
		{name: "too large", head: "POST /api/publish HTTP/1.1\r\nAuthorization: Bearer " + key + "\r\nContent-Type: application/json\r\n", want: "413"},
		{name: "too large, in chunks", head: "POST /api/publish HTTP/1.1\r\nAuthorization: Bearer " + key + "\r\nContent-Type: application/json\r\n", chunked: true, want: "413"},
		{name: "no key", head: "POST /api/publish HTTP/1.1\r\nContent-Type: application/json\r\n", want: "401"},
		{name: "no such URL", head: "POST /nothing HTTP/1.1\r\nContent-Type: application/json\r\n", want: "404"},
		{name: "no JSON", head: "POST /api/batch HTTP/1.1\r\nAuthorization: Bearer " + key + "\r\nContent-Type: text/plain\r\n", want: "415"},
		{name: "a GET", head: "GET /api/history?channel=$a HTTP/1.1\r\nAuthorization: Bearer " + key + "\r\n", want: "403"},
		{name: "too large for a poll", head: "POST /bus/poll HTTP/1.1\r\nContent-Type: application/json\r\n", want: "413"},
		{name: "too large for a send", head: "POST /bus/send HTTP/1.1\r\nContent-Type: application/json\r\n", chunked: true, want: "413"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(time.Minute))
			head, tail := "Content-Length: "+strconv.Itoa(len(large))+"\r\n\r\n", ""
			if tt.chunked {
				head, tail = "Transfer-Encoding: chunked\r\n\r\n"+strconv.FormatInt(int64(len(large)), 16)+"\r\n", "\r\n0\r\n\r\n"
			}
			if _, err := io.WriteString(conn, tt.head+"Host: bus.example\r\n"+head+large+tail); err != nil {
				t.Fatalf("the body could not be sent: %v", err)
			}
			answer, err := io.ReadAll(conn)
			if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+tt.want) {
				t.Errorf("got %.200q (%v), want %s", answer, err, tt.want)
			}
		})
	}
}

// F79: what is never sent is waited for no longer than a second.
func TestF79_ARefusedBodyThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer, took := start(t).over(func(c net.Conn) {
			io.WriteString(c, "POST /nothing HTTP/1.1\r\nHost: bus.example\r\nContent-Length: 60000\r\n\r\n")
		})
		if !strings.HasPrefix(answer, "HTTP/1.1 404") || took > 3*time.Second {
			t.Errorf("got %.100q, closed after %v; want 404, closed within 3 s", answer, took)
		}
	})
}

// B77: an array, an unknown field.
func TestB77_WrongShape(t *testing.T) {
	w := start(t)
	for _, tt := range []struct {
		name, body string
		want       protocol.Code
		says       string
	}{
		{name: "an array", body: `[{"channel":"a","data":1}]`, want: protocol.CodeBadRequest, says: "object"},
		{name: "a string", body: `"a"`, want: protocol.CodeBadRequest},
		{name: "a typo", body: `{"channel":"a","data":1,"idempotenceKey":"k"}`, want: protocol.CodeUnknownField, says: "idempotenceKey"},
		{name: "another case (B38)", body: `{"Channel":"a","data":1}`, want: protocol.CodeUnknownField, says: "Channel"},
		{name: "no name at all", body: `{"channel":"a","data":1,"<script>":1}`, want: protocol.CodeUnknownField},
		{name: "a long name", body: `{"channel":"a","data":1,"` + strings.Repeat("x", 5000) + `":1}`, want: protocol.CodeUnknownField},
		{name: "duplicate keys (B37)", body: `{"channel":"a","channel":"b","data":1}`, want: protocol.CodeBadJSON},
		{name: "duplicate keys, escaped (B37)", body: `{"channel":"a","chann\u0065l":"b","data":1}`, want: protocol.CodeBadJSON},
		{name: "bytes after it (B39)", body: publishBody + ` garbage`, want: protocol.CodeBadJSON},
		{name: "two values (B39)", body: publishBody + publishBody, want: protocol.CodeBadJSON},
		{name: "too deep (B36)", body: `{"channel":"a","data":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}`, want: protocol.CodeBadJSON},
		{name: "a comment (B42)", body: `{"channel":"a","data":1/*x*/}`, want: protocol.CodeBadJSON},
		{name: "a BOM (B42)", body: "\ufeff" + publishBody, want: protocol.CodeBadJSON},
		{name: "lone surrogate in a name (B40)", body: `{"channel":"a","data":1,"event":"\ud800"}`, want: protocol.CodeBadJSON},
		{name: "cut short", body: `{"channel":"a","data":1`, want: protocol.CodeBadJSON},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			r := w.publish(tt.body)
			w.refusedWith(r, tt.want)
			if !strings.Contains(r.Body.String(), tt.says) {
				t.Errorf("%s does not name %q", r.Body, tt.says)
			}
			if strings.Contains(r.Body.String(), "<script") || r.Body.Len() > 1000 {
				t.Errorf("%s echoes what came in", r.Body)
			}
		})
	}
}

// B78: one bad of a hundred.
func TestB78_OneBadOfAHundred(t *testing.T) {
	w := start(t)
	names := make([]string, protocol.MaxPublishChannels)
	for i := range names {
		names[i] = fmt.Sprintf(`"c%d"`, i)
	}
	names[50] = `"not good"`
	var got struct {
		Results []struct {
			Offset uint64
			Error  *struct{ Code protocol.Code }
		}
	}
	w.ok(w.publish(`{"channels":[`+strings.Join(names, ",")+`],"data":1}`), &got)
	for i, r := range got.Results {
		if bad := i == 50; bad != (r.Error != nil) || !bad && r.Offset != 1 {
			t.Errorf("result %d: %+v", i, r)
		}
	}
	if len(got.Results) != len(names) {
		t.Errorf("got %d results", len(got.Results))
	}
}

// B79: the same key with another message.
func TestB79_SameKeyOtherMessage(t *testing.T) {
	w := start(t)
	w.ok(w.publish(`{"channel":"a","data":1,"idempotencyKey":"k"}`), &published{})
	w.refusedWith(w.publish(`{"channel":"a","data":2,"idempotencyKey":"k"}`), protocol.CodeIdempotencyConflict)
	w.ok(w.publish(`{"channel":"b","data":2,"idempotencyKey":"k"}`), &published{}) // another channel's key is another key
}

// B80: data absent, null, and at and above its limit.
func TestB80_DataAbsentNullAndTooLong(t *testing.T) {
	w := start(t)
	w.refusedWith(w.publish(`{"channel":"a"}`), protocol.CodeBadRequest)
	w.ok(w.publish(`{"channel":"a","data":null}`), &published{})
	longest := strings.Repeat("x", protocol.MaxPayloadBytes-2)
	w.ok(w.publish(`{"channel":"a","data":"`+longest+`"}`), &published{})
	w.refusedWith(w.publish(`{"channel":"a","data":"`+longest+`x"}`), protocol.CodeTooLarge)
	w.refusedWith(w.publish(`{"channels":["a","b"],"data":"`+longest+`x"}`), protocol.CodeTooLarge)
}

// B82: paths that need repair, methods that do not exist.
func TestB82_OddPathsAndMethods(t *testing.T) {
	w := start(t)
	for _, tt := range []struct {
		method, path string
		want         protocol.Code
	}{
		{"POST", "/api//publish", protocol.CodeNotFound},
		{"POST", "//api/publish", protocol.CodeNotFound},
		{"POST", "/api/publish/", protocol.CodeNotFound},
		{"POST", "/API/publish", protocol.CodeNotFound},
		{"POST", "/api/publish%00", protocol.CodeNotFound},
		{"POST", "/api/%2e/publish", protocol.CodeNotFound},
		{"POST", "/api/x/../publish", protocol.CodeNotFound},
		{"POST", "/api%2Fpublish", protocol.CodeNotFound},
		{"GET", "/api/publish", protocol.CodeMethodNotAllowed},
		{"PUT", "/api/publish", protocol.CodeMethodNotAllowed},
		{"TRACE", "/api/publish", protocol.CodeMethodNotAllowed},
		{"CONNECT", "/api/publish", protocol.CodeMethodNotAllowed},
		{"BREW", "/api/publish", protocol.CodeMethodNotAllowed},
		{"POST", "/healthz", protocol.CodeMethodNotAllowed},
		{"DELETE", "/client/tidings.js", protocol.CodeMethodNotAllowed},
	} {
		q := request{method: tt.method, path: "/x", header: http.Header{"Content-Type": {"application/json"}}}
		r := httptest.NewRequest(q.method, "/", nil)
		u, err := url.ParseRequestURI(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		r.Header.Set("Authorization", "Bearer "+key)
		answer := httptest.NewRecorder()
		w.api.ServeHTTP(answer, r)
		if answer.Header().Get("Location") != "" {
			t.Errorf("%s %s: redirected", tt.method, tt.path)
		}
		w.refusedWith(answer, tt.want)
		if tt.want == protocol.CodeMethodNotAllowed && answer.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tt.method, tt.path)
		}
	}
}

// B83, B111: the log's lines stay lines, are bounded, and hold no query, key, token, payload or header.
func TestB83_B111_LogIsBoundedAndKeepsSecrets(t *testing.T) {
	w := start(t)
	const secret = "s3cr3t-s3cr3t-s3cr3t"
	w.do(request{path: "/api/publish?token=" + secret, body: `{"channel":"` + secret + `","data":"` + secret + `","idempotencyKey":"` + secret + `"}`})
	w.do(request{path: "/api/publish", body: `{"` + secret + `":1`, header: http.Header{"Authorization": {"Bearer " + secret}, "User-Agent": {secret}, "Cookie": {secret}, "Referer": {secret}}})
	w.do(request{path: "/bus/poll?channel=a&cursor=" + secret, header: http.Header{"Authorization": {"Bearer " + secret}}})
	for _, path := range []string{"/a\r\nlevel=ERROR", "/a\x1b[31m", "/" + strings.Repeat("y", 8<<10), "/\xff\xfe", "/a\x00"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: path}
		w.api.ServeHTTP(httptest.NewRecorder(), r)
	}
	log := w.log.String()
	if strings.Contains(log, secret) || strings.Contains(log, key) {
		t.Errorf("the log holds a secret:\n%s", log)
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if len(lines) < 8 {
		t.Errorf("got %d lines for 8 requests:\n%s", len(lines), log)
	}
	for _, line := range lines {
		if len(line) > 800 || !strings.HasPrefix(line, `{"time"`) || strings.ContainsAny(line, "\r\x1b\x00") {
			t.Errorf("%d bytes: %.300q", len(line), line)
		}
	}
}

// B84: a page of another origin asks for leave.
func TestB84_PagesOfOtherOriginsMayNotUseTheAPI(t *testing.T) {
	w := start(t)
	for _, method := range []string{"OPTIONS", "POST"} {
		r := w.do(request{method: method, path: "/api/publish", body: publishBody, header: http.Header{
			"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"}}})
		header := r.Header()
		if header.Get("Access-Control-Allow-Origin") != "" || header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: got %v", method, header)
		}
		if !strings.Contains(header.Get("Vary"), "Origin") {
			t.Errorf("%s: Vary is %q", method, header.Get("Vary"))
		}
	}
}

// B85: a URL of very many parameters.
func TestB85_TooManyParameters(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/api/history", "/bus/poll", "/healthz", "/client/tidings.js"} {
		for _, separator := range []string{"&", ";"} {
			w.refusedWith(w.get(path+"?"+strings.Repeat("a=1"+separator, 100)), protocol.CodeBadRequest)
		}
	}
	if r := w.get("/healthz?" + strings.Repeat("a=1&", 99)); r.Code != 200 {
		t.Errorf("100 parameters: got %d", r.Code)
	}
}

// B86: metrics and profiles from outside.
func TestB86_MetricsAndProfilesFromOutside(t *testing.T) {
	w := start(t)
	w.refusedWith(w.do(request{path: "/metrics", noKey: true}), protocol.CodeUnauthorized)
	w.refusedWith(w.do(request{path: "/metrics", noKey: true, remote: "127.0.0.1:5", header: http.Header{"X-Forwarded-For": {"192.0.2.1"}}}), protocol.CodeUnauthorized)
	if r := w.do(request{path: "http://localhost/metrics", noKey: true, remote: "127.0.0.1:5"}); r.Code != 200 {
		t.Errorf("from this machine: got %d", r.Code)
	}
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/debug/pprof/heap"} {
		w.refusedWith(w.do(request{path: path, remote: "127.0.0.1:5"}), protocol.CodeNotFound)
	}
	scopes, _ := scoped(t, "read=**")
	scopes.setKeys("billing " + scopedKey + " read=** admin=orders/**") // no key of the admin page
	scopes.refusedWith(scopes.do(request{path: "/admin/", noKey: true, remote: "127.0.0.1:5"}), protocol.CodeNotFound)
	if r := start(t, func(c *Config) { c.Metrics = MetricsAnyone }).do(request{path: "/metrics", noKey: true}); r.Code != 200 {
		t.Errorf("open to anyone: got %d", r.Code)
	}
	closed := start(t, func(c *Config) { c.Metrics = MetricsNobody })
	closed.refusedWith(closed.do(request{path: "http://localhost/metrics", noKey: true, remote: "127.0.0.1:5"}), protocol.CodeUnauthorized)
}
