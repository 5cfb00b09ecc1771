package protocol

// DecodeClientFrames reads what a client sent: one frame or an array of at most MaxFrames, in one pass. It copies what
// it keeps, so the caller may use b again. It checks syntax, types, ranges, names and what must be there; it does not
// check the length of b.
//
// A fault of one frame refuses the whole message. If the text is JSON the frames are given beside the error with
// nothing but their Type and ID, as far as these could be read, so that each request can be answered.
func DecodeClientFrames(b []byte) ([]ClientFrame, error) {
	var s scanner
	if err := s.start(b, envelope, MaxTokens); err != nil {
		return nil, err
	}
	frames, err := s.clientFrames()
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return nil, err
	}
	return frames, s.refused
}

// clientFrames passes a frame or an array of frames. It fails for syntax and with CodeTooLarge; what else is wrong it
// refuses.
func (s *scanner) clientFrames() (frames []ClientFrame, err error) {
	switch s.peek() {
	case '{':
		frames = make([]ClientFrame, 1)
		err = s.clientFrame(&frames[0])
	case '[':
		frames, err = s.clientArray()
		if len(frames) == 0 {
			s.refuse(&Error{CodeBadRequest, "the array of frames is empty", "Send at least one frame."})
		}
	default:
		s.refuse(&Error{CodeBadRequest, "a frame must be an object", hintFields})
		return nil, s.value()
	}
	if s.refused != nil {
		for i, f := range frames {
			frames[i] = ClientFrame{Type: f.Type, ID: f.ID}
		}
	}
	return frames, err
}

func (s *scanner) clientArray() ([]ClientFrame, error) {
	frames := make([]ClientFrame, 0, 2) // connect and subscribe
	err := s.array(func() error {
		if len(frames) == MaxFrames {
			return &Error{CodeTooLarge, "more than 64 frames in one message", "Send them in several messages."}
		}
		frames = append(frames, ClientFrame{})
		return s.clientFrame(&frames[len(frames)-1])
	})
	return frames, err
}

func (s *scanner) clientFrame(f *ClientFrame) error {
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

// fill reads the frame's fields. The id comes first, so that a refused request can be answered.
func (f *ClientFrame) fill(m *members) error {
	if v := m.raw[fID]; v != nil {
		f.ID, _ = number(fID, v, 1, MaxInteger)
	}
	shape, err := shapeOf(clientShapes, m)
	if err != nil {
		return err
	}
	f.Type = shape.name
	for _, id := range shape.must {
		v := m.raw[id]
		if v == nil {
			return missing(id)
		}
		if len(v) == 2 && v[0] == '"' && id != fData && id != fChannel {
			return &Error{CodeBadRequest, `field "` + id.String() + `" is empty`, hintFields}
		}
		if err := f.read(id, v, m); err != nil {
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
	if !shape.has(fID) {
		f.ID = 0
	}
	return nil
}

// shapeOf finds the shape of the frame with these members.
func shapeOf(shapes map[string]*shape, m *members) (*shape, error) {
	v := m.raw[fType]
	if v == nil {
		return nil, missing(fType)
	}
	name, err := plain(fType, v)
	if err != nil {
		return nil, err
	}
	if sh := shapes[string(name)]; sh != nil {
		return sh, nil
	}
	return nil, &Error{CodeUnknownType, "no such type of frame", "See the table of frames in SPEC.md section 6."}
}

func (f *ClientFrame) read(id field, v []byte, m *members) (err error) {
	switch id {
	case fID:
		f.ID, err = number(id, v, 1, MaxInteger)
	case fChannel:
		f.Channel, err = channelOf(f.Type, v)
	case fRoom:
		f.Room, err = text(id, v, MaxNameBytes)
	case fSince:
		f.Since, err = position(id, v)
	case fFilter:
		if v[0] != '{' {
			return mustBe(id, "an object")
		}
		f.Filter = appendCompact(make([]byte, 0, len(v)), v)
	case fScope:
		f.Scope, err = scopeOf(v)
	case fUsers:
		f.Users, err = usersOf(v)
	case fAnew:
		f.Anew, err = truth(id, v)
	case fData:
		f.Data, err = m.data()
	case fEvent:
		f.Event, err = text(id, v, MaxEventBytes)
	case fIdempotencyKey:
		if f.IdempotencyKey, err = text(id, v, MaxIdempotencyKeyBytes); err == nil {
			err = CheckIdempotencyKey(f.IdempotencyKey)
		}
	case fSpread:
		f.SpreadMS, err = number(id, v, 1, MaxSpreadMS)
	case fTrace:
		f.Trace, err = traceOf(id, v)
	case fMeta:
		f.Meta, err = metaOf(v)
	case fExclude:
		if f.ExcludeSelf = string(v) == "true"; !f.ExcludeSelf {
			f.ExcludeTab, err = tabOf(v)
		}
	default:
		return f.readSession(id, v)
	}
	return err
}

// readSession reads the fields that are about the connection, not a channel.
func (f *ClientFrame) readSession(id field, v []byte) (err error) {
	var n uint64
	switch id {
	case fMethod:
		f.Method, err = text(id, v, MaxNameBytes)
	case fLimit:
		n, err = number(id, v, 1, MaxHistoryLimit)
		f.Limit = int(n)
	case fToken:
		if f.Type == TypeRefresh && v[0] == 'n' { // null
			return nil
		}
		f.Token, err = text(id, v, MaxTokenBytes)
	case fConnectionID:
		f.ConnectionID, err = text(id, v, MaxConnectionIDBytes)
	case fSession:
		f.Session, err = text(id, v, MaxNameBytes)
	case fReceived:
		f.Received, err = counter(id, v)
	case fFallback:
		f.Fallback, err = text(id, v, MaxNameBytes)
	case fGeneration:
		f.Generation, err = number(id, v, 0, MaxInteger)
	case fAttempt:
		f.Attempt, err = number(id, v, 1, MaxInteger)
	case fMax:
		n, err = number(id, v, 1, RecoveryPageBytes)
		f.Max = int(n)
	case fVersion:
		n, err = number(id, v, 1, 1<<31-1)
		f.Version = int(n)
	}
	return err
}

// tabOf reads the name of a tab.
func tabOf(v []byte) (string, error) {
	if v[0] != '"' {
		return "", mustBe(fExclude, "true, or the name of a tab")
	}
	name, err := text(fExclude, v, MaxTabBytes)
	if err == nil && name == "" {
		err = &Error{CodeBadRequest, `field "exclude" is empty`, "Give true, or the name of a tab, or leave it out."}
	}
	return name, err
}

func channelOf(frameType string, v []byte) (Channel, error) {
	b, err := plain(fChannel, v)
	if err != nil {
		return "", err
	}
	switch frameType {
	case TypeSubscribe, TypeUnsubscribe, TypeHistory:
		return ParseReadable(string(b))
	}
	return ParseChannel(string(b))
}

// RequestIDs returns the ids of the requests among frames: those that are to be answered.
func RequestIDs(frames []ClientFrame) (ids []uint64) {
	for i := range frames {
		if id := frames[i].ID; id != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}
