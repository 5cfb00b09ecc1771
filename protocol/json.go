package protocol

import (
	"bytes"
	"strconv"
	"strings"
)

// CompactJSON checks one data value and gives it without white space between its tokens: raw itself, without the space
// around it, where there is none inside. Duplicate keys, lone surrogate escapes and big numbers stay as they are. It
// fails with CodeBadJSON, CodeBadUTF8, and CodeTooLarge above MaxPayloadBytes.
func CompactJSON(raw []byte) ([]byte, error) {
	var s scanner
	if err := s.start(raw, opaque, MaxTokens); err != nil {
		return nil, err
	}
	before := s.spaces
	v, err := s.raw()
	spaces := s.spaces - before
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return nil, err
	}
	if err := checkPayload(len(v) - spaces); err != nil {
		return nil, err
	}
	if spaces == 0 {
		return v, nil
	}
	return appendCompact(make([]byte, 0, len(v)-spaces), v), nil
}

func checkPayload(n int) error {
	if n > MaxPayloadBytes {
		return &Error{CodeTooLarge, `field "data" is longer than 65536 bytes`, "Send less, or send a reference to it."}
	}
	return nil
}

// ReadObject reads one JSON object strictly and calls field with the unescaped name and the bytes of each member's
// value, which lie in raw. The value of a member "data", at any depth, is opaque as in CompactJSON; everything else
// must be free of duplicate keys and lone surrogates. It fails with CodeBadJSON or CodeBadUTF8 whatever field said;
// with CodeBadRequest where raw is not an object; else with field's first error, after which field is not called again.
// Faults that Read… functions found are given the member's name.
func ReadObject(raw []byte, field func(name string, value []byte) error) error {
	var s scanner
	if err := s.start(raw, envelope, MaxTokens); err != nil {
		return err
	}
	if s.peek() != '{' {
		return s.wrongType("must be a JSON object")
	}
	err := s.object(func(name []byte) error {
		from := s.i
		if err := s.member(name); err != nil || s.refused != nil {
			return err
		}
		name2 := string(name)
		if err := field(name2, s.b[from:s.i:s.i]); err != nil {
			s.refuse(named(name2, err))
		}
		return nil
	})
	return s.verdict(err)
}

// ReadArray reads one JSON array as ReadObject does an object. It fails with CodeBadRequest where value is not an
// array.
func ReadArray(value []byte, element func(value []byte) error) error {
	var s scanner
	if err := s.start(value, envelope, MaxTokens); err != nil {
		return err
	}
	if s.peek() != '[' {
		return s.wrongType("must be an array")
	}
	err := s.array(func() error {
		v, err := s.raw()
		if err != nil || s.refused != nil {
			return err
		}
		if err := element(v); err != nil {
			s.refuse(err)
		}
		return nil
	})
	return s.verdict(err)
}

// ReadString reads a JSON string. It fails with CodeBadRequest for another type, CodeBadJSON for what is no JSON.
func ReadString(value []byte) (string, error) {
	var s scanner
	if err := s.start(value, envelope, 1); err != nil {
		return "", err
	}
	if s.peek() != '"' {
		return "", s.wrongType(mustString)
	}
	inner, escaped, err := s.text()
	if err := s.verdict(err); err != nil {
		return "", err
	}
	if escaped {
		return string(unescape(inner)), nil
	}
	return string(inner), nil
}

// ReadUint reads an integer from 0 to MaxInteger, without fraction or exponent. It fails with CodeBadRequest.
func ReadUint(value []byte) (uint64, error) {
	n, ok := parseUint(bytes.TrimSpace(value))
	if !ok {
		return 0, &Error{CodeBadRequest, mustUint, hintFields}
	}
	return n, nil
}

// ReadBool reads true or false. It fails with CodeBadRequest.
func ReadBool(value []byte) (bool, error) {
	switch string(bytes.TrimSpace(value)) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, &Error{CodeBadRequest, mustBool, hintFields}
}

const (
	mustPrefix = "must be "
	mustString = "must be a string"
	mustBool   = "must be true or false"
	mustUint   = "must be an integer from 0 to 9007199254740991"
	hintFields = "See the table of frames and fields in SPEC.md section 6, or the API's description."
)

func parseUint(v []byte) (uint64, bool) {
	if len(v) == 0 || len(v) > 16 || v[0] < '0' || v[0] > '9' || v[0] == '0' && len(v) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(v), 10, 64)
	return n, err == nil && n <= MaxInteger
}

// wrongType passes the rest, so that bad_json wins, and then says what is the matter.
func (s *scanner) wrongType(must string) error {
	s.refuse(&Error{CodeBadRequest, must, hintFields})
	return s.verdict(s.value())
}

// verdict ends a text: err of its syntax first, then what follows it, then what was refused.
func (s *scanner) verdict(err error) error {
	if err == nil {
		err = s.end()
	}
	if err == nil {
		err = s.refused
	}
	return err
}

// named names the member that a Read… function's fault is about. A name that is no plain word is not repeated.
func named(name string, err error) error {
	e, ok := err.(*Error)
	if !ok || e.Code != CodeBadRequest || !strings.HasPrefix(e.Reason, mustPrefix) || len(name) > 32 || !wordBytes(name) {
		return err
	}
	return &Error{e.Code, `field "` + name + `" ` + e.Reason, e.Hint}
}
