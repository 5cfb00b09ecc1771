package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// payloadBytes is the size of data in every scenario, at most maxPayload.
var payloadBytes = 128

const maxPayload = 32 << 10

var filler = bytes.Repeat([]byte("x"), maxPayload)

// load is what publishers send. It ends after count publishes, or after a time if that is not 0.
type load struct {
	channel func(i int) string
	rate    float64 // publishes a second; 0: as fast as the answers come
	count   int
	lasting time.Duration
	conns   int // each waits for its answer
}

// steadily is the load of a rate for a time, all of it, however late.
func steadily(channel func(i int) string, rate float64, d time.Duration, conns int) load {
	return load{channel: channel, rate: rate, count: int(rate * d.Seconds()), conns: conns}
}

// publish sends a load and returns how many publishes were answered.
func (t *target) publish(l load) (int, error) {
	var next, done atomic.Int64
	var wg sync.WaitGroup
	var failure atomic.Pointer[error]
	start := time.Now()
	send := func() error {
		p, err := t.dial()
		if err != nil {
			return err
		}
		defer p.conn.Close()
		for failure.Load() == nil {
			i, at := int(next.Add(1))-1, time.Now()
			if l.rate > 0 {
				at = start.Add(time.Duration(float64(i) / l.rate * float64(time.Second)))
			}
			if l.count > 0 && i >= l.count || l.lasting > 0 && (time.Since(start) > l.lasting || at.Sub(start) > l.lasting) {
				return nil
			}
			time.Sleep(time.Until(at))
			if err := p.post(l.channel(i), at); err != nil {
				return err
			}
			done.Add(1)
		}
		return nil
	}
	for range l.conns {
		wg.Go(func() {
			if err := send(); err != nil {
				failure.Store(&err)
			}
		})
	}
	wg.Wait()
	if err := failure.Load(); err != nil {
		return int(done.Load()), *err
	}
	return int(done.Load()), nil
}

// publisher is a keep-alive conn of a backend. It reads no more of HTTP than it needs, so that it does not become the
// limit itself: net/http's client takes longer for a publish than the servers do.
type publisher struct {
	conn net.Conn
	in   *bufio.Reader
	head []byte // of each request, but for its length
	out  []byte
}

func (t *target) dial() (*publisher, error) {
	conn, err := net.Dial("tcp", t.server.addr)
	if err != nil {
		return nil, err
	}
	head := "POST /api/publish HTTP/1.1\r\nHost: " + t.server.addr + "\r\nContent-Type: application/json\r\n"
	if t.form == "sse" {
		head += "X-Form: sse\r\n" // the bytes that the raw server writes
	}
	return &publisher{conn: conn, in: bufio.NewReader(conn), head: []byte(head + "Content-Length: ")}, nil
}

// post publishes data of exactly payloadBytes, which names the time at which it was to be sent, and reads the answer.
func (p *publisher) post(channel string, at time.Time) error {
	const around = len(`{"channel":"","data":}`)
	b := append(p.out[:0], p.head...)
	b = strconv.AppendInt(b, int64(around+len(channel)+payloadBytes), 10)
	b = append(b, "\r\n\r\n{\"channel\":\""...)
	b = append(append(b, channel...), `","data":`...)
	data := len(b)
	b = strconv.AppendInt(append(b, `{"t":`...), at.UnixNano(), 10)
	b = append(b, `,"p":"`...)
	b = append(b, filler[:payloadBytes-len(`"}`)-(len(b)-data)]...)
	b = append(b, `"}}`...)
	p.out = b
	if _, err := p.conn.Write(b); err != nil {
		return err
	}
	return p.answer()
}

func (p *publisher) answer() error {
	status, err := p.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	ok := bytes.Contains(status, []byte(" 200 "))
	refused, length := string(status), 0
	for {
		line, err := p.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		if len(name) == 0 {
			break
		}
		if len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")) {
			length, _ = strconv.Atoi(string(value))
		}
	}
	if !ok {
		b, _ := io.ReadAll(io.LimitReader(p.in, int64(min(length, 500))))
		return fmt.Errorf("%s: %s", bytes.TrimSpace([]byte(refused)), b)
	}
	_, err = p.in.Discard(length)
	return err
}
