package transports

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tidings/protocol"
)

// answer is an HTTP answer, read whole.
type answer struct {
	status int
	header http.Header
	body   string
	closed bool // the server closed the conn after it
}

func (a answer) code() protocol.Code {
	_, s, _ := strings.Cut(a.body, `{"error":{"code":"`)
	code, _, _ := strings.Cut(s, `"`)
	return protocol.Code(code)
}

// ask sends a request byte by byte as given and reads one answer.
func (r *rig) ask(t testing.TB, request string) answer {
	t.Helper()
	c, err := r.dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	go io.WriteString(c, request)
	method, _, _ := strings.Cut(request, " ")
	br := bufio.NewReader(c)
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.80q is not answered: %v", request, err)
	}
	b, _ := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(b)}
	c.SetReadDeadline(time.Now().Add(3 * time.Second))
	_, err = br.ReadByte()
	a.closed = err == io.EOF
	return a
}

// lines makes a request of a first line and headers; Host is added if none is given.
func lines(first string, headers ...string) string {
	if !slices.ContainsFunc(headers, func(h string) bool { return strings.HasPrefix(h, "Host:") }) {
		headers = append([]string{"Host: tidings.test"}, headers...)
	}
	return first + "\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

var upgradeHeaders = []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}

// upgradeRequest is a good handshake with more headers.
func upgradeRequest(headers ...string) string {
	return lines("GET /bus/ws HTTP/1.1", append(append([]string{}, upgradeHeaders...), headers...)...)
}

// post is a POST of JSON.
func post(path, body string, headers ...string) string {
	headers = append([]string{"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(body))}, headers...)
	return lines("POST "+path+" HTTP/1.1", headers...) + body
}

// rawSocket is the client's end of a WebSocket, without any library: it can send what is forbidden.
type rawSocket struct {
	t    testing.TB
	conn net.Conn
	br   *bufio.Reader
}

func (r *rig) rawSocket(t testing.TB) *rawSocket {
	t.Helper()
	return r.rawSocketAt(t, upgradeRequest())
}

func (r *rig) rawSocketAt(t testing.TB, request string) *rawSocket {
	t.Helper()
	c, err := r.dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return upgradeOn(t, c, request)
}

func upgradeOn(t testing.TB, c net.Conn, request string) *rawSocket {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	s := &rawSocket{t: t, conn: c, br: bufio.NewReader(c)}
	resp, err := http.ReadResponse(s.br, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the upgrade was answered %v, %v", resp, err)
	}
	return s
}

const (
	opText     = 0x1
	opBinary   = 0x2
	opContinue = 0x0
	opPing     = 0x9
	opPong     = 0xA
	fin        = 0x80
)

// frame makes one masked frame; head is the first byte.
func frame(head byte, payload string) []byte {
	b := []byte{head}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, 0, 0, 0, 0) // a mask that changes nothing
	return append(b, payload...)
}

func text(payload string) []byte { return frame(fin|opText, payload) }

// send writes bytes in the background: the server may stop reading.
func (s *rawSocket) send(b ...[]byte) {
	all := bytes.Join(b, nil)
	go s.conn.Write(all)
}

// drip writes parts one by one, until the conn is closed. The test waits for its end.
func (s *rawSocket) drip(every time.Duration, parts [][]byte) {
	done := make(chan struct{})
	s.t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		for _, p := range parts {
			time.Sleep(every)
			if _, err := s.conn.Write(p); err != nil {
				return
			}
		}
	}()
}

// read returns the server's next frame.
func (s *rawSocket) read() (op byte, payload string, err error) {
	var head [10]byte
	s.conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.ReadFull(s.br, head[:2]); err != nil {
		return 0, "", err
	}
	op = head[0] & 0x0f
	n := uint64(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(s.br, head[:2])
		n = uint64(binary.BigEndian.Uint16(head[:]))
	case 127:
		_, err = io.ReadFull(s.br, head[:8])
		n = binary.BigEndian.Uint64(head[:])
	}
	if err != nil || n > 1<<20 {
		return 0, "", errors.Join(err, fmt.Errorf("a frame of %d bytes", n))
	}
	b := make([]byte, n)
	_, err = io.ReadFull(s.br, b)
	return op, string(b), err
}

// want reads up to a text frame that contains part.
func (s *rawSocket) want(part string) {
	s.t.Helper()
	op, payload, err := s.read()
	for err == nil && op != opText {
		op, payload, err = s.read()
	}
	if err != nil || !strings.Contains(payload, part) {
		s.t.Fatalf("got %q, %v; want a frame with %q", payload, err, part)
	}
}

// connected opens a session.
func (s *rawSocket) connected() *rawSocket {
	s.t.Helper()
	s.send(text(`{"type":"connect"}`))
	s.want(`"type":"connected"`)
	return s
}

// end reads to the end of the socket: the code of the disconnect frame, and number and reason of the close frame.
func (s *rawSocket) end() (code protocol.Code, number int, reason string) {
	s.t.Helper()
	for {
		op, payload, err := s.read()
		switch {
		case err != nil:
			if errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "timeout") {
				s.t.Errorf("the socket was not closed")
			}
			return code, number, reason
		case op == opText && strings.Contains(payload, `"type":"disconnect"`):
			frames, err := protocol.DecodeServerFrames([]byte(payload))
			if err != nil {
				s.t.Errorf("the server sent %q: %v", payload, err)
				return
			}
			code = frames[0].Code
		case op == opClose && len(payload) >= 2:
			number, reason = int(binary.BigEndian.Uint16([]byte(payload))), payload[2:]
		}
	}
}

// wantEnd checks that the server ends the socket with a code, in words of its own.
func (s *rawSocket) wantEnd(want protocol.Code) {
	s.t.Helper()
	code, number, reason := s.end()
	if code != want || number != want.Row().Close || reason != string(want) {
		s.t.Errorf("ended with disconnect %q, close %d %q; want %q, %d", code, number, reason, want, want.Row().Close)
	}
}

// waitFor waits, on a real network, for what must come true.
func waitFor(t testing.TB, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come true in a minute")
		}
	}
}
