package protocol

// AppendServerFrame appends f as one line of JSON: the fields that its type has, and of those that may be absent the
// ones that are not zero. connected without Announce says DefaultAnnounce; a reply to history has Messages that are not
// nil. A message has Msg, Room, and Prev or else Msg.Prev.
func AppendServerFrame(dst []byte, f *ServerFrame) []byte {
	if f.Type == TypeMessage && f.Msg != nil {
		v := f.Msg.View()
		if v.Room = f.Room; f.Prev != nil {
			v.Prev = *f.Prev
		}
		return AppendMessage(dst, f.Msg, v)
	}
	dst = appendText(append(dst, '{'), fType, f.Type)
	if shape := serverShapes[f.Type]; shape != nil {
		for _, id := range shape.must {
			dst = f.appendField(dst, id, true)
		}
		for _, id := range shape.may {
			dst = f.appendField(dst, id, false)
		}
	}
	return append(dst, '}')
}

func (f *ServerFrame) appendField(dst []byte, id field, must bool) []byte {
	switch id {
	case fEpoch:
		if must || !f.Position.IsZero() {
			dst = appendPositionFields(dst, &f.Position)
		}
	case fOffset, fTag: // written with epoch
	case fLast:
		if f.Last != nil {
			dst = appendPosition(dst, id, f.Last)
		}
	case fFrom:
		if f.From != nil {
			dst = appendPosition(dst, id, f.From)
		}
	case fData:
		if must || f.Data != nil {
			dst = appendRaw(dst, id, f.Data, "null")
		}
	case fMembers:
		if must || f.Members != nil {
			dst = AppendMembers(appendName(dst, id), f.Members)
		}
	case fCount:
		if must && f.Count == nil {
			dst = appendNumber(dst, id, 0)
		} else if f.Count != nil {
			dst = appendNumber(dst, id, *f.Count)
		}
	case fMessages:
		dst = appendMessages(dst, f.Messages)
	case fComplete:
		if f.Messages != nil {
			dst = appendTruth(dst, id, f.Complete)
		}
	case fVersion:
		dst = appendNumber(dst, id, uint64(f.announce().Version))
	case fHeartbeat:
		dst = f.announce().appendTail(dst)
	case fPark, fLimits: // written with heartbeat
	default:
		return f.appendPlain(dst, id, must)
	}
	return dst
}

// appendPlain appends fields that are a string, a number or a truth value.
func (f *ServerFrame) appendPlain(dst []byte, id field, must bool) []byte {
	switch id {
	case fRecovered:
		return appendTruth(dst, id, f.Recovered)
	case fRetry:
		return appendTruth(dst, id, f.Retry)
	case fResumed:
		return appendTruth(dst, id, f.Resumed)
	case fID, fAfter, fGeneration, fTTL:
		if n := f.numberOf(id); must && f.By == "" || n != 0 {
			dst = appendNumber(dst, id, n)
		}
	default:
		if v := f.textOf(id); must || v != "" {
			dst = appendText(dst, id, v)
		}
	}
	return dst
}

func (f *ServerFrame) announce() *Announce {
	if f.Announce != nil {
		return f.Announce
	}
	a := DefaultAnnounce()
	return &a
}

func (f *ServerFrame) numberOf(id field) uint64 {
	switch id {
	case fID:
		return f.ID
	case fAfter:
		return uint64(max(f.AfterMS, 0))
	case fTTL:
		return uint64(max(f.TTLMS, 0))
	}
	return f.Generation
}

func (f *ServerFrame) textOf(id field) string {
	switch id {
	case fChannel:
		return string(f.Channel)
	case fRoom:
		return f.Room
	case fReason:
		return f.Reason
	case fCode:
		return string(f.Code)
	case fMessage:
		return f.Message
	case fHint:
		return f.Hint
	case fSession:
		return f.Session
	case fConnection:
		return f.Connection
	case fBy:
		return f.By
	case fExclude:
		return f.Exclude
	}
	return f.Event
}

// appendMessages appends the messages of a history answer; nothing where there was no history to answer.
func appendMessages(dst []byte, list []*Message) []byte {
	if list == nil {
		return dst
	}
	dst = append(appendName(dst, fMessages), '[')
	for i, m := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendHistoryMessage(dst, m)
	}
	return append(dst, ']')
}

// AppendHistoryMessage appends m as it stands in a history answer: a message frame with its epoch.
func AppendHistoryMessage(dst []byte, m *Message) []byte {
	dst = appendText(append(dst, '{'), fType, TypeMessage)
	dst = appendText(dst, fChannel, string(m.Channel))
	dst = appendText(dst, fEpoch, m.Epoch)
	return appendMessageBody(dst, m, m.View())
}

// AppendError appends e as the body of an HTTP answer.
func AppendError(dst []byte, e *Error) []byte {
	dst = append(dst, `{"error":{`...)
	dst = appendText(dst, fCode, string(e.Code))
	dst = appendText(dst, fMessage, e.Reason)
	dst = appendText(dst, fHint, e.Hint)
	return append(appendTruth(dst, fRetry, e.Code.Row().Retry), "}}"...)
}
