package protocol

import (
	"bytes"
	"math"
	"unicode/utf8"
)

// scanner walks one JSON text once, strictly. Its methods fail only for what is not JSON as SPEC.md section 3 wants it;
// what is wrong with a well-formed text is kept by refuse, so that bad_json wins over every other fault, wherever it
// stands.
type scanner struct {
	b       []byte
	i       int
	spaces  int // bytes of white space passed so far
	depth   int
	deeper  int // how much deeper than MaxDepth it may go
	tokens  int // that may still come
	mode    mode
	refused error // the first fault that is not one of syntax
}

type mode uint8

const (
	envelope mode = iota // no duplicate keys, no lone surrogates; the value of a member "data" is opaque
	strict               // as envelope, but "data" is a name like any other: inside "filter" and "meta"
	opaque               // duplicate keys and lone surrogates are left as they are: inside "data"
)

const (
	noTokenCap  = math.MaxInt64 // for what our own server wrote
	byteOrder   = "\ufeff"
	hintJSON    = "Send one JSON value as SPEC.md section 3 describes it: UTF-8 without BOM, no duplicate keys, nothing after it."
	whyTooDeep  = "the JSON is nested more than 32 deep"
	whyTooMany  = "the JSON has more than 10000 tokens"
	whyEnds     = "the JSON ends too early"
	whyTwice    = "a key appears twice in one object"
	whyTrailing = "there are bytes after the JSON value"
)

func badJSON(reason string) error { return &Error{CodeBadJSON, reason, hintJSON} }

// start readies s for one text. It fails with CodeBadUTF8, or with CodeBadJSON where there is a byte order mark or
// nothing at all.
func (s *scanner) start(b []byte, m mode, tokens int) error {
	s.b, s.mode, s.tokens = b, m, tokens
	if !utf8.Valid(b) {
		return &Error{CodeBadUTF8, "the text is not UTF-8", "Send UTF-8."}
	}
	if bytes.HasPrefix(b, []byte(byteOrder)) {
		return badJSON("the JSON starts with a byte order mark")
	}
	s.space()
	if s.i == len(b) {
		return badJSON("there is no JSON value")
	}
	return nil
}

// end checks that nothing but white space follows.
func (s *scanner) end() error {
	s.space()
	if s.i != len(s.b) {
		return badJSON(whyTrailing)
	}
	return nil
}

func (s *scanner) refuse(err error) {
	if s.refused == nil {
		s.refused = err
	}
}

func (s *scanner) space() {
	for s.i < len(s.b) && isSpace(s.b[s.i]) {
		s.i++
		s.spaces++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// peek returns the byte that comes, 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) token() error {
	if s.tokens--; s.tokens < 0 {
		return badJSON(whyTooMany)
	}
	return nil
}

// value passes one value; s stands on its first byte.
func (s *scanner) value() error {
	switch c := s.peek(); c {
	case '{':
		return s.object(nil)
	case '[':
		return s.array(nil)
	case '"':
		_, _, err := s.text()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

// raw passes one value and gives its bytes.
func (s *scanner) raw() ([]byte, error) {
	from := s.i
	err := s.value()
	return s.b[from:s.i:s.i], err
}

// object passes an object. For each member it calls each, which must pass the value that s then stands on (with
// member); nil passes all. A name is valid until each returns.
func (s *scanner) object(each func(name []byte) error) error {
	if err := s.open(); err != nil {
		return err
	}
	var seen names
	if s.peek() == '}' {
		return s.close()
	}
	for {
		name, err := s.name(&seen)
		if err != nil {
			return err
		}
		if each == nil {
			err = s.member(name)
		} else {
			err = each(name)
		}
		if err != nil {
			return err
		}
		if more, err := s.more('}'); !more {
			return err
		}
	}
}

// array passes an array, as object does an object.
func (s *scanner) array(each func() error) error {
	if err := s.open(); err != nil {
		return err
	}
	if s.peek() == ']' {
		return s.close()
	}
	for {
		var err error
		if each == nil {
			err = s.value()
		} else {
			err = each()
		}
		if err != nil {
			return err
		}
		if more, err := s.more(']'); !more {
			return err
		}
	}
}

// member passes the value of the member called name.
func (s *scanner) member(name []byte) error {
	if s.mode != envelope {
		return s.value()
	}
	depth := s.depth
	switch string(name) {
	case "data": // its depth counts from here, so that data which one entrance took fits through every other
		s.mode, s.depth = opaque, 0
	case "meta": // likewise
		s.mode, s.depth = strict, 0
	case "filter":
		s.mode = strict
	}
	err := s.value()
	s.mode, s.depth = envelope, depth
	return err
}

func (s *scanner) open() error {
	s.i++
	s.space()
	if s.depth++; s.depth > MaxDepth+s.deeper {
		return badJSON(whyTooDeep)
	}
	return s.token()
}

func (s *scanner) close() error {
	s.i++
	s.depth--
	return s.token()
}

// more passes the comma or the end after an element; false at the end and for an error.
func (s *scanner) more(end byte) (bool, error) {
	s.space()
	switch s.peek() {
	case ',':
		s.i++
		s.space()
		return true, nil
	case end:
		return false, s.close()
	}
	if s.i == len(s.b) {
		return false, badJSON(whyEnds)
	}
	return false, badJSON("a comma or a closing bracket is missing in the JSON")
}

// name passes a member's name and colon, and checks that its object does not have it yet.
func (s *scanner) name(seen *names) ([]byte, error) {
	if s.peek() != '"' {
		return nil, badJSON("a key of a JSON object is missing or not a string")
	}
	from := s.i + 1
	name, escaped, err := s.text()
	if err != nil {
		return nil, err
	}
	at := span{from, s.i - 1, escaped}
	if s.space(); s.peek() != ':' {
		return nil, badJSON("a colon is missing after a key of a JSON object")
	}
	s.i++
	s.space()
	if s.mode == opaque {
		return name, nil
	}
	if escaped {
		name = unescape(name)
	}
	if !seen.add(s.b, name, at) {
		return nil, badJSON(whyTwice)
	}
	return name, nil
}
