package proxy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// conn is one connection of a client with that to the server behind it. One goroutine reads the client's requests, one
// the server's answers: so the end of the client is seen while an answer is waited for.
type conn struct {
	proxy  *Proxy
	client net.Conn
	server net.Conn
	opened time.Time
	last   *request // guarded by proxy.mu

	asked chan *exchange // requests that wait for their answers, in order
	done  chan struct{}  // closed when the connection has ended
	once  sync.Once
	up    lane // of the goroutine that reads requests
	down  lane // of the one that reads answers
}

// exchange is a request and what becomes of its answer.
type exchange struct {
	*request
	rules    []*rule
	upgraded chan bool // whether the server switched to another protocol
}

func newConn(p *Proxy, client net.Conn) *conn {
	c := &conn{proxy: p, client: client, opened: time.Now(), asked: make(chan *exchange, 64), done: make(chan struct{})}
	c.up = lane{conn: c, way: Up}
	c.down = lane{conn: c, way: Down, to: client}
	return c
}

// run serves the client until the connection has ended.
func (c *conn) run() {
	defer c.end()
	dialling, cancel := context.WithCancel(c.proxy.ctx)
	defer cancel()
	server, err := c.proxy.dial(dialling)
	if err != nil {
		return
	}
	c.server, c.up.to = server, server
	defer abort(server)
	var both sync.WaitGroup
	both.Go(func() { c.requests(bufio.NewReaderSize(c.client, 32<<10)) })
	both.Go(func() { c.answers(bufio.NewReaderSize(server, 32<<10)) })
	select {
	case <-c.done:
	case <-c.proxy.ctx.Done():
		c.end()
	}
	abort(server)
	both.Wait()
}

// end resets both sides.
func (c *conn) end() {
	c.once.Do(func() {
		close(c.done)
		abort(c.client)
	})
}

// leave ends the connection after one side was closed. The other side of a mute wire does not hear of it for a while.
func (c *conn) leave(l *lane) {
	if l.mute {
		c.pause(lingers)
	}
	c.end()
}

// pause waits, and reports whether the connection goes on.
func (c *conn) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.done:
		return false
	}
}

// requests reads what the client sends and passes it on.
func (c *conn) requests(from *bufio.Reader) {
	defer c.leave(&c.up)
	defer close(c.asked)
	for {
		raw, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		q := &request{Request: raw, opened: c.opened}
		if q.body, err = io.ReadAll(io.LimitReader(raw.Body, maxBody+1)); err != nil || len(q.body) > maxBody {
			return
		}
		x := &exchange{request: q, upgraded: make(chan bool, 1)}
		x.rules = c.proxy.begin(c, q)
		if !c.send(x) {
			return
		}
		select {
		case c.asked <- x:
		case <-c.done:
			return
		}
		if !x.upgrades() {
			continue
		}
		select {
		case is := <-x.upgraded:
			if is {
				c.up.pour(from, false)
				return
			}
		case <-c.done:
			return
		}
	}
}

// send sends a request to the server, unless a rule keeps it. It reports whether the connection goes on.
func (c *conn) send(x *exchange) bool {
	for _, r := range x.rules {
		if r.Late > 0 && !c.pause(r.Late) {
			return false
		}
		if r.Swallow {
			c.up.mute = true
		}
		if r.Answer > 0 || r.DeadSocket && x.upgrades() {
			return true
		}
	}
	text := x.text()
	if x.has(func(r *rule) bool { return r.Twice }) {
		c.sendBeside(x, text)
	}
	return c.up.write(text) == nil
}

func (x *exchange) has(what func(*rule) bool) bool { return slices.ContainsFunc(x.rules, what) }

// sendBeside sends a request over a connection of its own and throws the answer away. It returns when that has come, or
// after a moment: a request that the server holds back is there twice at once.
func (c *conn) sendBeside(x *exchange, text []byte) {
	const moment = 200 * time.Millisecond
	answered := make(chan struct{})
	c.proxy.wait.Go(func() {
		defer close(answered)
		other, err := c.proxy.dial(c.proxy.ctx)
		if err != nil {
			return
		}
		defer other.Close()
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			select {
			case <-c.done:
				other.Close()
			case <-ended:
			}
		}()
		if _, err := other.Write(text); err != nil {
			return
		}
		if answer, err := http.ReadResponse(bufio.NewReader(other), x.Request); err == nil && answer.ContentLength >= 0 {
			io.Copy(io.Discard, answer.Body)
		}
	})
	timer := time.NewTimer(moment)
	defer timer.Stop()
	select {
	case <-answered:
	case <-timer.C:
	case <-c.done:
	}
}

// upgrades reports whether the server will read that the client asks for another protocol.
func (x *exchange) upgrades() bool {
	return x.Header.Get("Upgrade") != "" && !x.has(func(r *rule) bool { return r.NoUpgrade })
}

// text is the request as it goes to the server.
func (x *exchange) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", x.Method, x.RequestURI, x.Host)
	x.Header.WriteSubset(&b, map[string]bool{
		"Host": true, "Content-Length": true, "Transfer-Encoding": true,
		"Connection": !x.upgrades(), "Upgrade": !x.upgrades(),
	})
	if len(x.body) > 0 || x.Method == http.MethodPost {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(x.body))
	}
	b.WriteString("\r\n")
	b.Write(x.body)
	return b.Bytes()
}
