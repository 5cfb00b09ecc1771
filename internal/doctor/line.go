package doctor

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/coder/websocket"
)

// frame is what the doctor reads of a frame.
type frame struct {
	Type    string
	ID      int
	Session string
	Code    string
	Reason  string
}

// line is one open way to hear frames.
type line struct {
	frames chan frame
	send   func(ctx context.Context, frame string) error
	close  func()

	mu    sync.Mutex
	cause error // guarded by mu: why frames was closed
}

// decline records that Tidings itself refused, or ended, the line.
type decline struct{ code string }

func (d *decline) Error() string { return d.code }

// badStatus is an HTTP answer that is not the one that was hoped for.
type badStatus struct{ status int }

func (b *badStatus) Error() string { return fmt.Sprintf("status %d", b.status) }

const maxAnswer = 1 << 20

func newLine() *line { return &line{frames: make(chan frame, 64)} }

// hand passes the frames of one message on.
func (l *line) hand(ctx context.Context, text []byte) error {
	var list []frame
	text = bytes.TrimSpace(text)
	if len(text) > 0 && text[0] == '{' {
		text = append(append([]byte{'['}, text...), ']')
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("no frames: %w", err)
	}
	for _, f := range list {
		if f.Type == "disconnect" {
			return &decline{f.Code}
		}
		select {
		case l.frames <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (l *line) end(err error) {
	l.mu.Lock()
	l.cause = err
	l.mu.Unlock()
	close(l.frames)
}

var errEnded = errors.New("the other side closed it")

func (l *line) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		return errEnded
	}
	return l.cause
}

// await waits for a frame of a type, and for its id where that is not 0.
func (l *line) await(ctx context.Context, frameType string, id int) (frame, error) {
	for {
		select {
		case f, ok := <-l.frames:
			switch {
			case !ok:
				return frame{}, l.err()
			case f.Type == frameType && (id == 0 || f.ID == id):
				return f, nil
			}
		case <-ctx.Done():
			return frame{}, ctx.Err()
		}
	}
}

// ping proves the line in both directions.
func (l *line) ping(ctx context.Context, id int) error {
	if err := l.send(ctx, fmt.Sprintf(`{"type":"ping","id":%d}`, id)); err != nil {
		return err
	}
	_, err := l.await(ctx, "pong", id)
	return err
}

// openWebSocket opens a WebSocket; ctx bounds the handshake, life the line.
func (e *examination) openWebSocket(ctx, life context.Context) (*line, error) {
	header := http.Header{}
	if e.token != "" {
		header.Set("Authorization", "Bearer "+e.token)
	}
	conn, response, err := websocket.Dial(ctx, e.base+"/ws", &websocket.DialOptions{HTTPClient: e.client, HTTPHeader: header})
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			return nil, &badStatus{response.StatusCode}
		}
		return nil, err
	}
	l := newLine()
	l.send = func(ctx context.Context, f string) error { return conn.Write(ctx, websocket.MessageText, []byte(f)) }
	l.close = func() { conn.CloseNow() }
	go func() {
		conn.SetReadLimit(maxAnswer)
		for {
			_, text, err := conn.Read(life)
			if err == nil {
				err = l.hand(life, text)
			}
			if err != nil {
				l.end(err)
				return
			}
		}
	}()
	return l, nil
}

// openStream opens a stream, and returns what comes over it until life ends.
func (e *examination) openStream(life context.Context) (*line, error) {
	response, err := e.post(life, "/sse", e.connect())
	if err != nil {
		return nil, err
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); response.StatusCode != http.StatusOK || kind != "text/event-stream" {
		return nil, e.refusal(response)
	}
	l := newLine()
	l.close = func() { response.Body.Close() }
	go func() {
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, maxAnswer)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
				if err := l.hand(life, []byte(data)); err != nil {
					l.end(err)
					return
				}
			}
		}
		l.end(lines.Err())
	}()
	return l, nil
}

// pollAnswer is the answer to a poll.
type pollAnswer struct {
	Frames json.RawMessage
	Cursor int
}

// openPoll opens a session by long-poll and goes on polling until life ends.
func (e *examination) openPoll(ctx, life context.Context) (*line, error) {
	l := newLine()
	life, cancel := context.WithCancel(life)
	l.close = cancel
	answer, err := e.poll(ctx, e.connect())
	if err == nil {
		err = l.hand(ctx, answer.Frames)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	connected, err := l.await(ctx, "connected", 0)
	if err != nil {
		cancel()
		return nil, err
	}
	l.frames <- connected // there is space: for the reader of the session
	go func() {
		for {
			answer, err = e.poll(life, fmt.Sprintf(`{"type":"poll","session":%q,"received":%d}`, connected.Session, answer.Cursor))
			if err == nil {
				err = l.hand(life, answer.Frames)
			}
			if err != nil {
				l.end(err)
				return
			}
		}
	}()
	return l, nil
}

func (e *examination) poll(ctx context.Context, body string) (a pollAnswer, err error) {
	response, err := e.post(ctx, "/poll", body)
	if err != nil {
		return a, err
	}
	if response.StatusCode != http.StatusOK {
		return a, e.refusal(response)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && json.Unmarshal(text, &a) != nil {
		err = errors.New("the answer is none of a poll")
	}
	return a, err
}

func (e *examination) post(ctx context.Context, path, body string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if e.token != "" {
		request.Header.Set("Authorization", "Bearer "+e.token)
	}
	return e.client.Do(request)
}

// refusal reads why Tidings, or somebody in between, did not do what was asked.
func (e *examination) refusal(response *http.Response) error {
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	var answer struct{ Error struct{ Code string } }
	if json.Unmarshal(text, &answer) == nil && answer.Error.Code != "" {
		return &decline{answer.Error.Code}
	}
	return &badStatus{response.StatusCode}
}
