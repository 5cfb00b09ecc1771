package guard

import (
	"bytes"
	"errors"
	"strconv"
)

// ErrSmuggled is what a Conn's Read fails with. net/http answers it with 400 and closes the conn.
var ErrSmuggled = errors.New("guard: a request with Content-Length and Transfer-Encoding")

// heads follows the requests in a stream of bytes, as far as is needed to find each head: net/http forgets the length
// of a request that also has chunks, and takes it. It checks nothing else, since net/http does. After a request in
// chunks it follows no more: Handler closes the conn after it.
type heads struct {
	skip    uint64 // bytes of a body still to come
	body    uint64 // the Content-Length of this head
	line    []byte // the beginning of a line that has not ended, at most maxLine bytes
	began   bool   // the first line of this head has ended
	length  bool   // the head has Content-Length
	chunks  bool   // the head has Transfer-Encoding
	bad     bool   // what comes is no request that net/http may see
	passing bool   // no further head is followed
}

// maxLine is how much of a line is looked at: a name, and the value of a length.
const maxLine = 64

// follow returns how many bytes of p net/http may see: all, or those before the end of the line for which a head is
// refused. It has to see that a request began, else it closes the conn without an answer.
func (h *heads) follow(p []byte) (good int) {
	for i := 0; i < len(p) && !h.passing; {
		if h.skip > 0 {
			n := min(h.skip, uint64(len(p)-i))
			h.skip -= n
			i += int(n)
			continue
		}
		if !h.began && len(h.line) == 0 && (p[i] == '\r' || p[i] == '\n') { // net/http takes empty lines after a POST
			i++
			continue
		}
		end := bytes.IndexByte(p[i:], '\n')
		if end < 0 {
			h.line = h.kept(p[i:])
			break
		}
		line := p[i : i+end]
		if len(h.line) > 0 {
			line = h.kept(line)
		}
		i += end + 1
		h.endLine(bytes.TrimSuffix(line[:min(len(line), maxLine)], []byte("\r")))
		if h.line = h.line[:0]; h.bad {
			return i - 1
		}
	}
	return len(p)
}

// kept returns the kept beginning of a line with one more part of it.
func (h *heads) kept(part []byte) []byte {
	return append(h.line, part[:min(len(part), maxLine-len(h.line))]...)
}

// endLine deals with the beginning of a whole line: the first of a head, a header, or the empty one at the end.
func (h *heads) endLine(line []byte) {
	switch {
	case !h.began:
		h.began = true
	case len(line) == 0:
		h.endHead()
	case line[0] != ' ' && line[0] != '\t': // else it continues the header before it
		h.header(line)
	}
}

func (h *heads) header(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.chunks = true
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 63)
		h.bad = h.bad || err != nil || h.length && n != h.body
		h.length, h.body = true, n
	}
}

func (h *heads) endHead() {
	h.bad = h.length && h.chunks
	h.skip, h.passing = h.body, h.chunks
	h.body, h.began, h.length, h.chunks = 0, false, false, false
}
