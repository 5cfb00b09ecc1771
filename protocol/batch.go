package protocol

// ReadBatch reads one JSON object as ReadObject does, whose member called name is an array. element is called with the
// bytes of each of the array's elements, at most max of them, which are only known to be JSON: to read one strictly,
// with limits of its own, is the caller's business, so that one that is faulty does not harm the others. field is
// called for every other member. It fails with CodeBadRequest where the array is missing, empty or too long, and
// otherwise as ReadObject does.
func ReadBatch(raw []byte, name string, max int, element func(value []byte) error, field func(name string, value []byte) error) error {
	var s scanner
	if err := s.start(raw, envelope, noTokenCap); err != nil {
		return err
	}
	if s.peek() != '{' {
		return s.wrongType("must be a JSON object")
	}
	found := 0
	err := s.object(func(key []byte) error {
		if string(key) == name {
			return s.elements(name, max, &found, element)
		}
		from, text := s.i, string(key)
		if err := s.member(key); err != nil || s.refused != nil {
			return err
		}
		if err := field(text, s.b[from:s.i:s.i]); err != nil {
			s.refuse(named(text, err))
		}
		return nil
	})
	if found == 0 {
		s.refuse(&Error{CodeBadRequest, `field "` + name + `" is missing or empty`, hintFields})
	}
	return s.verdict(err)
}

// elements passes the array that s stands on. Each element may be nested as deep as a text of its own.
func (s *scanner) elements(name string, max int, found *int, element func(value []byte) error) error {
	if s.peek() != '[' {
		s.refuse(&Error{CodeBadRequest, `field "` + name + `" must be an array`, hintFields})
		*found = 1
		return s.value()
	}
	return s.array(func() error {
		depth, before := s.depth, s.mode
		s.mode, s.depth = opaque, -MaxDepth
		from := s.i
		err := s.value()
		s.mode, s.depth = before, depth
		if *found++; *found == max+1 {
			s.refuse(&Error{CodeBadRequest, `field "` + name + `" has too many elements`, "See the table of limits in SPEC.md section 9, and send several requests."})
		}
		if err != nil || s.refused != nil {
			return err
		}
		if err := element(s.b[from:s.i:s.i]); err != nil {
			s.refuse(err)
		}
		return nil
	})
}
