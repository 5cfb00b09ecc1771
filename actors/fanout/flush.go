package fanout

import (
	"runtime"
	"time"

	"tidings/internal/quickcall"
)

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
		woken, others := 0, time.Duration(0)
		for i, c := range l.dirty {
			for j := range c.members {
				s.Wake(c.members[j].out)
				if woken++; woken%yieldWakes == 0 {
					others += yield(woken)
				}
			}
			c.dirty, l.dirty[i] = false, nil
		}
		l.dirty = l.dirty[:0]
		if l.window > 0 {
			now = time.Now()
			l.rested = now
			l.heat.woke(woken, frames, now.Sub(l.flushed)-others)
		}
	}
	clear(s.dirty[len(kept):])
	s.dirty = kept
	s.pushed, s.since = 0, time.Time{}
	s.judge(now)
	return wait
}

// How many links are woken, each of which mostly makes one quick call (package quickcall), before others run, and
// before the runtime is told: after about one millisecond, and 20.
const (
	yieldWakes   = 128
	monitorWakes = 2048
)

// yield has others run after so many wakes, and returns how long that took.
func yield(woken int) time.Duration {
	if woken%monitorWakes == 0 {
		quickcall.Monitor()
	}
	start := time.Now()
	runtime.Gosched()
	return time.Since(start)
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
