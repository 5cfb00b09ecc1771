package protocol

// DefaultAnnounce is what a server that nobody configured says of itself.
func DefaultAnnounce() Announce {
	return Announce{
		Version:     Version,
		Transports:  []string{WebSocket, SSE, Poll},
		HeartbeatMS: DefaultHeartbeat.Milliseconds(),
		ParkMS:      DefaultPark.Milliseconds(),
		Limits: AnnouncedLimits{
			Message: MaxMessageBytes, Payload: MaxPayloadBytes, Frames: MaxFrames, Channel: MaxChannelBytes, Subscriptions: MaxSubscriptions,
		},
	}
}

// AppendJSON appends the negotiation document of GET /bus.
func (a *Announce) AppendJSON(dst []byte) []byte {
	dst = appendNumber(append(dst, '{'), fVersion, uint64(a.Version))
	dst = append(dst, `,"transports":[`...)
	for i, t := range a.Transports {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, t)
	}
	return append(a.appendTail(append(dst, ']')), '}')
}

// appendTail appends what both the document and connected have, but the version.
func (a *Announce) appendTail(dst []byte) []byte {
	dst = appendNumber(dst, fHeartbeat, uint64(a.HeartbeatMS))
	dst = appendNumber(dst, fPark, uint64(a.ParkMS))
	return a.Limits.appendJSON(appendName(dst, fLimits))
}

func (l *AnnouncedLimits) appendJSON(dst []byte) []byte {
	dst = appendNumber(append(dst, '{'), fMessage, uint64(l.Message))
	dst = appendNumber(dst, fPayload, uint64(l.Payload))
	dst = appendNumber(dst, fFrames, uint64(l.Frames))
	dst = appendNumber(dst, fChannel, uint64(l.Channel))
	return append(appendNumber(dst, fSubscriptions, uint64(l.Subscriptions)), '}')
}

// DecodeAnnounce reads the negotiation document. What it does not know it ignores; what is absent stays zero.
func DecodeAnnounce(b []byte) (*Announce, error) {
	var s scanner
	if err := s.start(b, envelope, MaxTokens); err != nil {
		return nil, err
	}
	if s.peek() != '{' {
		return nil, s.wrongType("must be a JSON object")
	}
	var m members
	if err := s.verdict(m.collect(&s)); err != nil {
		return nil, err
	}
	a := new(Announce)
	for _, id := range [...]field{fVersion, fTransports, fHeartbeat, fPark, fLimits} {
		if v := m.raw[id]; v != nil {
			if err := a.read(id, v); err != nil {
				return nil, err
			}
		}
	}
	return a, nil
}

func (a *Announce) read(id field, v []byte) (err error) {
	var n uint64
	switch id {
	case fVersion:
		n, err = number(id, v, 0, 1<<31-1)
		a.Version = int(n)
	case fHeartbeat:
		n, err = number(id, v, 0, MaxInteger)
		a.HeartbeatMS = int64(n)
	case fPark:
		n, err = number(id, v, 0, MaxInteger)
		a.ParkMS = int64(n)
	case fTransports:
		err = ReadArray(v, func(v []byte) error {
			name, err := text(id, v, MaxNameBytes)
			a.Transports = append(a.Transports, name)
			return err
		})
	case fLimits:
		err = a.Limits.read(v)
	}
	return err
}

func (l *AnnouncedLimits) read(v []byte) error {
	var m members
	if err := m.within(fLimits, v); err != nil {
		return err
	}
	for _, to := range [...]struct {
		id field
		n  *int
	}{{fMessage, &l.Message}, {fPayload, &l.Payload}, {fFrames, &l.Frames}, {fChannel, &l.Channel}, {fSubscriptions, &l.Subscriptions}} {
		if v := m.raw[to.id]; v != nil {
			n, err := number(to.id, v, 0, 1<<31-1)
			if err != nil {
				return err
			}
			*to.n = int(n)
		}
	}
	return nil
}
