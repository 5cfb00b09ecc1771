package protocol

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestAsErrorShowsClientsNothingOfOurs(t *testing.T) {
	known := &Error{Code: CodeForbidden, Reason: "no", Hint: "ask"}
	for _, c := range []struct {
		name string
		err  error
		want *Error
	}{
		{name: "an error of ours", err: known, want: known},
		{name: "a wrapped one", err: fmt.Errorf("publish: %w", known), want: known},
		{name: "a deadline", err: fmt.Errorf("broker: %w", context.DeadlineExceeded), want: errLate},
		{name: "anything else", err: errors.New("dial tcp 10.0.0.7:6379: refused"), want: Internal},
	} {
		if got := AsError(c.err); got != c.want {
			t.Errorf("%s: %v: got %v, want %v", c.name, c.err, got, c.want)
		}
	}
}

func TestRetryAfterIsForRefusalsThatPass(t *testing.T) {
	for code, want := range map[Code]time.Duration{
		CodeRateLimited: 5 * time.Second, CodeOverloaded: 5 * time.Second, CodeBrokerUnavailable: 5 * time.Second, CodeShuttingDown: 5 * time.Second,
		CodeLimitReached: 30 * time.Second, CodeForbidden: 0, CodeInternal: 0,
	} {
		if got := RetryAfter(code); got != want {
			t.Errorf("%s: got %v, want %v", code, got, want)
		}
	}
}
