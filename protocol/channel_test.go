package protocol

import (
	"errors"
	"testing"
)

type channelVector struct {
	Name, In string
	Code     Code
}

func TestParseChannel(t *testing.T) {
	for _, v := range readVectors[channelVector](t, "channels.json") {
		t.Run(v.Name, func(t *testing.T) {
			ch, err := ParseChannel(v.In)
			if got := codeOf(err); got != v.Code {
				t.Fatalf("%q: got %q, want %q", v.In, got, v.Code)
			}
			if err == nil && string(ch) != v.In {
				t.Fatalf("%q became %q", v.In, ch)
			}
		})
	}
}

func TestErrorsCompareByCode(t *testing.T) {
	_, err := ParseChannel("$SYS")
	if !errors.Is(err, &Error{Code: CodeForbidden}) || errors.Is(err, &Error{Code: CodeBadChannel}) {
		t.Fatalf("got %v", err)
	}
	if got, want := err.Error(), `forbidden: channel names that start with "$" are the server's own`; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}
