package protocol

import (
	"bytes"
	"strconv"
)

// members are the raw values of one object's known fields, by name; nil where absent. They lie in the text.
type members struct {
	raw    [fieldCount][]byte
	spaces int // white space inside data, in bytes
}

// collect passes the object that s stands on and fills m.
func (m *members) collect(s *scanner) error {
	return s.object(func(name []byte) error { return m.add(s, name) })
}

// add passes one member's value and keeps it, if its name is known.
func (m *members) add(s *scanner, name []byte) error {
	from, spaces := s.i, s.spaces
	if err := s.member(name); err != nil {
		return err
	}
	f := fieldIndex[string(name)]
	if f == noField {
		return nil
	}
	m.raw[f] = s.b[from:s.i:s.i]
	if f == fData {
		m.spaces = s.spaces - spaces
	}
	return nil
}

// within fills m from an object inside a text that was already checked. It fails with CodeBadRequest where v, the value
// of f, is not an object.
func (m *members) within(f field, v []byte) error {
	if v[0] != '{' {
		return mustBe(f, "an object")
	}
	s := scanner{b: v, tokens: noTokenCap, mode: envelope}
	return m.collect(&s)
}

// data returns a compact copy of the data member.
func (m *members) data() ([]byte, error) {
	v := m.raw[fData]
	if err := checkPayload(len(v) - m.spaces); err != nil {
		return nil, err
	}
	return copied(v, m.spaces), nil
}

// copied returns a copy of v without the white space between its tokens, of which there are so many bytes.
func copied(v []byte, spaces int) []byte {
	if spaces == 0 {
		return bytes.Clone(v)
	}
	return appendCompact(make([]byte, 0, len(v)-spaces), v)
}

func mustBe(f field, what string) error {
	return &Error{CodeBadRequest, `field "` + f.String() + `" ` + mustPrefix + what, hintFields}
}

func missing(f field) error {
	return &Error{CodeBadRequest, `field "` + f.String() + `" is missing`, hintFields}
}

// The functions below read a value that a scanner passed.

// plain returns the bytes of a string, which lie in the text where it has no escapes.
func plain(f field, v []byte) ([]byte, error) {
	if v[0] != '"' {
		return nil, mustBe(f, "a string")
	}
	v = v[1 : len(v)-1]
	if bytes.IndexByte(v, '\\') >= 0 {
		return unescape(v), nil
	}
	return v, nil
}

// text returns a string of at most max bytes.
func text(f field, v []byte, max int) (string, error) {
	b, err := plain(f, v)
	if err != nil {
		return "", err
	}
	if len(b) > max {
		return "", mustBe(f, "at most "+strconv.Itoa(max)+" bytes long")
	}
	return string(b), nil
}

func number(f field, v []byte, min, max uint64) (uint64, error) {
	n, ok := parseUint(v)
	if !ok || n < min || n > max {
		return 0, mustBe(f, "an integer from "+strconv.FormatUint(min, 10)+" to "+strconv.FormatUint(max, 10))
	}
	return n, nil
}

func counter(f field, v []byte) (*uint64, error) {
	n, err := number(f, v, 0, MaxInteger)
	return &n, err
}

func truth(f field, v []byte) (bool, error) {
	switch v[0] {
	case 't', 'f':
		return v[0] == 't', nil
	}
	return false, mustBe(f, "true or false")
}

// position reads {epoch, offset, tag?}. It fails with CodeBadCursor where no server can have given it out.
func position(f field, v []byte) (*Position, error) {
	var m members
	if err := m.within(f, v); err != nil {
		return nil, err
	}
	p := new(Position)
	return p, p.read(&m)
}

// read fills p from the members epoch, offset and tag. The lengths are Check's.
func (p *Position) read(m *members) (err error) {
	for _, f := range [...]field{fEpoch, fOffset, fTag} {
		v := m.raw[f]
		switch {
		case v == nil && f == fTag:
		case v == nil:
			err = missing(f)
		case f == fEpoch:
			p.Epoch, err = text(f, v, MaxMessageBytes)
		case f == fOffset:
			p.Offset, err = number(f, v, 0, MaxInteger)
		default:
			p.Tag, err = text(f, v, MaxMessageBytes)
		}
		if err != nil {
			return err
		}
	}
	return p.Check()
}
