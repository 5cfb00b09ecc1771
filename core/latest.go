package core

import "tidings/protocol"

// Latest remembers which connect and which poll took a session last, so that a copy of an older one that was delayed on
// its way takes nothing over. See SPEC.md section 7, Late requests. The zero Latest is that of a new session. Its
// caller keeps a request's Late, the takeover and Took together, under one lock.
type Latest struct {
	generation uint64 // given to the latest connect
	attempt    uint64 // of that connect
	poll       uint64 // attempt of the latest poll of that generation
}

// Late reports whether a connect or poll comes after a newer one of its client. Such a request is refused with
// CodeSuperseded and fences nothing. A request without generation or attempt is never late.
func (l *Latest) Late(f *protocol.ClientFrame) bool {
	switch {
	case f.Generation == 0 || f.Attempt == 0:
		return false
	case f.Type == protocol.TypePoll:
		return f.Generation < l.generation || f.Generation == l.generation && f.Attempt < l.poll
	}
	return f.Generation < l.generation && f.Attempt <= l.attempt
}

// Copies reports whether a poll that is not late is a copy of the newest one: something on the way sent it twice, and
// nobody can tell which of the two answers reaches the client.
func (l *Latest) Copies(f *protocol.ClientFrame) bool {
	return f.Type == protocol.TypePoll && f.Attempt != 0 && f.Generation == l.generation && f.Attempt == l.poll
}

// Took notes that f took the session over. generation is what a connect was given; a poll keeps that of its connect.
func (l *Latest) Took(f *protocol.ClientFrame, generation uint64) {
	if f.Type == protocol.TypePoll {
		l.poll = max(l.poll, f.Attempt)
		return
	}
	*l = Latest{generation: generation, attempt: f.Attempt}
}

// Generation returns what the latest connect was given.
func (l *Latest) Generation() uint64 { return l.generation }
