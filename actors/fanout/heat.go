package fanout

import (
	"time"
)

// heat measures whether it is worth while to make a lane's deliveries wait for more, so that several leave in one write
// for each member.
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

// measure counts the frames of a flush. Once a period it judges anew: a lane is hot if it had enough pushes, and if
// more than one frame comes in a window.
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
