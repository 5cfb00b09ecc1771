package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tidings/access"
	"tidings/actors"
	"tidings/protocol"
)

var tailParameters = []string{"pattern"}

const (
	tailComment  = 15 * time.Second // of silence, after which a comment keeps proxies from cutting the stream
	tailDeadline = 5 * time.Second  // for one write
)

// seen is one event of a tail.
type seen struct {
	Channel  string          `json:"channel"`
	Epoch    string          `json:"epoch,omitempty"`
	Offset   uint64          `json:"offset,omitempty"`
	ID       string          `json:"id"`
	Event    string          `json:"event,omitempty"`
	Trace    string          `json:"trace,omitempty"`
	Volatile bool            `json:"volatile,omitempty"`
	Data     json.RawMessage `json:"data"`
}

// onTail serves GET /api/tail: what is published through all nodes, as a stream of events, until the client leaves. It
// never slows a publish down: what the client does not read in time is dropped and counted.
func (a *API) onTail(c *gin.Context) {
	q, ok := a.asked(c, access.ActionAdmin, tailParameters...)
	if !ok {
		return
	}
	only, err := tailed(backendOf(c), q)
	if err != nil {
		a.refuse(c, err)
		return
	}
	others, err := a.othersTail(c.Request)
	if err != nil {
		a.refuse(c, err)
		return
	}
	tail, err := a.bus.Tail(only)
	if err != nil {
		a.refuse(c, err)
		return
	}
	defer tail.Close()
	if others == nil {
		others = &otherTails{} // which brings nothing
	} else {
		ctx, cancel := context.WithCancel(c.Request.Context())
		var ended sync.WaitGroup
		ended.Go(func() { others.run(ctx) })
		defer ended.Wait()
		defer cancel()
	}
	header := c.Writer.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store, no-transform")
	header.Set("X-Accel-Buffering", "no")
	header.Set("X-Content-Type-Options", "nosniff")
	c.Writer.WriteHeader(http.StatusOK)
	a.follow(c, tail, others)
}

// tailed returns which channels a tail shows: those of the pattern, as far as the key is good for them.
func tailed(b access.Backend, q map[string]string) (func(protocol.Channel) bool, error) {
	text, ok := q["pattern"]
	if !ok {
		text = "**"
	}
	pattern, err := access.ParseGlob(text)
	if err != nil {
		return nil, badRequest(`parameter "pattern" is no pattern of channels`, patternHint+" Leave it out for all channels.")
	}
	return func(ch protocol.Channel) bool { return pattern.Match(ch) && b.Allows(access.ActionAdmin, ch) }, nil
}

func (a *API) follow(c *gin.Context, tail *actors.Tail, others *otherTails) {
	ctl := http.NewResponseController(c.Writer)
	write := func(b []byte) bool {
		ctl.SetWriteDeadline(time.Now().Add(tailDeadline))
		_, err := c.Writer.Write(b)
		return err == nil && ctl.Flush() == nil
	}
	pause := time.NewTicker(tailComment)
	defer pause.Stop()
	var nodes []byte // the last event about them
	for alive := write([]byte(": tidings\n\n")); alive; {
		select {
		case s := <-tail.C:
			alive = write(append(appendDropped(nil, tail.Dropped()), appendSeen(nil, s)...))
		case event := <-others.events:
			alive = write(append(appendDropped(nil, others.dropped.Swap(0)), event...))
		case <-others.changed:
			if now := others.whoAnswers(); !bytes.Equal(now, nodes) {
				nodes = now
				alive = write(nodes)
			}
		case <-pause.C:
			alive = write([]byte(":\n\n"))
		case <-c.Request.Context().Done():
			return
		case <-a.closed:
			return
		}
	}
}

// appendDropped appends how many messages were dropped, if any were.
func appendDropped(dst []byte, dropped uint64) []byte {
	if dropped > 0 {
		dst = append(dst, "event: dropped\ndata: {\"dropped\":"...)
		dst = append(strconv.AppendUint(dst, dropped, 10), "}\n\n"...)
	}
	return dst
}

// appendSeen appends a message.
func appendSeen(dst []byte, s actors.Seen) []byte {
	event := seen{Channel: s.Channel.Shown(), ID: s.ID, Event: s.Event, Trace: s.Trace, Volatile: s.Volatile, Data: s.Data}
	if !s.Volatile {
		event.Epoch, event.Offset = s.Position.Epoch, s.Position.Offset
	}
	body, err := json.Marshal(event)
	if err != nil {
		panic(err) // data was checked when it was published
	}
	dst = append(append(dst, "data: "...), body...)
	return append(dst, "\n\n"...)
}
