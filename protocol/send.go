package protocol

// Send is the body of POST /bus/send: upstream frames of a session whose downstream is SSE or poll.
type Send struct {
	Session  string
	Seq      uint64  // from 1, counting up by one
	Received *uint64 // counted frames that the client has; nil if it does not say
	Frames   []ClientFrame
	Refused  *Error // why none of the frames is taken: each has its Type and ID alone, to be answered with; nil if all are
}

// DecodeSend reads the body of POST /bus/send as DecodeClientFrames reads frames, except that there may be none. Where
// one of the frames is refused and a request is among them, Refused says so; it fails if nobody would be answered by
// that.
func DecodeSend(b []byte) (Send, error) {
	var s scanner
	if err := s.start(b, envelope, MaxTokens); err != nil {
		return Send{}, err
	}
	if s.peek() != '{' {
		return Send{}, s.wrongType("must be a JSON object")
	}
	var m members
	var send Send
	var refused error
	err := s.object(func(name []byte) (err error) {
		if string(name) != fFrames.String() || s.peek() != '[' {
			return m.add(&s, name)
		}
		m.raw[fFrames] = s.b[s.i : s.i+1]
		before := s.refused
		send.Frames, err = s.clientArray()
		if before == nil {
			refused, s.refused = s.refused, nil
		}
		return err
	})
	if err == nil {
		if err := send.fill(&m); err != nil {
			s.refuse(err)
		}
	}
	if err := s.verdict(err); err != nil {
		return Send{}, err
	}
	if refused != nil {
		return send.refuse(refused)
	}
	return send, nil
}

// refuse keeps of the frames what is needed to answer them.
func (send Send) refuse(why error) (Send, error) {
	if send.Refused, _ = why.(*Error); send.Refused == nil || len(RequestIDs(send.Frames)) == 0 {
		return Send{}, why
	}
	for i, f := range send.Frames {
		send.Frames[i] = ClientFrame{Type: f.Type, ID: f.ID}
	}
	return send, nil
}

func (send *Send) fill(m *members) (err error) {
	for _, id := range [...]field{fSession, fSeq, fFrames} {
		if m.raw[id] == nil {
			return missing(id)
		}
	}
	if m.raw[fFrames][0] != '[' {
		return mustBe(fFrames, "an array")
	}
	if send.Session, err = text(fSession, m.raw[fSession], MaxNameBytes); err != nil {
		return err
	}
	if send.Session == "" {
		return &Error{CodeBadRequest, `field "session" is empty`, hintFields}
	}
	if v := m.raw[fReceived]; v != nil {
		if send.Received, err = counter(fReceived, v); err != nil {
			return err
		}
	}
	send.Seq, err = number(fSeq, m.raw[fSeq], 1, MaxInteger)
	return err
}

// AppendSend appends the body that DecodeSend reads.
func AppendSend(dst []byte, s *Send) []byte {
	dst = appendText(append(dst, '{'), fSession, s.Session)
	dst = appendNumber(dst, fSeq, s.Seq)
	if s.Received != nil {
		dst = appendNumber(dst, fReceived, *s.Received)
	}
	return append(appendClientArray(appendName(dst, fFrames), s.Frames), '}')
}

// AppendPollAnswer appends the answer to a poll. The cursor is raw JSON: a number for a session, a quoted string for a
// plain poll.
func AppendPollAnswer(dst []byte, frames []*Encoded, cursor string) []byte {
	dst = append(dst, `{"frames":[`...)
	for i, f := range frames {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, f.JSON...)
	}
	dst = append(dst, `],"cursor":`...)
	return append(append(dst, cursor...), '}')
}

// DecodePollAnswer reads the answer to a poll. The cursor is the text of the number, or what the string says.
func DecodePollAnswer(b []byte) (frames []ServerFrame, cursor string, err error) {
	var s scanner
	if err := s.start(b, envelope, noTokenCap); err != nil {
		return nil, "", err
	}
	if s.peek() != '{' {
		return nil, "", s.wrongType("must be a JSON object")
	}
	var m members
	err = s.object(func(name []byte) (err error) {
		if string(name) != fFrames.String() || s.peek() != '[' {
			return m.add(&s, name)
		}
		m.raw[fFrames] = s.b[s.i : s.i+1]
		frames, err = s.serverFrames()
		return err
	})
	if err := s.verdict(err); err != nil {
		return nil, "", err
	}
	switch v := m.raw[fFrames]; {
	case v == nil:
		return nil, "", missing(fFrames)
	case v[0] != '[':
		return nil, "", mustBe(fFrames, "an array")
	}
	if cursor, err = cursorOf(m.raw[fCursor]); err != nil {
		return nil, "", err
	}
	return frames, cursor, nil
}

func cursorOf(v []byte) (string, error) {
	if v == nil {
		return "", missing(fCursor)
	}
	if v[0] == '"' {
		return text(fCursor, v, MaxCursorBytes)
	}
	if _, ok := parseUint(v); !ok {
		return "", mustBe(fCursor, "a string or an integer")
	}
	return string(v), nil
}
