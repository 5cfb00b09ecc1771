package guard

import (
	"strings"
	"testing"
)

const (
	get   = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	post  = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
	both  = "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	other = "POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\nX: 1\r\ncontent-LENGTH:4\r\n\r\n"
)

func Test_B121_aLengthWithChunksIsFound(t *testing.T) {
	for _, tt := range []struct {
		name, good, rest string // net/http may see good, and not the end of the head of rest
	}{
		{name: "no body", good: get},
		{name: "a length", good: post + get},
		{name: "chunks", good: "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{name: "both", rest: both},
		{name: "both, in the other order and spelling", rest: other},
		{name: "both, with bare line feeds", rest: strings.ReplaceAll(both, "\r", "")},
		{name: "both, behind another request", good: get + post, rest: both},
		{name: "both, behind an empty line", good: post + "\r\n", rest: both},
		{name: "both, HTTP/1.0", rest: strings.Replace(both, "1.1", "1.0", 1)},
		{name: "both, with a long header between", rest: strings.Replace(both, "Transfer", "X: "+strings.Repeat("x", 5000)+"\r\nTransfer", 1)},
		{name: "a body that looks like such a head", good: "POST / HTTP/1.1\r\nContent-Length: 83\r\n\r\n" + both + get},
		{name: "a length far to the right", rest: strings.Replace(both, ": 4", ":"+strings.Repeat(" ", 100)+"4", 1)},
		{name: "lengths that differ", rest: "POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n"},
		{name: "lengths that are the same", good: strings.Replace(post, "Content", "Content-Length: 4\r\nContent", 1)},
		{name: "a list of lengths", rest: "POST / HTTP/1.1\r\nContent-Length: 4, 4\r\n\r\n"},
		{name: "a header that is continued", good: "GET / HTTP/1.1\r\nContent-Length: 0\r\nX: a\r\n Transfer-Encoding: chunked\r\n\r\n"},
		{name: "the name in a value", good: "GET / HTTP/1.1\r\nContent-Length: 0\r\nX: Transfer-Encoding: chunked\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := tt.good + tt.rest
			for size := 1; size <= len(all); size++ { // however it is cut
				if size > 200 && size < len(all) {
					continue
				}
				var h heads
				seen := 0
				for at := 0; at < len(all) && !h.bad; at += size {
					seen += h.follow([]byte(all[at:min(at+size, len(all))]))
				}
				end := len(all)
				if tt.rest != "" {
					end = headEnd(all, len(tt.good)) - 1
				}
				if h.bad != (tt.rest != "") || seen < len(tt.good) || seen > end || tt.rest == "" && seen < end {
					t.Fatalf("in parts of %d bytes: %q is refused: %v, net/http sees %q", size, all, h.bad, all[:seen])
				}
			}
		})
	}
}

// headEnd returns where the head that begins at an offset ends.
func headEnd(all string, at int) int {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := strings.Index(all[at:], end); i >= 0 {
			return at + i + len(end)
		}
	}
	return len(all)
}

func FuzzHeads(f *testing.F) {
	f.Add([]byte(both), uint8(3))
	f.Add([]byte(post+get), uint8(200))
	f.Fuzz(func(t *testing.T, input []byte, size uint8) {
		var whole, cut heads
		whole.follow(input)
		for p := input; len(p) > 0 && !cut.bad; {
			n := min(int(size)+1, len(p))
			cut.follow(p[:n])
			p = p[n:]
		}
		if whole.bad != cut.bad {
			t.Errorf("%q: refused %v as a whole, %v in parts of %d bytes", input, whole.bad, cut.bad, int(size)+1)
		}
	})
}
