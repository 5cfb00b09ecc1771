package redis

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/redis/rueidis"

	"tidings/protocol"
)

const hintLater = "Try again later; see the server's log for what is wrong with Redis."

// What is refused without an answer of Redis.
var (
	ErrClosed = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "the broker is closed", Hint: "The server is going down: try again later."}
	ErrUnsaid = &protocol.Error{
		Code: protocol.CodeTimeout, Reason: "Redis did not answer in time: the publish may or may not have happened",
		Hint: "Repeat the publish with its idempotency key.",
	}
	ErrGivenUp = &protocol.Error{Code: protocol.CodeTimeout, Reason: "the request was given up before the broker took it", Hint: "Try again; repeat a publish with its idempotency key."}
	errOpen    = &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: "Redis did not answer the last requests, so it is asked once a second", Hint: "Try again in a second."}
)

// Unavailable is for what certainly did not happen. Of an error it names the kind alone: addresses are nobody's
// business but the log's. Nil is for an answer that is none.
func Unavailable(err error) *protocol.Error {
	reason := "Redis does not answer"
	if answer, ok := rueidis.IsRedisErr(err); ok {
		kind, _, _ := strings.Cut(answer.Error(), " ")
		reason = "Redis refuses: " + strings.TrimSuffix(kind, ":")
	}
	return &protocol.Error{Code: protocol.CodeBrokerUnavailable, Reason: reason, Hint: hintLater}
}

// ReadFault returns what a read, which is safe to repeat, fails with.
func ReadFault(err error) *protocol.Error {
	var fault *protocol.Error
	if errors.As(err, &fault) {
		return fault
	}
	return Unavailable(err)
}

// WriteFault returns what a write fails with: unknown, unless it certainly did not happen.
func WriteFault(err error) *protocol.Error {
	var fault *protocol.Error
	var dial *net.OpError
	switch {
	case errors.As(err, &fault):
		return fault
	case refused(err), errors.As(err, &dial) && dial.Op == "dial":
		return Unavailable(err)
	}
	return ErrUnsaid
}

// refused reports whether Redis answered that it did not run a script at all. An error of another kind may come from
// the middle of it.
func refused(err error) bool {
	answer, ok := rueidis.IsRedisErr(err)
	if !ok {
		return false
	}
	kind, _, _ := strings.Cut(answer.Error(), " ")
	switch strings.TrimSuffix(kind, ":") {
	case "OOM", "READONLY", "MISCONF", "NOREPLICAS", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "NOSCRIPT", "MOVED", "ASK", "TRYAGAIN", "NOAUTH", "NOPERM", "WRONGPASS", "BUSY":
		return true
	}
	return false
}

// silent reports whether an error means that Redis did not answer, for the breaker.
func silent(err error) bool {
	_, answered := rueidis.IsRedisErr(err)
	return err != nil && !answered && !errors.Is(err, context.Canceled)
}
