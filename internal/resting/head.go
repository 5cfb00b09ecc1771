package resting

import (
	"bytes"
	"slices"
)

// maxFields is how many headers a known request may have.
const maxFields = 40

// head is what a known request says before its body. Its values lie in the bytes that were read.
type head struct {
	fields [maxFields]field
	n      int // of fields
	host   string
	length int // of the body

	handshake bool // it has to be that of a WebSocket's handshake: with Upgrade, and without a body
	upgrade   bool // Connection asks for what Upgrade names
	protocol  bool // Upgrade names it
}

type field struct {
	name  string // in canonical form
	value []byte
}

// read reads the headers that follow the first line, and returns where the body begins. It reports false if they are
// not those of a known form, or not all there.
func (h *head) read(b []byte) (end int, ok bool) {
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '\r')
		if n < 0 || at+n+1 >= len(b) || b[at+n+1] != '\n' {
			return 0, false
		}
		line := b[at : at+n]
		if at += n + 2; n == 0 {
			return at, h.host != "" && h.complete()
		}
		if !h.take(line) {
			return 0, false
		}
	}
}

// complete reports whether the headers that a known request must have, beside Host, have come.
func (h *head) complete() bool {
	if !h.handshake {
		return h.length > 0
	}
	return h.upgrade && h.protocol && (!h.has("Pragma") || h.has("Cache-Control")) // else net/http puts that in its place
}

func (h *head) has(name string) bool {
	return slices.ContainsFunc(h.fields[:h.n], func(f field) bool { return f.name == name })
}

// take takes one header. It reports false if a known request has no such header, or has it once and it came before.
func (h *head) take(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return false
	}
	name, ok := canonical(line[:colon], h.handshake)
	value := bytes.Trim(line[colon+1:], " ")
	if !ok || !plain(value) {
		return false
	}
	switch name {
	case "Host":
		if h.host != "" || !plainHost(value) {
			return false
		}
		h.host = string(value)
		return true // net/http takes it out of the headers
	case "Content-Length":
		if h.length = number(value); h.length == 0 || h.handshake {
			return false
		}
	case "Connection":
		h.upgrade = bytes.EqualFold(value, []byte("Upgrade")) || bytes.EqualFold(value, []byte("keep-alive, Upgrade"))
		if h.upgrade != h.handshake || !h.handshake && !bytes.EqualFold(value, []byte("keep-alive")) {
			return false
		}
	case "Upgrade":
		if h.protocol = bytes.EqualFold(value, []byte("websocket")); !h.protocol {
			return false
		}
	}
	if h.n == maxFields || h.has(name) {
		return false
	}
	h.fields[h.n] = field{name, value}
	h.n++
	return true
}

// number reads a number of 1 to 5 digits that does not begin with 0. It returns 0 for all else.
func number(text []byte) (n int) {
	if len(text) > 5 || len(text) > 0 && text[0] == '0' {
		return 0
	}
	for _, b := range text {
		if b < '0' || b > '9' {
			return 0
		}
		n = n*10 + int(b-'0')
	}
	return n
}

// plain reports whether all bytes are printable ASCII.
func plain(value []byte) bool {
	for _, b := range value {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return true
}

// plainHost reports whether a value is made of what names, addresses and ports are made of.
func plainHost(value []byte) bool {
	for _, b := range value {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		case b == '.', b == '-', b == '_', b == ':', b == '[', b == ']':
		default:
			return false
		}
	}
	return len(value) > 0
}
