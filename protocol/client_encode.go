package protocol

// AppendClientFrame appends f as one line of JSON: the fields that its type has, and of those that may be absent the
// ones that are not zero. Data that is nil and must be there is null.
func AppendClientFrame(dst []byte, f *ClientFrame) []byte {
	dst = appendText(append(dst, '{'), fType, f.Type)
	if shape := clientShapes[f.Type]; shape != nil {
		for _, id := range shape.must {
			dst = f.appendField(dst, id, true)
		}
		for _, id := range shape.may {
			dst = f.appendField(dst, id, false)
		}
	}
	return append(dst, '}')
}

// AppendClientFrames appends one frame plainly, and several, or none, as an array.
func AppendClientFrames(dst []byte, fs []ClientFrame) []byte {
	if len(fs) == 1 {
		return AppendClientFrame(dst, &fs[0])
	}
	return appendClientArray(dst, fs)
}

func appendClientArray(dst []byte, fs []ClientFrame) []byte {
	dst = append(dst, '[')
	for i := range fs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendClientFrame(dst, &fs[i])
	}
	return append(dst, ']')
}

func (f *ClientFrame) appendField(dst []byte, id field, must bool) []byte {
	switch id {
	case fSince:
		if f.Since != nil {
			dst = appendPosition(dst, id, f.Since)
		}
	case fFilter:
		if f.Filter != nil {
			dst = appendRaw(dst, id, f.Filter, "{}")
		}
	case fData:
		if must || f.Data != nil {
			dst = appendRaw(dst, id, f.Data, "null")
		}
	case fMeta:
		if f.Meta != nil {
			dst = appendRaw(dst, id, f.Meta, "{}")
		}
	case fExclude:
		if f.ExcludeSelf {
			dst = appendTruth(dst, id, true)
		} else if f.ExcludeTab != "" {
			dst = appendText(dst, id, f.ExcludeTab)
		}
	case fAnew:
		if f.Anew {
			dst = appendTruth(dst, id, true)
		}
	case fReceived:
		if f.Received != nil {
			dst = appendNumber(dst, id, *f.Received)
		} else if must {
			dst = appendNumber(dst, id, 0)
		}
	case fToken:
		if f.Token == "" && must {
			dst = append(appendName(dst, id), "null"...)
		} else if f.Token != "" {
			dst = appendText(dst, id, f.Token)
		}
	case fID, fLimit, fGeneration, fAttempt, fVersion, fSpread, fMax:
		if n := f.numberOf(id); must || n != 0 {
			dst = appendNumber(dst, id, n)
		}
	default:
		if v := f.textOf(id); must || v != "" {
			dst = appendText(dst, id, v)
		}
	}
	return dst
}

func (f *ClientFrame) numberOf(id field) uint64 {
	switch id {
	case fID:
		return f.ID
	case fLimit:
		return uint64(f.Limit)
	case fGeneration:
		return f.Generation
	case fAttempt:
		return f.Attempt
	case fSpread:
		return f.SpreadMS
	case fVersion:
		return uint64(f.Version)
	case fMax:
		return uint64(f.Max)
	}
	return 0
}

func (f *ClientFrame) textOf(id field) string {
	switch id {
	case fChannel:
		return string(f.Channel)
	case fRoom:
		return f.Room
	case fScope:
		return f.Scope
	case fUsers:
		return f.Users
	case fEvent:
		return f.Event
	case fIdempotencyKey:
		return f.IdempotencyKey
	case fTrace:
		return f.Trace
	case fFallback:
		return f.Fallback
	case fMethod:
		return f.Method
	case fConnectionID:
		return f.ConnectionID
	case fSession:
		return f.Session
	}
	return ""
}
