package fanout

import (
	"runtime"
	"time"
)

// Run delivers until Stop.
func (s *Shard[M]) Run() {
	var again *Lane[M]
	for {
		l, stopped := s.take(again)
		again = nil
		switch {
		case stopped:
			return
		case l == nil:
			s.rest()
			continue
		case s.turn(l):
			again = l
		}
		if l.frames >= flushFrames || s.pushed >= clockPushes && s.due() {
			s.flush()
			runtime.Gosched() // on few cores the writers must get a turn, lest the outboxes fill
		}
	}
}

// take returns the lane whose turn it is, after putting again, if not nil, at the end of the row. It returns nil if the
// row is empty, and reports true if it is so for good.
func (s *Shard[M]) take(again *Lane[M]) (l *Lane[M], stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if again != nil {
		s.active = append(s.active, again)
	}
	if len(s.active) == 0 {
		return nil, s.stopped
	}
	l = s.active[0]
	s.active[0] = nil
	if s.active = s.active[1:]; len(s.active) == 0 {
		s.active = nil
	}
	return l, false
}

// rest flushes and, if nothing came meanwhile, sleeps until something comes, or until what is collected has to leave.
func (s *Shard[M]) rest() {
	again := s.after(s.flush())
	s.mu.Lock()
	s.asleep = len(s.active) == 0 && !s.stopped
	asleep := s.asleep
	s.mu.Unlock()
	if !asleep {
		return
	}
	s.temper.slept = true
	select {
	case <-s.wake:
	case <-again:
		s.mu.Lock()
		missed := !s.asleep // somebody is about to wake us
		s.asleep = false
		s.mu.Unlock()
		if missed {
			<-s.wake
		}
	}
}

// due reports whether what was pushed has waited for long enough.
func (s *Shard[M]) due() bool {
	s.pushed = 0
	if s.since.IsZero() {
		s.since = time.Now()
		return false
	}
	return time.Since(s.since) >= flushEvery
}

// after returns what fires after a time, nil if it is 0.
func (s *Shard[M]) after(wait time.Duration) <-chan time.Time {
	if wait <= 0 {
		return nil
	}
	if s.timer == nil {
		s.timer = time.NewTimer(wait)
	} else {
		s.timer.Reset(wait)
	}
	return s.timer.C
}
