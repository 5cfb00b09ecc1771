package actors

import (
	"time"
)

// heat measures whether it is worth while to let a lane's deliveries wait for more, so that several leave in one write for each
// member.
type heat struct {
	hot    bool
	since  time.Time // begin of the period
	frames int       // flushed in it
	pushes int       // made in it, one for each frame and member
}

const (
	heatPeriod = 50 * time.Millisecond
	hotPushes  = 10_000 // a second; each may be a system call of 5 to 10 µs
	hotFrames  = 2      // in a window: with fewer there is nothing to collect
)

// measure counts the frames of a flush. Once a period it judges anew: a lane is hot where it had enough pushes, and where what comes in a window
// is more than one frame.
func (h *heat) measure(now time.Time, frames int, window time.Duration) {
	if window == 0 {
		return
	}
	h.frames += frames
	d := now.Sub(h.since)
	if d < heatPeriod {
		return
	}
	h.hot = float64(h.pushes) >= hotPushes*d.Seconds() && float64(h.frames)*window.Seconds() >= hotFrames*d.Seconds()
	h.since, h.frames, h.pushes = now, 0, 0
}

// collecting tells how much longer what was pushed is to wait for more. The first message after a pause never waits, and no outbox is
// filled by waiting.
func (l *lane) collecting(now time.Time) time.Duration {
	if !l.heat.hot || l.frames >= flushDeeds {
		return 0
	}
	return max(0, l.flushed.Add(l.window).Sub(now))
}
