package fanout

import "time"

// flush wakes the links of all outboxes that were pushed to, but for those of lanes that collect. It returns after
// what time to call it again for them, 0 if there are none.
func (s *Shard[M]) flush() (wait time.Duration) {
	for i, out := range s.single {
		s.single[i] = nil
		s.Wake(out)
	}
	s.single = s.single[:0]
	now := time.Now()
	kept := s.dirty[:0]
	for _, l := range s.dirty {
		if d := l.collecting(now); d > 0 {
			kept = append(kept, l)
			if wait == 0 || d < wait {
				wait = d
			}
			continue
		}
		l.heat.measure(now, l.frames, l.window)
		l.flushed, l.frames = now, 0
		for i := range l.all.members {
			s.Wake(l.all.members[i].out)
		}
	}
	clear(s.dirty[len(kept):])
	s.dirty = kept
	s.pushed, s.since = 0, time.Time{}
	return wait
}

// collecting returns how much longer what was pushed waits for more. The first message after a pause never waits, and
// no outbox is filled by waiting.
func (l *Lane[M]) collecting(now time.Time) time.Duration {
	if !l.heat.hot || l.frames >= flushFrames {
		return 0
	}
	return max(0, l.flushed.Add(l.window).Sub(now))
}
