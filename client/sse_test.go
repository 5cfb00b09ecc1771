package client

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEventReader(t *testing.T) {
	big := strings.Repeat("x", readMax-100)
	for _, tt := range []struct {
		name, in string
		want     []string
		err      error
	}{
		{name: "one event", in: "data: a\n\n", want: []string{"a"}},
		{name: "no space", in: "data:a\n\n", want: []string{"a"}},
		{name: "two spaces", in: "data:  a\n\n", want: []string{" a"}},
		{name: "lines are joined", in: "data: [\ndata: 1]\n\n", want: []string{"[\n1]"}},
		{name: "carriage returns", in: "data: a\r\n\r\ndata: b\r\n\r\n", want: []string{"a", "b"}},
		{name: "comments and other fields", in: ": hello\n\nid: 7\nevent: x\ndata: a\nretry: 3\n\n:\n\n", want: []string{"a"}},
		{name: "byte order mark", in: "\ufeffdata: a\n\n", want: []string{"a"}},
		{name: "empty lines", in: "\n\n\n\ndata: a\n\n\n\ndata: b\n\n", want: []string{"a", "b"}},
		{name: "largest", in: "data: " + big + "\n\ndata: a\n\n", want: []string{big, "a"}},
		{name: "too large", in: "data: " + big + strings.Repeat("x", 200) + "\n\n", err: bufio.ErrTooLong},
		{name: "nothing", in: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil {
				tt.err = io.EOF
			}
			for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.HalfReader(strings.NewReader(tt.in)), slowly(tt.in)} {
				events := newEventReader(r)
				var got []string
				data, err := events.next()
				for ; err == nil; data, err = events.next() {
					got = append(got, string(data))
				}
				if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) {
					t.Errorf("got %.60q and %v, want %.60q and %v", got, err, tt.want, tt.err)
				}
			}
		})
	}
}

// slowly gives short input a byte at a time.
func slowly(in string) io.Reader {
	if len(in) > 1000 {
		return strings.NewReader(in)
	}
	return iotest.OneByteReader(strings.NewReader(in))
}

func FuzzEventReader(f *testing.F) {
	for _, seed := range []string{"data: a\n\n", ":\n\n", "data: [\r\ndata: 1]\r\n\r\n", "\r\r\n\n\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		events := newEventReader(strings.NewReader(string(in)))
		for range len(in) + 2 {
			if _, err := events.next(); err != nil {
				return
			}
		}
		t.Errorf("%q has more events than bytes", in)
	})
}
