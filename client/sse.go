package client

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"

	r3 "github.com/r3labs/sse/v2"

	"tidings/protocol"
)

// sse carries the session over POST /bus/sse downstream and POST /bus/send upstream.
type sse struct{ *base }

func (l *sse) run() error {
	connect, _, ok := l.out.wait(l.ctx, protocol.MaxMessageBytes)
	if !ok {
		return l.ctx.Err()
	}
	resp, err := l.post(l.ctx, "/sse", protocol.AppendClientFrames(nil, connect))
	if err != nil {
		return l.given(err)
	}
	defer resp.Body.Close()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
		return fmt.Errorf("client: POST /sse: an answer of type %q", kind)
	}
	l.spawn(l.sendAll)
	return l.read(resp)
}

func (l *sse) read(resp *http.Response) error {
	events := newEventReader(resp.Body)
	for {
		data, err := events.next()
		if err != nil {
			return err
		}
		frames, err := protocol.DecodeServerFrames(data)
		if err != nil {
			return err
		}
		if !l.up(event{frames: frames}) {
			return l.ctx.Err()
		}
	}
}

// eventReader reads the data of a stream's events with r3labs' EventStreamReader, which finds where events end, bounds
// them, and leaves the rest to its caller.
type eventReader struct{ events *r3.EventStreamReader }

func newEventReader(r io.Reader) *eventReader {
	return &eventReader{events: r3.NewEventStreamReader(r, readMax)}
}

// next returns the data of the next event that has any. Comments, ids and event names are passed over. If a stream
// was cut within an event the reader gives its first half; a frame that was cut is not JSON, and the link is lost as it
// should be.
func (e *eventReader) next() ([]byte, error) {
	for {
		event, err := e.events.ReadEvent()
		if err != nil {
			return nil, err
		}
		if data, ok := eventData(event); ok {
			return data, nil
		}
	}
}

// eventData joins the data lines of an event.
func eventData(event []byte) (data []byte, ok bool) {
	event = bytes.TrimPrefix(event, []byte("\ufeff"))
	for line := range bytes.FieldsFuncSeq(event, func(r rune) bool { return r == '\n' || r == '\r' }) {
		value, is := bytes.CutPrefix(line, []byte("data:"))
		if !is {
			continue
		}
		value = bytes.TrimPrefix(value, []byte(" "))
		if ok {
			data = append(data, '\n')
		}
		data, ok = append(data, value...), true
	}
	return data, ok
}
