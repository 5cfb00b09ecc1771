package main

import (
	"io"
	"strings"
	"testing"
)

func TestRunTellsHowACommandEnded(t *testing.T) {
	for _, c := range []struct {
		name    string
		command []string
		printed string
		fails   bool
	}{
		{name: "prints and passes", command: []string{"sh", "-c", "echo one"}, printed: "one\n"},
		{name: "prints and fails", command: []string{"sh", "-c", "echo two; exit 3"}, printed: "two\n", fails: true},
		{name: "is not there", command: []string{"./no-such-command"}, fails: true},
	} {
		var printed strings.Builder
		err := run(suite{name: c.name, command: c.command}, func(out io.Reader) error {
			_, err := io.Copy(&printed, out)
			return err
		})
		if printed.String() != c.printed || (err != nil) != c.fails {
			t.Errorf("%s: got %q and %v, want %q, failing %v", c.name, printed.String(), err, c.printed, c.fails)
		}
	}
}
