package guard

import (
	"errors"
	"net/http"
	"os"
	"time"
)

// stream is the answer on one stream of an HTTP/2 conn. There a client can leave one answer unread and go on with
// others, which no deadline of the conn notices: so the stream has one of its own while a handler writes.
type stream struct {
	http.ResponseWriter
	guard *Guard
	own   bool // a handler has set a deadline
}

func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// SetWriteDeadline replaces AnswerLimit by a handler's own deadline. The zero time puts AnswerLimit back.
func (s *stream) SetWriteDeadline(t time.Time) error {
	s.own = !t.IsZero()
	return http.NewResponseController(s.ResponseWriter).SetWriteDeadline(t)
}

func (s *stream) Write(p []byte) (written int, err error) {
	for {
		part := p[written:min(len(p), written+AnswerBytes)]
		var n int
		err = s.bounded(func() error { n, err = s.ResponseWriter.Write(part); return err })
		if written += n; err != nil || written == len(p) {
			return written, err
		}
	}
}

// FlushError is what http.ResponseController's Flush calls.
func (s *stream) FlushError() error {
	return s.bounded(http.NewResponseController(s.ResponseWriter).Flush)
}

// Flush is FlushError without the error, as http.Flusher wants it.
func (s *stream) Flush() { s.FlushError() }

// bounded runs a write with AnswerLimit, unless the handler has a deadline of its own. A deadline that passes ends the
// stream even if nothing is being written, so it is taken back.
func (s *stream) bounded(write func() error) error {
	if s.own {
		return write()
	}
	ctl := http.NewResponseController(s.ResponseWriter)
	ctl.SetWriteDeadline(time.Now().Add(AnswerLimit))
	err := write()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.guard.unread.Add(1)
	}
	ctl.SetWriteDeadline(time.Time{})
	return err
}

// finish bounds what net/http still has to write when the handler is done.
func (s *stream) finish() {
	http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(AnswerLimit))
}
