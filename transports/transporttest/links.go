package transporttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/coder/websocket"
	"github.com/r3labs/sse/v2"

	"tidings/protocol"
)

const maxFrameBytes = 4 << 20

func (c *Client) openWebSocket(l *line, text string) error {
	ws, _, err := websocket.Dial(context.Background(), c.target.URL+"/ws", &websocket.DialOptions{HTTPClient: c.http})
	if err != nil {
		return err
	}
	ws.SetReadLimit(maxFrameBytes)
	l.send = func(text string) error { return ws.Write(context.Background(), websocket.MessageText, []byte(text)) }
	l.cut = func() { ws.CloseNow() }
	go func() {
		defer close(l.done)
		for {
			kind, b, err := ws.Read(context.Background())
			if err == nil && kind != websocket.MessageText {
				err = fmt.Errorf("a message of kind %v", kind)
			}
			if err == nil {
				err = c.take(b, l)
			}
			if err != nil {
				l.end.Number = max(0, int(websocket.CloseStatus(err)))
				return
			}
		}
	}()
	return l.send(text)
}

func (c *Client) openSSE(l *line, text string) error {
	ctx, stop := context.WithCancel(context.Background())
	w, err := c.post(ctx, "/sse", text)
	if err != nil {
		stop()
		return err
	}
	l.send, l.cut = c.sendPosted, stop
	go func() {
		defer close(l.done)
		defer w.Body.Close()
		events := sse.NewEventStreamReader(w.Body, maxFrameBytes)
		for {
			event, err := events.ReadEvent()
			if err == nil && bytes.Contains(event, []byte("data: ")) {
				err = c.take(eventData(event), l)
			}
			if err != nil {
				return
			}
		}
	}()
	return nil
}

// eventData returns the data of an event, as an EventSource would.
func eventData(event []byte) []byte {
	var data [][]byte
	for line := range bytes.Lines(event) {
		if rest, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("data: ")); ok {
			data = append(data, rest)
		}
	}
	return bytes.Join(data, []byte("\n"))
}

func (c *Client) openPoll(l *line, text string) error {
	ctx, stop := context.WithCancel(context.Background())
	cursor, frames, err := c.pollOnce(ctx, text)
	if err != nil {
		stop()
		return err
	}
	l.send, l.cut = c.sendPosted, stop
	c.note(frames, l)
	session, _ := c.Session()
	go func() {
		defer close(l.done)
		for l.end.Code == "" {
			if c.isStalled() {
				<-ctx.Done()
			}
			cursor, frames, err = c.pollOnce(ctx, fmt.Sprintf(`{"type":"poll","session":%q,"received":%s}`, session, cursor))
			if err != nil {
				l.end = ending(err)
				return
			}
			c.note(frames, l)
		}
	}()
	return nil
}

// pollOnce asks once.
func (c *Client) pollOnce(ctx context.Context, text string) (cursor string, frames []protocol.ServerFrame, err error) {
	w, err := c.post(ctx, "/poll", text)
	if err != nil {
		return "", nil, err
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		return "", nil, err
	}
	if got := w.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		return "", nil, fmt.Errorf("a poll was answered with Cache-Control %q", got)
	}
	frames, cursor, err = protocol.DecodePollAnswer(b)
	return cursor, frames, err
}
