package main

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// swarm is many cheap clients: one epoll loop reads all sockets and counts frames; the first few also read
// the time that the publisher wrote into each message.
type swarm struct {
	epoll     int
	members   []*member
	before    []*member  // whose sessions the members go on with, if any
	mu        sync.Mutex // guards byFD
	byFD      map[int32]*member
	opening   opening
	running   bool
	messages  atomic.Int64
	ready     atomic.Int64 // members whose request was answered; polls do not count
	bytes     atomic.Int64
	latencies latencies
	stopped   atomic.Bool
	pausing   atomic.Bool // a poll that is answered is the last
	done      chan struct{}
	failed    atomic.Pointer[string]
}

type member struct {
	fd      int
	form    string // "ws", "sse" or "poll"
	sampled bool
	deaf    bool   // never reads
	ready   bool   // the answer's head was read
	head    []byte // of the HTTP answer, or a WebSocket header that was cut
	skip    int    // bytes of the WebSocket frame under way, or of a poll's answer
	frames  int    // counted, since the last report
	total   uint64
	session string
	body    []byte // of a poll's answer under way
	want    int
	host    string
	newline bool   // an SSE read ended with one line feed
	later   []byte // frames that leave after the pong
}

const (
	sampledMembers  = 10
	smallestCounted = 60 // bytes; pongs are shorter and do not count, everything else here is longer
)

func newSwarm() (*swarm, error) {
	fd, err := syscall.EpollCreate1(0)
	if err != nil {
		return nil, err
	}
	s := &swarm{epoll: fd, byFD: map[int32]*member{}, done: make(chan struct{})}
	return s, nil
}

// connect opens n clients of one form; channel returns each one's channel. A WebSocket sends its subscribe with the
// handshake or later, as s.opening says, the others at once.
func (s *swarm) connect(addr, form string, n int, channel func(i int) string) error {
	port, err := strconv.Atoi(addr[strings.LastIndexByte(addr, ':')+1:])
	if err != nil {
		return err
	}
	for i := range n {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("client %d: %w", len(s.members), err)
		}
		// Several source addresses, so that local ports suffice for any number of rounds.
		src := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, byte(1 + i/10_000), byte(2 + i%200)}}
		syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		syscall.SetsockoptInt(fd, syscall.SOL_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, 1)
		if err := syscall.Bind(fd, src); err != nil {
			return err
		}
		if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return fmt.Errorf("client %d: %w", len(s.members), err)
		}
		m := &member{fd: fd, form: form, sampled: i%max(1, n/sampledMembers) == 0, host: addr}
		var old *member
		if i < len(s.before) {
			old = s.before[i]
		}
		if _, err := syscall.Write(fd, m.hello(channel(i), old, s.opening)); err != nil {
			return err
		}
		syscall.SetNonblock(fd, true)
		s.members = append(s.members, m)
		s.mu.Lock()
		s.byFD[int32(fd)] = m
		s.mu.Unlock()
		if s.running {
			if err := s.watch(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *member) hello(channel string, before *member, how opening) []byte {
	frames := connectFrames(channel, before)
	switch m.form {
	case "ws":
		head := "GET /bus/ws?c=" + channel + " HTTP/1.1\r\nHost: " + m.host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
		if how != together {
			m.later = masked(frames)
			return []byte(head)
		}
		return append([]byte(head), masked(frames)...)
	case "sse":
		return []byte("POST /bus/sse?c=" + channel + " HTTP/1.1\r\nHost: " + m.host + "\r\nContent-Type: application/json\r\nContent-Length: " +
			strconv.Itoa(len(frames)) + "\r\n\r\n" + frames)
	}
	return m.pollRequest(frames)
}

func (m *member) pollRequest(body string) []byte {
	return []byte("POST /bus/poll HTTP/1.1\r\nHost: " + m.host + "\r\nContent-Type: application/json\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// masked returns text as one client frame with a mask of zeros.
func masked(text string) []byte {
	b := []byte{0x81}
	if len(text) < 126 {
		b = append(b, 0x80|byte(len(text)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(text)))
	}
	b = append(b, 0, 0, 0, 0)
	return append(b, text...)
}

// run reads until stop. Deaf members are not read at all.
func (s *swarm) run() error {
	if s.running {
		return nil
	}
	for _, m := range s.members {
		if m.deaf {
			continue
		}
		if err := s.watch(m); err != nil {
			return err
		}
	}
	s.start()
	return nil
}

// start begins to read those that are watched, and those that connect from now on.
func (s *swarm) start() {
	s.running = true
	go s.loop()
}

func (s *swarm) watch(m *member) error {
	return syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_ADD, m.fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(m.fd)})
}

func (s *swarm) loop() {
	defer close(s.done)
	events := make([]syscall.EpollEvent, 256)
	buf := make([]byte, 256<<10)
	for !s.stopped.Load() {
		n, err := syscall.EpollWait(s.epoll, events, 50)
		if err != nil && err != syscall.EINTR {
			s.fail(err.Error())
			return
		}
		for _, e := range events[:max(n, 0)] {
			s.mu.Lock()
			m := s.byFD[e.Fd]
			s.mu.Unlock()
			k, err := syscall.Read(m.fd, buf)
			if err == syscall.EAGAIN || err == syscall.EINTR {
				continue
			}
			if k <= 0 {
				s.fail(fmt.Sprintf("a %s client was cut: %v; last: %.200q", m.form, err, m.head))
				syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_DEL, m.fd, nil)
				continue
			}
			s.bytes.Add(int64(k))
			s.read(m, buf[:k])
		}
	}
}

func (s *swarm) fail(text string) { s.failed.CompareAndSwap(nil, &text) }

// wait blocks until the swarm has read n frames in all, or fails after a time.
func (s *swarm) wait(n int64, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for s.messages.Load() < n {
		if text := s.failed.Load(); text != nil {
			return fmt.Errorf("%s", *text)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("only %d of %d frames came within %s", s.messages.Load(), n, limit)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}

// settle waits until every reading client heard something, unless silent, and nothing more comes for half a second. It
// returns the frames so far.
func (s *swarm) settle(silent bool) (int64, error) {
	if silent {
		for deadline := time.Now().Add(60 * time.Second); s.ready.Load() < int64(len(s.members)) && time.Now().Before(deadline); {
			time.Sleep(2 * time.Millisecond)
		}
	} else {
		if err := s.wait(int64(len(s.members)), 60*time.Second); err != nil {
			return 0, err
		}
	}
	for {
		n := s.messages.Load()
		time.Sleep(500 * time.Millisecond)
		if s.messages.Load() == n {
			return n, nil
		}
	}
}

func (s *swarm) close() {
	if s.stopped.Swap(true) {
		return
	}
	<-s.done
	for _, m := range s.members {
		syscall.Close(m.fd)
	}
	syscall.Close(s.epoll)
}
