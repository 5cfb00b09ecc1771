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
			return at, h.host != "" && h.length > 0
		}
		if !h.take(line) {
			return 0, false
		}
	}
}

// take takes one header. It reports false if a known request has no such header, or has it once and it came before.
func (h *head) take(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return false
	}
	name, ok := canonical(line[:colon])
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
		if h.length = number(value); h.length == 0 {
			return false
		}
	case "Connection":
		if !bytes.EqualFold(value, []byte("keep-alive")) {
			return false
		}
	}
	if h.n == maxFields || slices.ContainsFunc(h.fields[:h.n], func(f field) bool { return f.name == name }) {
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
