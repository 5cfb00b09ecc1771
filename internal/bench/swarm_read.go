package main

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"syscall"
)

func (s *swarm) read(m *member, b []byte) {
	if m.form == "poll" {
		s.readPoll(m, b)
		return
	}
	if !m.ready {
		m.head = append(m.head, b...)
		i := bytes.Index(m.head, []byte("\r\n\r\n"))
		if i < 0 {
			return
		}
		b, m.head, m.ready = m.head[i+4:], nil, true
		s.ready.Add(1)
		if m.later != nil && s.opening == pingFirst {
			syscall.Write(m.fd, masked(`[{"type":"ping"}]`))
			return
		}
		s.subscribe(m)
	}
	if len(b) > 0 {
		s.subscribe(m) // the pong is here
	}
	if m.sampled {
		s.latencies.sample(b)
	}
	if m.session == "" && m.total < 4 {
		m.session = sessionIn(b)
	}
	if m.form == "sse" {
		s.readEvents(m, b)
		return
	}
	s.readFrames(m, b)
}

// subscribe sends what was kept for later.
func (s *swarm) subscribe(m *member) {
	if m.later != nil {
		syscall.Write(m.fd, m.later)
		m.later = nil
	}
}

func (s *swarm) readFrames(m *member, b []byte) {
	if len(m.head) > 0 {
		b = append(m.head, b...)
		m.head = nil
	}
	frames := 0
	for len(b) > 0 {
		if m.skip > 0 {
			n := min(m.skip, len(b))
			m.skip -= n
			b = b[n:]
			continue
		}
		header, size := frameHeader(b)
		if header == 0 {
			m.head = append([]byte(nil), b...)
			break
		}
		if b[0]&0x0f == 1 && size >= smallestCounted {
			frames++
		}
		m.skip = size
		b = b[header:]
	}
	s.count(m, frames)
	if m.frames >= 256 { // as the protocol asks of a client
		m.frames = 0
		m.ping()
	}
}

// ping acknowledges what was received.
func (m *member) ping() {
	syscall.Write(m.fd, masked(`{"type":"ping","received":`+strconv.FormatUint(m.total-1, 10)+`}`))
}

// ping makes every WebSocket client do once what it does after each 25 s of silence. The swarm must be silent.
func (s *swarm) ping() {
	for _, m := range s.members {
		if m.form == "ws" {
			m.ping()
		}
	}
}

// frameHeader returns the lengths of a server frame's header and payload; 0 if the header is cut.
func frameHeader(b []byte) (header, size int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch n := int(b[1]); {
	case n < 126:
		return 2, n
	case n == 126 && len(b) >= 4:
		return 4, int(binary.BigEndian.Uint16(b[2:]))
	case n == 127 && len(b) >= 10:
		return 10, int(binary.BigEndian.Uint64(b[2:]))
	}
	return 0, 0
}

func (s *swarm) count(m *member, frames int) {
	m.frames += frames
	m.total += uint64(frames)
	s.messages.Add(int64(frames))
}

// readPoll reads an answer by its Content-Length and sends the next poll on the same connection.
func (s *swarm) readPoll(m *member, b []byte) {
	m.body = append(m.body, b...)
	if m.want == 0 {
		i := bytes.Index(m.body, []byte("\r\n\r\n"))
		if i < 0 {
			return
		}
		head := strings.ToLower(string(m.body[:i]))
		_, rest, ok := strings.Cut(head, "content-length: ")
		if !ok || !strings.HasPrefix(head, "http/1.1 200") {
			s.fail("poll answer: " + head)
			return
		}
		length, _, _ := strings.Cut(rest, "\r\n")
		n, _ := strconv.Atoi(length)
		m.want = i + 4 + n
	}
	if len(m.body) < m.want {
		return
	}
	answer := m.body
	if m.sampled {
		s.latencies.sample(answer)
	}
	if m.session == "" {
		m.session = sessionIn(answer)
	}
	s.count(m, bytes.Count(answer, []byte(`{"type":"`)))
	i := bytes.LastIndex(answer, []byte(`"cursor":`))
	cursor := strings.TrimRight(string(answer[i+9:]), "}\n ")
	m.body, m.want = m.body[:0], 0
	if s.pausing.Load() {
		return
	}
	syscall.Write(m.fd, m.pollRequest(`{"type":"poll","session":"`+m.session+`","received":`+cursor+`}`))
}

// sessionIn finds the session of a connected frame.
func sessionIn(b []byte) string {
	_, rest, _ := bytes.Cut(b, []byte(`"session":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(id)
}

// readEvents counts the empty lines that end events, also where a read ends between the two line feeds.
func (s *swarm) readEvents(m *member, b []byte) {
	if len(b) == 0 {
		return
	}
	n := bytes.Count(b, []byte("\n\n"))
	if m.newline && b[0] == '\n' {
		n++
	}
	m.newline = b[len(b)-1] == '\n' && !bytes.HasSuffix(b, []byte("\n\n"))
	s.count(m, n)
}
