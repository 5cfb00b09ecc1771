package transports

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"tidings/core"
	"tidings/protocol"
)

// get answers with what there is, once there is something.
func (v *visitor) get(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	overlaps := v.getting
	v.getting = true
	v.mu.Unlock()
	if overlaps { // the client would not know what it has heard
		v.form.Misused(w)
		v.leave()
		return
	}
	body, over := v.gather()
	for ; body == nil; body, over = v.gather() {
		select {
		case <-v.wake:
		case <-r.Context().Done():
			v.leave()
			return
		}
	}
	v.mu.Lock()
	v.getting = false // before the answer: the client may ask again as soon as it has it
	v.mu.Unlock()
	if over {
		v.leave()
	}
	ctl := http.NewResponseController(w)
	ctl.SetWriteDeadline(time.Now().Add(answerTime))
	v.form.Answer(w, body)
	if ctl.Flush() != nil {
		v.leave()
	}
	ctl.SetWriteDeadline(time.Time{})
}

// answerTime is how long an answer may take to be read whole, by a client that is cut then.
const answerTime = 30 * time.Second

// post takes what the client says.
func (v *visitor) post(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	overlaps := v.posting
	v.posting = true
	v.mu.Unlock()
	if overlaps {
		v.form.Misused(w)
		v.leave()
		return
	}
	body, err := readVisit(w, r)
	if err == nil {
		v.take(body)
	}
	v.mu.Lock()
	v.posting = false
	v.mu.Unlock()
	if err != nil {
		v.failFor(w, r, err)
		return
	}
	v.form.Taken(w)
}

// readVisit reads the body of a POST, at most protocol.MaxMessageBytes, which must be there within 10 s.
func readVisit(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > protocol.MaxMessageBytes {
		return nil, errTooLong
	}
	ctl := http.NewResponseController(w)
	ctl.SetReadDeadline(time.Now().Add(protocol.PongDeadline))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, protocol.MaxMessageBytes))
	ctl.SetReadDeadline(time.Time{})
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, errTooLong
	case err != nil:
		return nil, errTooSlow
	}
	return body, nil
}

// take passes the messages of a body to the talk.
func (v *visitor) take(body []byte) {
	now := time.Now()
	at := time.Duration(now.UnixNano())
	v.mu.Lock()
	v.heard = now
	v.mu.Unlock()
	messages := bytes.Split(body, []byte{v.form.Separator})
	switch {
	case !v.parts.Take(1+len(messages), messageRate, at) || !v.bytes.Take(len(body), byteRate, at):
		v.Fail(errTooFast)
		return
	case !utf8.Valid(body):
		v.Fail(errBadText)
		return
	}
	for _, m := range messages {
		switch {
		case string(m) == v.form.End:
			v.leave()
			return
		case !v.isEnded():
			v.hear(m)
		}
	}
}

// What a client may say, as over a WebSocket. Each body counts as a message, too.
var (
	messageRate = core.Rate{PerSecond: 1000, Burst: 2000}
	byteRate    = core.Rate{PerSecond: 256 << 10, Burst: 1 << 20}
)

var (
	errTooFast = &protocol.Error{Code: protocol.CodeRateLimited, Reason: "the client sends too much", Hint: "At most 1000 messages and 256 KiB per second."}
	errTooLong = &protocol.Error{Code: protocol.CodeTooLarge, Reason: "the body is larger than 65536 bytes", Hint: "Send less, or several requests."}
	errTooSlow = &protocol.Error{Code: protocol.CodeHeartbeatTimeout, Reason: "the body did not arrive whole within 10 s", Hint: "Send it faster, or less at once."}
	errBadText = &protocol.Error{Code: protocol.CodeBadUTF8, Reason: "a body that is not UTF-8", Hint: "Send UTF-8."}
)
