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
		frames := l.frames
		l.flushed, l.frames = now, 0
		woken := 0
		for i, c := range l.dirty {
			for j := range c.members {
				s.Wake(c.members[j].out)
			}
			woken += len(c.members)
			c.dirty, l.dirty[i] = false, nil
		}
		l.dirty = l.dirty[:0]
		if l.window > 0 {
			now = time.Now()
			l.rested = now
			l.heat.woke(woken, frames, now.Sub(l.flushed))
		}
	}
	clear(s.dirty[len(kept):])
	s.dirty = kept
	s.pushed, s.since = 0, time.Time{}
	s.judge(now)
	return wait
}

// collecting returns how much longer what was pushed waits for more. The first message after a pause never waits, and
// no outbox is filled by waiting. After a flush that took as long as the window publishers have a part of it, on a
// machine of one processor, to bring more.
func (l *Lane[M]) collecting(now time.Time) time.Duration {
	if !l.heat.hot || l.frames >= flushFrames {
		return 0
	}
	return max(0, l.flushed.Add(l.window).Sub(now), l.rested.Add(l.window/4).Sub(now))
}
