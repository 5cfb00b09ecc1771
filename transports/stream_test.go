package transports

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/r3labs/sse/v2"

	"tidings/core"
	"tidings/protocol"
)

// events is the client's end of an SSE stream.
type events struct {
	t      testing.TB
	header http.Header
	events *sse.EventStreamReader
	cancel context.CancelFunc
}

// event is one event that has data.
type event struct {
	id    string
	frame protocol.ServerFrame
}

func (r *rig) get(t testing.TB, query string, headers ...string) *events {
	t.Helper()
	return r.stream(t, http.MethodGet, query, "", headers...)
}

// stream opens a stream, which must be answered 200.
func (r *rig) stream(t testing.TB, method, query, body string, headers ...string) *events {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, method, r.url+"/sse"+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("answered %d %s", resp.StatusCode, b)
	}
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	return &events{t, resp.Header, sse.NewEventStreamReader(resp.Body, 1<<20), cancel}
}

// raw returns the next event or comment; false at the end of the stream.
func (e *events) raw() ([]byte, bool) {
	b, err := e.events.ReadEvent()
	return b, err == nil
}

// next returns the next event with data.
func (e *events) next() event {
	e.t.Helper()
	for {
		b, ok := e.raw()
		if !ok {
			e.t.Fatal("the stream ended")
		}
		ev, ok := e.parse(b)
		if ok {
			return ev
		}
	}
}

func (e *events) parse(b []byte) (ev event, ok bool) {
	e.t.Helper()
	for line := range bytes.Lines(b) {
		line := strings.TrimRight(string(line), "\n")
		if id, is := strings.CutPrefix(line, "id: "); is {
			ev.id = id
		}
		data, is := strings.CutPrefix(line, "data: ")
		if !is {
			continue
		}
		frames, err := protocol.DecodeServerFrames([]byte(data))
		if err != nil || len(frames) != 1 || ok {
			e.t.Fatalf("event %q: %v", b, err)
		}
		ev.frame, ok = frames[0], true
	}
	return ev, ok
}

// want returns the next event, which must carry a frame of a type.
func (e *events) want(frameType string) event {
	e.t.Helper()
	ev := e.next()
	if ev.frame.Type != frameType {
		e.t.Fatalf("got %+v, want a %s", ev, frameType)
	}
	return ev
}

func (e *events) wantMessage(data, id string) {
	e.t.Helper()
	ev := e.want(protocol.TypeMessage)
	if got := string(ev.frame.Msg.Data); got != data || ev.id != id {
		e.t.Errorf("got message %s with id %q, want %s with id %q", got, ev.id, data, id)
	}
}

// polled is the answer to a poll.
type polled struct {
	status int
	code   protocol.Code
	frames []protocol.ServerFrame
	cursor string
}

// poll sends a POST with a body, or a GET with a query.
func (r *rig) poll(t testing.TB, ctx context.Context, query, body string) (p polled, err error) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+"/poll"+query, strings.NewReader(body))
	if err != nil {
		return p, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.http.Do(req)
	if err != nil {
		return p, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return p, err
	}
	p.status = resp.StatusCode
	if p.status != http.StatusOK {
		p.code = answer{body: string(b)}.code()
		return p, nil
	}
	p.frames, p.cursor, err = protocol.DecodePollAnswer(b)
	return p, err
}

// mustPoll polls and wants an answer of 200.
func (r *rig) mustPoll(t testing.TB, query, body string) polled {
	t.Helper()
	p, err := r.poll(t, context.Background(), query, body)
	if err != nil || p.status != http.StatusOK {
		t.Fatalf("poll: %+v, %v", p, err)
	}
	return p
}

func (p polled) data() (data []string) {
	for _, f := range p.frames {
		if f.Msg != nil {
			data = append(data, string(f.Msg.Data))
		} else {
			data = append(data, f.Type)
		}
	}
	return data
}

// openPoll opens a session that is subscribed to a, and returns the count after that.
func (r *rig) openPoll(t testing.TB) (session, cursor string) {
	t.Helper()
	p := r.mustPoll(t, "", `[{"type":"connect"},{"type":"subscribe","id":1,"channel":"a"}]`)
	session = p.frames[0].Session
	for p.cursor == "0" {
		p = r.mustPoll(t, "", pollBody(session, "0"))
	}
	return session, p.cursor
}

func pollBody(session, received string) string {
	return fmt.Sprintf(`{"type":"poll","session":%q,"received":%s}`, session, received)
}

// within runs fn and fails if it takes longer, in the bubble's time.
func within(t testing.TB, limit time.Duration, fn func()) {
	t.Helper()
	start := time.Now()
	fn()
	if took := time.Since(start); took > limit {
		t.Errorf("took %v, want at most %v", took, limit)
	}
}

// What answers a first message is waited for only as long as others have something to do.
func TestGatherDoesNotWaitForFramesThatDoNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := core.NewOutbox(true)
		o.Attach(&pollLink{}, 0, func(uint64) *protocol.Encoded { return protocol.PongFrame(1) }, nil)
		began := time.Now()
		gather(o, 1)
		gather(o, 2)
		if frames, _ := o.Waiting(); frames != 1 || time.Since(began) > 0 {
			t.Errorf("%d frames after %v, want the one, at once", frames, time.Since(began))
		}
	})
}
