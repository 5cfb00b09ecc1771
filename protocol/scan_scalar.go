package protocol

// text passes a string and gives what stands between its quotes, and whether that has escapes.
func (s *scanner) text() (inner []byte, escaped bool, err error) {
	if err := s.token(); err != nil {
		return nil, false, err
	}
	s.i++
	from := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[from : s.i-1 : s.i-1], escaped, nil
		case c < ' ':
			return nil, false, badJSON("a string of the JSON has a control character")
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		default:
			s.i++
		}
	}
	return nil, false, badJSON(whyEnds)
}

// escape passes one escape, or the two of a surrogate pair.
func (s *scanner) escape() error {
	if s.i+1 >= len(s.b) {
		return badJSON(whyEnds)
	}
	switch s.b[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return nil
	case 'u':
	default:
		return badJSON("a string of the JSON has an escape that does not exist")
	}
	unit, ok := hex4(s.b[s.i:])
	if !ok {
		return badJSON(`a string of the JSON has \u without four hexadecimal digits`)
	}
	s.i += 6
	if s.mode == opaque || !isSurrogate(unit) {
		return nil
	}
	if low, ok := hex4(s.b[s.i:]); ok && unit < 0xdc00 && low >= 0xdc00 && low < 0xe000 {
		s.i += 6
		return nil
	}
	return badJSON("a string of the JSON has half of a surrogate pair")
}

func isSurrogate(unit rune) bool { return unit >= 0xd800 && unit < 0xe000 }

// hex4 reads the escape \uXXXX at the start of b.
func hex4(b []byte) (unit rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}

// number passes a number.
func (s *scanner) number() error {
	if err := s.token(); err != nil {
		return err
	}
	if s.peek() == '-' {
		s.i++
	}
	switch c := s.peek(); {
	case c == '0':
		s.i++
	case c >= '1' && c <= '9':
		s.digits()
	case s.i == len(s.b):
		return badJSON(whyEnds)
	default:
		return badJSON("there is something in the JSON that is not a value")
	}
	if s.peek() == '.' {
		s.i++
		if !s.digits() {
			return badJSON("a number of the JSON has no digit after its point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if !s.digits() {
			return badJSON("a number of the JSON has no digit in its exponent")
		}
	}
	return nil
}

// digits passes digits, and tells whether there was one.
func (s *scanner) digits() bool {
	from := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > from
}

func (s *scanner) word(w string) error {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return badJSON("there is something in the JSON that is not a value")
	}
	s.i += len(w)
	return s.token()
}
