package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/protocol"
)

// Client is a client of one transport as plain as a test needs: it sends text and notes what comes. It keeps no promise
// of its own: what it sees is what the server does.
type Client struct {
	t      testing.TB
	target Target
	kind   string
	http   *http.Client

	frames chan *protocol.ServerFrame // all that came, on whatever link
	line   *line

	mu        sync.Mutex // guards all below
	session   string
	received  uint64 // counted frames
	seq       uint64
	lastEpoch string
	stalled   bool
	token     string
}

// line is one link to the server, as its client sees it.
type line struct {
	send func(text string) error
	cut  func()
	gone chan struct{} // closed by Cut
	done chan struct{} // closed when nothing more comes
	end  Ending        // then
}

// Ending is how a link ended.
type Ending struct {
	Code   protocol.Code // of the disconnect frame or the HTTP error, "" if there was none
	Number int           // of the WebSocket close frame, or the HTTP status of a poll, 0 if there was none
}

// patience is how long a client waits for what must come; in a bubble it costs nothing.
const patience = time.Minute

func newClient(w *world, kind string) *Client { return NewClient(w.T, w.Target, kind) }

// NewClient makes a client of the transport kind, which has not connected yet.
func NewClient(t testing.TB, target Target, kind string) *Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return target.Dial(ctx) }}
	c := &Client{t: t, target: target, kind: kind, http: &http.Client{Transport: transport}, frames: make(chan *protocol.ServerFrame, 1<<14)}
	t.Cleanup(func() {
		c.Cut()
		transport.CloseIdleConnections()
	})
	return c
}

// Open sends connect, and more frames in the same message. It fails with a *protocol.Error if the answer is an HTTP
// error.
func (c *Client) Open(connect string, frames ...string) error {
	text := "[" + strings.Join(append([]string{connect}, frames...), ",") + "]"
	open := map[string]func(*line, string) error{protocol.WebSocket: c.openWebSocket, protocol.SSE: c.openSSE, protocol.Poll: c.openPoll}
	c.mu.Lock()
	c.stalled = false
	c.mu.Unlock()
	l := &line{gone: make(chan struct{}), done: make(chan struct{})}
	if err := open[c.kind](l, text); err != nil {
		return err
	}
	c.line = l
	return nil
}

// OpenOn does so on the transport kind.
func (c *Client) OpenOn(kind, connect string, frames ...string) error {
	c.kind = kind
	return c.Open(connect, frames...)
}

// Resume opens a new link, of the transport kind, for the session.
func (c *Client) Resume(kind string, frames ...string) error {
	c.kind = kind
	c.mu.Lock()
	connect := fmt.Sprintf(`{"type":"connect","session":%q,"received":%d}`, c.session, c.received)
	c.mu.Unlock()
	return c.Open(connect, frames...)
}

// Sign makes token that of the requests to come, but for those of WebSocket, which has its token in connect.
func (c *Client) Sign(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
}

// Cut ends the link without a word. What came before counts as received.
func (c *Client) Cut() {
	if l := c.line; l != nil {
		c.line = nil
		l.cut()
		close(l.gone)
		<-l.done
	}
}

// Send sends one message: a frame or an array of frames.
func (c *Client) Send(text string) error { return c.line.send(text) }

// Next returns the next frame; it fails the test if none comes.
func (c *Client) Next() protocol.ServerFrame {
	c.t.Helper()
	select {
	case f := <-c.frames:
		return *f
	case <-time.After(patience):
		c.t.Fatalf("%s: no frame came in %v", c.kind, patience)
		return protocol.ServerFrame{}
	}
}

// All returns the frames that have come and were not looked at yet.
func (c *Client) All() (frames []protocol.ServerFrame) {
	for len(c.frames) > 0 {
		frames = append(frames, *<-c.frames)
	}
	return frames
}

// Ended reports whether there is no link, and how the last one ended; a link that was cut has no ending.
func (c *Client) Ended() (Ending, bool) {
	if c.line == nil {
		return Ending{}, true
	}
	select {
	case <-c.line.done:
		return c.line.end, true
	default:
		return Ending{}, false
	}
}

// Want returns the next frame, which must be of a type.
func (c *Client) Want(frameType string) protocol.ServerFrame {
	c.t.Helper()
	f := c.Next()
	if f.Type != frameType {
		c.t.Fatalf("%s: got frame %+v, want type %q", c.kind, f, frameType)
	}
	return f
}

// WantMessages takes so many messages, which must have these data and follow each other.
func (c *Client) WantMessages(first, last int) {
	c.t.Helper()
	for i := first; i <= last; i++ {
		m := c.Want(protocol.TypeMessage).Msg
		if want := fmt.Sprint(i); string(m.Data) != want {
			c.t.Fatalf("%s: got message %s at offset %d, want %s", c.kind, m.Data, m.Offset, want)
		}
	}
}

// WantNothing fails the test if a frame comes within a time.
func (c *Client) WantNothing(within time.Duration) {
	c.t.Helper()
	select {
	case f := <-c.frames:
		c.t.Fatalf("%s: got frame %+v, want none", c.kind, *f)
	case <-time.After(within):
	}
}

// End waits for the end of the link.
func (c *Client) End() Ending {
	c.t.Helper()
	select {
	case <-c.line.done:
		return c.line.end
	case <-time.After(5 * patience):
		c.t.Fatalf("%s: the link did not end", c.kind)
		return Ending{}
	}
}

// take notes what came in one message, event or answer.
func (c *Client) take(b []byte, l *line) error {
	frames, err := protocol.DecodeServerFrames(b)
	if err != nil {
		return fmt.Errorf("the server sent %.200q: %w", b, err)
	}
	c.note(frames, l)
	return nil
}

func (c *Client) note(frames []protocol.ServerFrame, l *line) {
	for _, f := range frames {
		c.mu.Lock()
		switch {
		case f.Type == protocol.TypeConnected:
			c.session = f.Session
			if !f.Resumed {
				c.received, c.seq = 0, 0
			}
		case f.Type == protocol.TypeDisconnect:
			l.end.Code = f.Code
		case protocol.Counted(f.Type):
			c.received++
		}
		c.mu.Unlock()
		if c.kind != protocol.Poll || f.Type != protocol.TypePong { // see isAlive
			c.frames <- &f
		}
		if c.isStalled() && c.kind != protocol.Poll {
			<-l.gone
		}
	}
}

// Session is the session's id and how many counted frames of it came.
func (c *Client) Session() (id string, received uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session, c.received
}

// post sends a POST and fails with a *protocol.Error if the answer is one.
func (c *Client) post(ctx context.Context, path, text string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target.URL+path, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	c.mu.Lock()
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	c.mu.Unlock()
	w, err := c.http.Do(r)
	if err != nil || w.StatusCode == http.StatusOK {
		return w, err
	}
	defer w.Body.Close()
	return nil, readError(w)
}

// readError reads an error's answer.
func readError(w *http.Response) error {
	b, err := io.ReadAll(w.Body)
	if err != nil {
		return err
	}
	code := protocol.Code(between(string(b), `{"error":{"code":"`, `"`))
	if row := code.Row(); row.Code != code || row.HTTP != w.StatusCode {
		return fmt.Errorf("answer %d %.200q is no error of SPEC.md section 8", w.StatusCode, b)
	}
	return &protocol.Error{Code: code, Reason: between(string(b), `"message":"`, `"`)}
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

// sendPosted sends frames by POST /bus/send.
func (c *Client) sendPosted(text string) error {
	if !strings.HasPrefix(text, "[") {
		text = "[" + text + "]"
	}
	c.mu.Lock()
	c.seq++
	seq := c.seq
	body := fmt.Sprintf(`{"session":%q,"seq":%d,"frames":%s}`, c.session, c.seq, text)
	c.mu.Unlock()
	w, err := c.post(context.Background(), "/send", body)
	if err != nil {
		c.mu.Lock()
		c.seq-- // a refused body was not applied
		c.mu.Unlock()
		return err
	}
	defer w.Body.Close()
	if got, err := io.ReadAll(w.Body); err != nil || string(got) != fmt.Sprintf(`{"seq":%d}`, seq) {
		return fmt.Errorf("send was answered %q, %v", got, err)
	}
	return nil
}

// ending reads an error of the opening or of a poll.
func ending(err error) Ending {
	var fault *protocol.Error
	if errors.As(err, &fault) {
		return Ending{Code: fault.Code, Number: fault.Code.Row().HTTP}
	}
	return Ending{}
}
