package protocol

import (
	"context"
	"errors"
	"time"
)

// Error is what a client or an API caller may see of a failure. Everything else is CodeInternal to them and whole in
// the log.
type Error struct {
	Code   Code
	Reason string // what went wrong; never input echoed, never a library's text
	Hint   string // what to do about it
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Reason }

// Is makes errors.Is compare by code, so that errors.Is(err, &Error{Code: CodeForbidden}) asks for the kind of failure.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Internal is what a client may see of a failure that is the server's own. It is one value: compare it by ==.
var Internal = &Error{Code: CodeInternal, Reason: "the server failed", Hint: "Try again; the server's log says why."}

var errLate = &Error{Code: CodeTimeout, Reason: "no answer in time", Hint: "Try again."}

// AsError returns what a client may see of err: the *Error that it is or wraps, CodeTimeout for a deadline that passed,
// else Internal. Internal hides err: the caller logs it whole.
func AsError(err error) *Error {
	var fault *Error
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.Is(err, context.DeadlineExceeded):
		return errLate
	}
	return Internal
}

// RetryAfter returns how long a client should wait before it tries again, as the header Retry-After says it: 5 s for a
// refusal that passes by itself, 30 s for a limit that somebody else has to leave. It returns 0 if the client may
// choose, or need not try again.
func RetryAfter(code Code) time.Duration {
	switch code {
	case CodeRateLimited, CodeOverloaded, CodeBrokerUnavailable, CodeShuttingDown:
		return 5 * time.Second
	case CodeLimitReached:
		return 30 * time.Second
	}
	return 0
}

// Cut returns at most n bytes of s, whole characters only: for what a client chose and a log or an answer repeats.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
