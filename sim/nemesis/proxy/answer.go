package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
)

const page = "<!doctype html><title>Sorry</title><h1>Your request was blocked</h1><p>{\"frames\":[]}"

// answers reads what the server sends and passes it on, one answer after the other.
func (c *conn) answers(from *bufio.Reader) {
	defer c.leave(&c.down)
	for x := range c.asked {
		done, err := c.own(x)
		if err != nil {
			return
		}
		if !done && !c.answer(x, from) {
			return
		}
	}
}

// own answers a request in the server's place, if a rule wants it.
func (c *conn) own(x *exchange) (done bool, err error) {
	for _, r := range x.rules {
		switch {
		case r.Answer > 0:
			x.upgraded <- false
			head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n", r.Answer, http.StatusText(r.Answer), len(page))
			return true, c.down.write([]byte(head + page))
		case r.DeadSocket && x.upgrades():
			sum := sha1.Sum([]byte(x.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
			err := c.down.write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
				base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"))
			c.up.mute = true // before the other goroutine, which waits for upgraded, writes
			x.upgraded <- true
			<-c.done
			return true, err
		}
	}
	return false, nil
}

// answer sends one answer of the server on. It reports whether another may follow.
func (c *conn) answer(x *exchange, from *bufio.Reader) bool {
	answer, err := http.ReadResponse(from, x.Request)
	if err != nil {
		return false
	}
	if x.has(func(r *rule) bool { return r.Lose }) {
		c.proxy.tell(Answer{Request: x.Request, Status: answer.StatusCode, Header: answer.Header, Lost: true})
		return false
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		if c.down.write(head(answer, false)) != nil {
			return false
		}
		x.upgraded <- true
		c.down.pour(from, true)
		return false
	}
	x.upgraded <- false
	stream := answer.ContentLength < 0
	if c.down.write(head(answer, stream)) != nil {
		return false
	}
	if stream && x.has(func(r *rule) bool { return r.Buffer }) {
		whole, err := io.ReadAll(answer.Body)
		if err != nil {
			return false
		}
		answer.Body = io.NopCloser(bytes.NewReader(whole))
	}
	n, err := c.body(answer, stream)
	c.proxy.tell(Answer{Request: x.Request, Status: answer.StatusCode, Header: answer.Header, Bytes: n})
	return err == nil && !answer.Close
}

// head is the beginning of an answer; chunked where its length is not known.
func head(answer *http.Response, chunked bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %s\r\n", answer.Status)
	answer.Header.WriteSubset(&b, map[string]bool{"Content-Length": true, "Transfer-Encoding": true})
	switch {
	case answer.StatusCode == http.StatusSwitchingProtocols || answer.StatusCode == http.StatusNoContent || answer.StatusCode == http.StatusNotModified:
	case chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n")
	default:
		fmt.Fprintf(&b, "Content-Length: %d\r\n", answer.ContentLength)
	}
	if answer.Close {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// body sends the body of an answer in the pieces in which the server sent it. It returns how many bytes the body had.
func (c *conn) body(answer *http.Response, chunked bool) (total int, err error) {
	piece := make([]byte, 32<<10)
	for {
		n, err := answer.Body.Read(piece)
		total += n
		if n > 0 && !(chunked && c.down.drops(n)) {
			text := piece[:n]
			if chunked {
				text = fmt.Appendf(nil, "%x\r\n%s\r\n", n, text)
			}
			if err := c.down.write(text); err != nil {
				return total, err
			}
		}
		switch {
		case err == io.EOF && chunked:
			return total, c.down.write([]byte("0\r\n\r\n"))
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		}
	}
}
