package protocol

// DecodeServerFrames reads what a server sent: one frame or an array, in one pass. It copies what it keeps. Frames of
// an unknown type have nothing but their Type: ignore them. A message has Msg, with Prev filled in, Room, and Prev
// where the frame says it. The number of frames and tokens has no bound but the length of b.
func DecodeServerFrames(b []byte) ([]ServerFrame, error) {
	var s scanner
	if err := s.start(b, envelope, noTokenCap); err != nil {
		return nil, err
	}
	frames, err := s.serverFrames()
	if err := s.verdict(err); err != nil {
		return nil, err
	}
	return frames, nil
}

// answerDepth is how much deeper than a payload an answer's data may be, in which payloads lie.
const answerDepth = 4

func (s *scanner) serverFrames() (frames []ServerFrame, err error) {
	s.deeper = answerDepth
	switch s.peek() {
	case '{':
		frames = make([]ServerFrame, 1)
		return frames, s.serverFrame(&frames[0])
	case '[':
		frames = []ServerFrame{}
		err = s.array(func() error {
			frames = append(frames, ServerFrame{})
			return s.serverFrame(&frames[len(frames)-1])
		})
		return frames, err
	}
	s.refuse(&Error{CodeBadRequest, "a frame must be an object", hintFields})
	return nil, s.value()
}

func (s *scanner) serverFrame(f *ServerFrame) error {
	if s.peek() != '{' {
		s.refuse(&Error{CodeBadRequest, "a frame must be an object", hintFields})
		return s.value()
	}
	var m members
	if err := m.collect(s); err != nil {
		return err
	}
	if err := f.fill(&m); err != nil {
		s.refuse(err)
	}
	return nil
}

func (f *ServerFrame) fill(m *members) error {
	if m.raw[fType] == nil {
		return missing(fType)
	}
	name, err := plain(fType, m.raw[fType])
	if err != nil {
		return err
	}
	shape := serverShapes[string(name)]
	if shape == nil {
		f.Type = string(name)
		return nil
	}
	f.Type = shape.name
	if f.Type == TypeMessage {
		return f.fillMessage(m)
	}
	for _, id := range shape.must {
		if m.raw[id] == nil && id == fID && m.raw[fBy] != nil {
			continue
		}
		if m.raw[id] == nil {
			return missing(id)
		}
		if err := f.read(id, m.raw[id], m); err != nil {
			return err
		}
	}
	for _, id := range shape.may {
		if v := m.raw[id]; v != nil {
			if err := f.read(id, v, m); err != nil {
				return err
			}
		}
	}
	if !shape.has(fEpoch) || m.raw[fEpoch] == nil && m.raw[fOffset] == nil && m.raw[fTag] == nil {
		return nil
	}
	return f.Position.read(m)
}

func (f *ServerFrame) read(id field, v []byte, m *members) (err error) {
	switch id {
	case fID:
		f.ID, err = number(id, v, 1, MaxInteger)
	case fChannel:
		f.Channel, err = serverChannel(v)
	case fRoom:
		f.Room, err = text(id, v, MaxMessageBytes)
	case fEpoch, fOffset, fTag: // together, at the end
	case fRecovered:
		f.Recovered, err = truth(id, v)
	case fReason:
		f.Reason, err = text(id, v, MaxMessageBytes)
	case fLast:
		f.Last, err = position(id, v)
	case fFrom:
		f.From, err = position(id, v)
	case fEvent:
		f.Event, err = text(id, v, MaxMessageBytes)
	case fExclude:
		f.Exclude, err = text(id, v, MaxMessageBytes)
	case fData:
		f.Data = copied(v, m.spaces)
	case fBy:
		f.By, err = text(id, v, MaxNameBytes)
	case fMembers:
		f.Members, err = membersOf(v)
	case fCount:
		f.Count, err = counter(id, v)
	case fMessages:
		f.Messages, err = messagesOf(v)
	case fComplete:
		f.Complete, err = truth(id, v)
	default:
		return f.readControl(id, v)
	}
	return err
}

// readControl reads the fields of connected, error and disconnect.
func (f *ServerFrame) readControl(id field, v []byte) (err error) {
	var n uint64
	var name string
	switch id {
	case fCode:
		name, err = text(id, v, MaxMessageBytes)
		f.Code = Code(name)
	case fMessage:
		f.Message, err = text(id, v, MaxMessageBytes)
	case fHint:
		f.Hint, err = text(id, v, MaxMessageBytes)
	case fRetry:
		f.Retry, err = truth(id, v)
	case fAfter:
		n, err = number(id, v, 0, MaxInteger)
		f.AfterMS = int64(n)
	case fTTL:
		n, err = number(id, v, 0, MaxInteger)
		f.TTLMS = int64(n)
	case fSession:
		f.Session, err = text(id, v, MaxMessageBytes)
	case fConnection:
		f.Connection, err = text(id, v, MaxMessageBytes)
	case fResumed:
		f.Resumed, err = truth(id, v)
	case fGeneration:
		f.Generation, err = number(id, v, 0, MaxInteger)
	default:
		if f.Announce == nil {
			f.Announce = new(Announce)
		}
		return f.Announce.read(id, v)
	}
	return err
}

// serverChannel reads a channel as the server writes it: its own names, with "$", are no fault here.
func serverChannel(v []byte) (Channel, error) {
	name, err := text(fChannel, v, MaxChannelBytes)
	if err == nil && name == "" {
		err = &Error{CodeBadChannel, "the channel name is empty", hintFields}
	}
	return Channel(name), err
}

func (f *ServerFrame) fillMessage(m *members) (err error) {
	if f.Msg, err = messageOf(m); err != nil {
		return err
	}
	f.Channel = f.Msg.Channel
	if v := m.raw[fRoom]; v != nil {
		if f.Room, err = text(fRoom, v, MaxMessageBytes); err != nil {
			return err
		}
	}
	if m.raw[fPrev] != nil && !f.Msg.Volatile {
		prev := f.Msg.Prev
		f.Prev = &prev
	}
	return nil
}

// messagesOf reads the messages of a history answer.
func messagesOf(v []byte) ([]*Message, error) {
	if v[0] != '[' {
		return nil, mustBe(fMessages, "an array")
	}
	list := []*Message{}
	s := scanner{b: v, tokens: noTokenCap}
	err := s.array(func() error {
		if s.peek() != '{' {
			return mustBe(fMessages, "an array of objects")
		}
		var m members
		if err := m.collect(&s); err != nil {
			return err
		}
		msg, err := messageOf(&m)
		list = append(list, msg)
		return err
	})
	return list, err
}

// messageOf reads a message frame, or one message of a history answer.
func messageOf(m *members) (*Message, error) {
	msg := new(Message)
	if v := m.raw[fVolatile]; v != nil {
		var err error
		if msg.Volatile, err = truth(fVolatile, v); err != nil {
			return nil, err
		}
	}
	for _, id := range serverShapes[TypeMessage].must {
		v := m.raw[id]
		if msg.Volatile && (id == fOffset || id == fTag) {
			continue
		}
		if v == nil {
			return nil, missing(id)
		}
		if err := msg.read(id, v, m); err != nil {
			return nil, err
		}
	}
	for _, id := range [...]field{fEvent, fEpoch, fSpread, fTrace, fExclude} {
		if v := m.raw[id]; v != nil {
			if err := msg.read(id, v, m); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if msg.Extra, err = extraOf(m); err != nil {
		return nil, err
	}
	return msg, msg.readPrev(m)
}

func (msg *Message) read(id field, v []byte, m *members) (err error) {
	switch id {
	case fChannel:
		msg.Channel, err = serverChannel(v)
	case fOffset:
		msg.Offset, err = number(id, v, 1, MaxInteger)
	case fID:
		msg.ID, err = text(id, v, MaxMessageBytes)
	case fTag:
		msg.Tag, err = word(id, v, MaxTagBytes)
	case fEpoch:
		msg.Epoch, err = word(id, v, MaxEpochBytes)
	case fEvent:
		msg.Event, err = text(id, v, MaxMessageBytes)
	case fSpread:
		msg.SpreadMS, err = number(id, v, 1, MaxInteger)
	case fTrace:
		msg.Trace, err = traceOf(id, v)
	case fExclude:
		msg.Exclude.Tab, err = text(id, v, MaxMessageBytes)
	case fTime:
		var n uint64
		n, err = number(id, v, 0, MaxInteger)
		msg.TimeMS = int64(n)
	case fData:
		msg.Data = copied(v, m.spaces)
	}
	return err
}

// readPrev reads prev, which is the offset before the message's own where it is absent.
func (msg *Message) readPrev(m *members) (err error) {
	v := m.raw[fPrev]
	switch {
	case msg.Volatile:
	case v == nil:
		msg.Prev = msg.Offset - 1
	default:
		msg.Prev, err = number(fPrev, v, 0, msg.Offset-1)
	}
	return err
}

// word reads a part of a position.
func word(f field, v []byte, max int) (string, error) {
	w, err := text(f, v, max)
	if err == nil && !wordBytes(w) {
		err = mustBe(f, "of the characters A-Z a-z 0-9 _ -")
	}
	return w, err
}
